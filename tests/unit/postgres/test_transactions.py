import asyncio
from dataclasses import replace

import asyncpg
import pytest

from libs.postgres.errors import ConcurrentUpdate, DatabaseBusy, DatabaseUnavailable, OutcomeUnknown
from libs.postgres.pool import Database
from libs.postgres.settings import DatabaseSettings
from libs.postgres.transactions import TRIES
from tests.support.connections import started
from tests.unit.postgres.relay import Relay

TABLES = """
    CREATE TABLE notes (
        id   integer PRIMARY KEY,
        text text NOT NULL,
        twin integer REFERENCES notes DEFERRABLE INITIALLY DEFERRED
    );
    INSERT INTO notes VALUES (1, 'first'), (2, 'second');
"""


ADD_THIRD = "INSERT INTO notes VALUES (3, 'new')"


@pytest.fixture(autouse=True)
async def _notes(url: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(TABLES)
    await connection.close()


async def count(db: Database) -> int:
    async with db.connection() as connection:
        found: int = await connection.fetchval("SELECT count(*) FROM notes")
        return found


async def add(connection: asyncpg.Connection, number: int = 3) -> str:
    await connection.execute("INSERT INTO notes VALUES ($1, 'new')", number)
    return "added"


async def test_the_result_of_the_work_is_returned_once_committed(db: Database) -> None:
    assert await db.transact(add) == "added"
    assert await count(db) == 3


async def test_work_that_raises_is_rolled_back(db: Database) -> None:
    async def add_and_fail(connection: asyncpg.Connection) -> None:
        await add(connection)
        raise LookupError("no")

    with pytest.raises(LookupError, match="no"):
        await db.transact(add_and_fail)
    assert await count(db) == 2


async def test_a_violated_constraint_is_raised_unchanged(db: Database) -> None:
    with pytest.raises(asyncpg.UniqueViolationError):
        await db.transact(lambda connection: add(connection, 1))


async def test_a_constraint_violated_at_commit_is_raised_unchanged(db: Database) -> None:
    async def refer_to_nothing(connection: asyncpg.Connection) -> None:
        await connection.execute("INSERT INTO notes VALUES (3, 'new', 99)")

    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await db.transact(refer_to_nothing)
    assert await count(db) == 2


async def test_transactions_that_cannot_be_serialized_are_repeated(db: Database) -> None:
    """Each adds a note whose number is how many there are: so both would add number 3."""
    both_counted = asyncio.Barrier(2)
    attempts = 0

    async def add_next(connection: asyncpg.Connection) -> None:
        nonlocal attempts
        attempts += 1
        number = await connection.fetchval("SELECT count(*) + 1 FROM notes")
        if attempts <= 2:
            await both_counted.wait()
        await connection.execute(
            "INSERT INTO notes VALUES ($1 + 100 * $2, 'new')", number, attempts
        )

    await asyncio.gather(
        db.transact(add_next, isolation="serializable"),
        db.transact(add_next, isolation="serializable"),
    )

    assert attempts == 3
    async with db.connection() as connection:
        numbers = await connection.fetch("SELECT id % 100 FROM notes ORDER BY 1")
    assert [number for (number,) in numbers] == [1, 2, 3, 4]


async def test_read_committed_lets_the_same_two_cross(db: Database) -> None:
    """The proof that the test above proves something."""
    both_counted = asyncio.Barrier(2)

    async def add_next(connection: asyncpg.Connection) -> None:
        number = await connection.fetchval("SELECT count(*) + 1 FROM notes")
        await both_counted.wait()
        await connection.execute("UPDATE notes SET text = text || $1 WHERE id = 1", str(number))

    await asyncio.gather(db.transact(add_next), db.transact(add_next))

    async with db.connection() as connection:
        assert await connection.fetchval("SELECT text FROM notes WHERE id = 1") == "first33"


async def test_one_of_two_deadlocked_transactions_is_repeated(db: Database) -> None:
    both_have_one = asyncio.Barrier(2)
    attempts = 0

    async def change(connection: asyncpg.Connection, first: int, second: int) -> None:
        nonlocal attempts
        attempts += 1
        await connection.execute("SET LOCAL deadlock_timeout = '10ms'")
        await connection.execute("UPDATE notes SET text = text || '!' WHERE id = $1", first)
        if attempts <= 2:
            await both_have_one.wait()
        await connection.execute("UPDATE notes SET text = text || '!' WHERE id = $1", second)

    await asyncio.gather(
        db.transact(lambda connection: change(connection, 1, 2)),
        db.transact(lambda connection: change(connection, 2, 1)),
    )

    assert attempts == 3
    async with db.connection() as connection:
        texts = await connection.fetch("SELECT text FROM notes ORDER BY id")
    assert [text for (text,) in texts] == ["first!!", "second!!"]


async def test_work_can_ask_to_be_repeated(db: Database) -> None:
    attempts = 0

    async def look(_connection: asyncpg.Connection) -> int:
        nonlocal attempts
        attempts += 1
        if attempts < 3:
            raise ConcurrentUpdate("changed meanwhile")
        return attempts

    assert await db.transact(look) == 3


async def test_after_five_tries_the_database_is_busy(db: Database) -> None:
    attempts = 0

    async def lose(_connection: asyncpg.Connection) -> None:
        nonlocal attempts
        attempts += 1
        raise ConcurrentUpdate("again")

    with pytest.raises(DatabaseBusy):
        await db.transact(lose)
    assert attempts == TRIES


async def test_a_transaction_whose_connection_breaks_before_commit_is_repeated(
    db: Database,
) -> None:
    attempts = 0

    async def add_but_be_killed_first(connection: asyncpg.Connection) -> None:
        nonlocal attempts
        attempts += 1
        await add(connection)
        if attempts == 1:
            await connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    await db.transact(add_but_be_killed_first)

    assert attempts == 2
    assert await count(db) == 3


async def test_a_transaction_that_always_loses_its_connection_is_given_up(db: Database) -> None:
    async def be_killed(connection: asyncpg.Connection) -> None:
        await connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    with pytest.raises(DatabaseUnavailable):
        await db.transact(be_killed)


@pytest.mark.parametrize("arrives", [True, False])
async def test_a_transaction_is_never_repeated_once_commit_was_sent(
    relayed: Database, relay: Relay, arrives: bool
) -> None:
    """Whether the server got it or not looks the same from here."""
    attempts = 0
    cut_at(relay, b"COMMIT;", arrives)

    async def add_once(connection: asyncpg.Connection) -> None:
        nonlocal attempts
        attempts += 1
        await add(connection)

    with pytest.raises(OutcomeUnknown) as caught:
        await relayed.transact(add_once)

    assert attempts == 1
    assert (caught.value.status, caught.value.headers) == (503, {"Retry-After": "1"})
    relay.on_request = relay.on_answer = lambda _sent: True
    assert await settled_count(relayed) == (3 if arrives else 2)


async def test_a_commit_that_is_not_answered_in_time_is_of_unknown_outcome(
    settings: DatabaseSettings, relay: Relay
) -> None:
    async with started(replace(settings, dsn=relay.url, command_timeout=0.1)) as db:
        relay.on_request = lambda sent: b"COMMIT;" not in sent
        with pytest.raises(OutcomeUnknown):
            await db.transact(add)


async def test_once_committed_it_is_a_success_whatever_becomes_of_the_connection(
    relayed: Database, relay: Relay
) -> None:
    def cut_after_answer(sent: bytes) -> bool:
        if b"COMMIT\0" in sent:  # the tag in the server's answer
            asyncio.get_running_loop().call_soon(relay.cut)
        return True

    relay.on_answer = cut_after_answer

    assert await relayed.transact(add) == "added"


async def test_one_statement_is_a_transaction_of_its_own(db: Database) -> None:
    assert await db.execute_once(add) == "added"
    assert await count(db) == 3


async def test_a_statement_that_is_refused_changes_nothing_and_is_not_repeated(
    db: Database,
) -> None:
    attempts = 0

    async def add_again(connection: asyncpg.Connection) -> str:
        nonlocal attempts
        attempts += 1
        return await add(connection, 1)

    assert await db.execute_once(add_again) is None
    assert (attempts, await count(db)) == (1, 2)


@pytest.mark.parametrize("arrives", [True, False])
async def test_a_statement_whose_connection_breaks_is_of_unknown_outcome(
    relayed: Database, relay: Relay, arrives: bool
) -> None:
    await count(relayed)  # so that the statement is the first thing that is sent
    cut_at(relay, b"INSERT", arrives)

    with pytest.raises(OutcomeUnknown):
        await relayed.execute_once(lambda connection: connection.execute(ADD_THIRD))

    relay.on_request = relay.on_answer = lambda _sent: True
    assert await settled_count(relayed) == (3 if arrives else 2)


async def test_a_statement_that_takes_too_long_is_answered_with_busy(
    settings: DatabaseSettings,
) -> None:
    patient = started(replace(settings, lock_timeout=0.05))
    async with patient as db, db.connection() as other, other.transaction():
        await other.execute("LOCK TABLE notes")
        with pytest.raises(DatabaseBusy):
            await db.execute_once(add)


async def test_a_mistake_of_the_service_is_raised_unchanged(db: Database) -> None:
    with pytest.raises(asyncpg.DataError):
        await db.execute_once(lambda connection: connection.execute("SELECT $1::integer", "no"))


def cut_at(relay: Relay, word: bytes, arrives: bool) -> None:
    def on_request(sent: bytes) -> bool:
        if word not in sent:
            return True
        if arrives:
            relay.on_answer = cut
        else:
            relay.cut()
        return arrives

    def cut(_sent: bytes) -> bool:
        relay.cut()
        return False

    relay.on_request = on_request


async def settled_count(db: Database) -> int:
    """The count, once there is a connection again."""
    while True:
        try:
            return await count(db)
        except DatabaseUnavailable:
            await asyncio.sleep(0.01)
