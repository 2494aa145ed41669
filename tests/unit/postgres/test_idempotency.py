import asyncio
from datetime import timedelta

import asyncpg
import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import make_mocked_request

from libs.postgres import idempotency
from libs.postgres.idempotency import (
    HEADER,
    IDEMPOTENCY_KEYS_V1_DOWN,
    IDEMPOTENCY_KEYS_V1_UP,
    ResponseExists,
    StoredResponse,
    fingerprint_of,
    forget_old_keys,
    idempotency_key,
    idempotent,
    idempotent_response,
    recall,
    remember,
)
from libs.postgres.pool import DATABASE, Database
from libs.web.problems import BadRequest, Conflict, ServiceUnavailable, UnprocessableContent
from tests.unit.postgres.relay import Relay

ERIN, PAT = "auth0|erin", "auth0|pat"
SAME, OTHER = fingerprint_of("POST", "/notes", b"one"), fingerprint_of("POST", "/notes", b"two")


@pytest.fixture(autouse=True)
async def _tables(url: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(IDEMPOTENCY_KEYS_V1_UP)
    await connection.execute("CREATE TABLE notes (id serial PRIMARY KEY, text text)")
    await connection.close()


async def add_note(connection: asyncpg.Connection) -> StoredResponse:
    number = await connection.fetchval("INSERT INTO notes (text) VALUES ('n') RETURNING id")
    return StoredResponse(201, {"Location": f"/notes/{number}"}, b'{"id":%d}' % number)


async def count(db: Database, table: str = "notes") -> int:
    async with db.connection() as connection:
        found: int = await connection.fetchval(f"SELECT count(*) FROM {table}")
        return found


def request_with(*keys: str) -> web.Request:
    request = make_mocked_request("POST", "/notes")
    headers = request.headers.copy()
    for key in keys:
        headers.add(HEADER, key)
    return request.clone(headers=headers)


async def test_without_a_key_the_work_is_done_each_time(db: Database) -> None:
    answers = [await idempotent(db, ERIN, None, SAME, add_note) for _ in range(2)]

    assert [answer.body for answer in answers] == [b'{"id":1}', b'{"id":2}']
    assert await count(db, "idempotency_keys") == 0


async def test_the_same_request_again_is_given_the_same_answer(db: Database) -> None:
    first = await idempotent(db, ERIN, "k", SAME, add_note)
    second = await idempotent(db, ERIN, "k", SAME, add_note)

    assert (second.status, second.headers, second.body) == (201, first.headers, first.body)
    assert (first.replayed, second.replayed) == (False, True)
    assert await count(db) == 1


async def test_a_key_used_for_another_request_is_refused(db: Database) -> None:
    await idempotent(db, ERIN, "k", SAME, add_note)

    with pytest.raises(UnprocessableContent, match="another request") as caught:
        await idempotent(db, ERIN, "k", OTHER, add_note)

    assert caught.value.members["errors"][0]["location"] == "header"
    assert await count(db) == 1


async def test_every_caller_has_keys_of_their_own(db: Database) -> None:
    await idempotent(db, ERIN, "k", SAME, add_note)
    answer = await idempotent(db, PAT, "k", OTHER, add_note)

    assert not answer.replayed
    assert await count(db) == 2


async def test_a_failed_request_may_be_repeated_with_the_same_key(db: Database) -> None:
    async def fail(_connection: asyncpg.Connection) -> StoredResponse:
        raise Conflict("not now")

    with pytest.raises(Conflict, match="not now"):
        await idempotent(db, ERIN, "k", SAME, fail)

    assert not (await idempotent(db, ERIN, "k", SAME, add_note)).replayed


async def test_a_request_that_fails_because_it_has_been_here_is_given_its_answer(
    db: Database,
) -> None:
    """A week that is submitted cannot be submitted: the second time the work itself refuses."""

    async def add_the_only_note(connection: asyncpg.Connection) -> StoredResponse:
        if await connection.fetchval("SELECT count(*) FROM notes"):
            raise Conflict("there is one already")
        return await add_note(connection)

    await idempotent(db, ERIN, "k", SAME, add_the_only_note)

    assert (await idempotent(db, ERIN, "k", SAME, add_the_only_note)).replayed
    with pytest.raises(Conflict, match="there is one"):
        await idempotent(db, ERIN, "other", SAME, add_the_only_note)


async def test_of_two_at_once_the_second_waits_and_is_given_the_answer_of_the_first(
    db: Database,
) -> None:
    async def add_slowly(connection: asyncpg.Connection) -> StoredResponse:
        answer = await add_note(connection)
        await both_at_work.wait()
        return answer

    both_at_work = asyncio.Barrier(2)
    answers = await asyncio.gather(*(idempotent(db, ERIN, "k", SAME, add_slowly) for _ in range(2)))

    assert answers[0].body == answers[1].body
    assert {answer.replayed for answer in answers} == {True, False}
    assert await count(db) == 1


async def test_without_the_key_two_at_once_do_the_work_twice(db: Database) -> None:
    """The proof that the test above proves something."""
    await asyncio.gather(*(idempotent(db, ERIN, None, SAME, add_note) for _ in range(2)))

    assert await count(db) == 2


@pytest.mark.parametrize("arrives", [True, False])
async def test_a_retry_after_a_commit_of_unknown_outcome_does_the_work_once(
    relayed: Database, relay: Relay, db: Database, arrives: bool
) -> None:
    def on_request(sent: bytes) -> bool:
        if b"COMMIT;" not in sent:
            return True
        relay.on_answer = cut
        if not arrives:
            relay.cut()
        return arrives

    def cut(_sent: bytes) -> bool:
        relay.cut()
        return False

    relay.on_request = on_request
    with pytest.raises(ServiceUnavailable):
        await idempotent(relayed, ERIN, "k", SAME, add_note)

    answer = await idempotent(db, ERIN, "k", SAME, add_note)

    assert answer.replayed == arrives
    assert await count(db) == 1


async def test_a_commit_whose_response_was_lost_is_looked_up(
    relayed: Database, relay: Relay
) -> None:
    """The connection breaks just once: nobody outside learns of it."""

    def on_answer(sent: bytes) -> bool:
        if b"COMMIT\0" not in sent:
            return True
        relay.on_answer = lambda _sent: True
        relay.cut()
        return False

    relay.on_answer = on_answer

    assert (await idempotent(relayed, ERIN, "k", SAME, add_note)).status == 201
    assert await count(relayed) == 1


async def test_a_first_request_costs_one_statement_more(db: Database) -> None:
    async def add_and_listen(connection: asyncpg.Connection) -> StoredResponse:
        answer = await add_note(connection)
        connection.add_query_logger(lambda query: statements.append(query.query))
        return answer

    statements: list[str] = []
    await idempotent(db, ERIN, "k", SAME, add_and_listen)
    await asyncio.sleep(0)  # the logger is called in the event loop's next round

    assert statements == [idempotency.REMEMBER, "COMMIT;"]


async def test_a_response_can_be_stored_and_found_for_a_streamed_body(db: Database) -> None:
    async def upload(connection: asyncpg.Connection) -> StoredResponse:
        answer = await add_note(connection)
        await remember(connection, ERIN, "k", SAME, answer)
        return answer

    await db.transact(upload)
    async with db.connection() as connection:
        found = await recall(connection, ERIN, "k", SAME)
    with pytest.raises(ResponseExists):
        await db.transact(upload)

    assert found is not None
    assert found.replayed
    assert await count(db) == 1


async def test_keys_are_forgotten_after_a_week_some_at_a_time(db: Database) -> None:
    for number in range(5):
        await idempotent(db, ERIN, f"old-{number}", SAME, add_note)
    async with db.connection() as connection:
        await connection.execute(
            "UPDATE idempotency_keys SET created_at = now() - $1::interval",
            timedelta(days=7, minutes=1),
        )
    await idempotent(db, ERIN, "new", SAME, add_note)

    assert [await forget_old_keys(db, at_most=3) for _ in range(3)] == [3, 2, 0]
    assert await count(db, "idempotency_keys") == 1


@pytest.mark.parametrize(
    ("header", "key"),
    [
        ("8e03978e-40d5-43dd-bc93-6894a57f9324", "8e03978e-40d5-43dd-bc93-6894a57f9324"),
        ('"8e03978e"', "8e03978e"),
        (r'"a \"b\" \\c"', r'a "b" \c'),
        ("two words", "two words"),
        ("x" * 255, "x" * 255),
    ],
)
def test_a_key_may_be_quoted_or_not(header: str, key: str) -> None:
    assert idempotency_key(request_with(header)) == key


@pytest.mark.parametrize("header", ["", "  ", '""', "x" * 256, "a\x00b", "a\tb", "é", '" a"'])
def test_a_key_that_cannot_be_taken_is_refused(header: str) -> None:
    with pytest.raises(UnprocessableContent):
        idempotency_key(request_with(header))


def test_two_keys_are_refused() -> None:
    with pytest.raises(UnprocessableContent):
        idempotency_key(request_with("a", "b"))


def test_a_key_is_needed_only_where_it_is_required() -> None:
    assert idempotency_key(request_with()) is None
    with pytest.raises(BadRequest, match=HEADER):
        idempotency_key(request_with(), required=True)


def test_method_path_query_and_body_identify_a_request() -> None:
    marks = {
        fingerprint_of(method, target, body)
        for method in ("POST", "PUT")
        for target in ("/notes", "/notes?a=1")
        for body in (b"one", b"two")
    }

    assert len(marks) == 8


def test_an_answer_is_json_unless_it_says_otherwise() -> None:
    assert StoredResponse(200, {}, b"{}").response().content_type == "application/json"
    assert (
        StoredResponse(200, {"content-type": "text/csv"}, b"a").response().content_type
        == "text/csv"
    )
    assert "Content-Type" not in StoredResponse(204, {}, b"").headers


def test_a_response_can_be_made_an_answer_and_back() -> None:
    response = web.json_response({"a": 1}, status=201, headers={"ETag": '"1"'})

    again = StoredResponse.of(response).response()

    assert (again.status, again.body, again.headers) == (201, response.body, response.headers)


async def test_over_http_the_second_answer_says_that_it_is_a_replay(
    db: Database, session: ClientSession
) -> None:
    async def create_note(request: web.Request) -> web.Response:
        return await idempotent_response(request, ERIN, add_note)

    app = web.Application()
    app[DATABASE] = db
    app.router.add_post("/notes", create_note)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    address = "http://{}:{}/notes".format(*runner.addresses[0])
    responses = []
    for body in ("one", "one"):
        async with session.post(address, data=body, headers={HEADER: "k"}) as response:
            responses.append((response.status, response.headers["Location"], await response.json()))
            replayed = response.headers.get("Idempotency-Replayed")
    await runner.cleanup()

    assert responses == [(201, "/notes/1", {"id": 1})] * 2
    assert replayed == "true"


async def test_the_table_can_be_taken_back(db: Database) -> None:
    async with db.connection() as connection:
        await connection.execute(IDEMPOTENCY_KEYS_V1_DOWN)
        assert await connection.fetchval("SELECT to_regclass('idempotency_keys')") is None
