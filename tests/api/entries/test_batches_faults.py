"""A batch that breaks half-way leaves nothing, and the retry ends in exactly one batch."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import asyncpg
import pytest

from libs.web.request_body import BODY_SECONDS
from services.entries.app import create_app
from services.entries.batches.api import request_body
from services.entries.batches.api.uploads import UPLOADS
from services.entries.batches.store.planning import STATISTICS_ARE_STALE
from tests.api.entries.agency import NDJSON, Agency, counts, learn, ndjson, row
from tests.api.entries.halfway import (
    FIRST,
    REST,
    ROWS,
    STAGING,
    Slow,
    holding_week,
    is_empty,
    staging_session,
    waiting_session,
)
from tests.conftest import Databases, service_settings, serving
from tests.support.client import Service
from tests.support.clock import StandingClock
from tests.support.issuer import Issuer

PROJECTS = "INSERT INTO projects (code, name, customer) VALUES ('APOLLO', 'Apollo', 'Big')"
PEOPLE = ("erin", "carl")


@pytest.fixture
def database(databases: Databases) -> str:
    return databases.own("entries")


@pytest.fixture
async def connection(database: str) -> AsyncIterator[asyncpg.Connection]:
    opened = await asyncpg.connect(database)
    await opened.execute(PROJECTS)
    for person in PEOPLE:
        await learn(opened, person, uploaders=["agency", "other"])
    yield opened
    await opened.close()


@pytest.fixture
def grace_seconds() -> float:
    """Seconds of silence that an upload is allowed."""
    return 30.0


@pytest.fixture
async def service(
    database: str,
    connection: asyncpg.Connection,
    issuer: Issuer,
    session: aiohttp.ClientSession,
    clock: StandingClock,
    grace_seconds: float,
) -> AsyncIterator[Service]:
    """Used up by four who hold a connection."""
    del connection  # only that the projects are there
    settings = service_settings("entries", issuer, database, DB_POOL_MAX="4")
    app = create_app(settings)
    app[BODY_SECONDS] = grace_seconds
    async with serving(app, settings, issuer, session, clock) as running:
        yield running


@pytest.fixture
def agency(service: Service, issuer: Issuer) -> Agency:
    return Agency(service, issuer)


async def no_session(connection: asyncpg.Connection) -> None:
    async with asyncio.timeout(5):
        while await connection.fetchval(STAGING) is not None:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("grace_seconds", [0.5])
async def test_an_upload_that_stalls_is_given_up_and_leaves_nothing(
    agency: Agency, connection: asyncpg.Connection, grace_seconds: float
) -> None:
    del grace_seconds  # the service has it
    slow = Slow(FIRST)
    reply = await slow.send(agency.caller, "a-key")
    assert (reply.status, reply.json["type"].rpartition("/")[2]) == (408, "request-timeout")
    await no_session(connection)
    assert await is_empty(connection)
    assert counts(await agency.send(ROWS, key="a-key")) == (1200, 0, 0, 0)


@pytest.mark.parametrize("grace_seconds", [0.5])
async def test_an_upload_that_is_too_slow_on_average_is_given_up(
    agency: Agency,
    connection: asyncpg.Connection,
    grace_seconds: float,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each piece comes in time, but together they would take for ever."""
    del grace_seconds  # the service has it
    monkeypatch.setattr(request_body, "MIN_BYTES_A_SECOND", 10**9)
    headers = {"Content-Type": NDJSON, "Idempotency-Key": "a-key"}
    reply = await agency.caller.post("/v1/batches", data=drips(200), headers=headers)
    assert (reply.status, reply.json["type"].rpartition("/")[2]) == (408, "request-timeout")
    assert await is_empty(connection)


async def drips(number: int) -> AsyncIterator[bytes]:
    """A body of one row in many pieces, each of them late."""
    for _ in range(number):
        yield b"\n"
        await asyncio.sleep(0.05)
    yield ndjson(ROWS[:1])


async def test_a_slow_upload_makes_way_for_a_client_that_has_none(
    service: Service,
    issuer: Issuer,
    connection: asyncpg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(request_body, "SLOW_SECONDS", 0.0)
    monkeypatch.setattr(request_body, "SLOW_BYTES_A_SECOND", 10**12)
    slow = [Slow(FIRST, REST) for _ in range(UPLOADS)]
    sending = [
        each.send(Agency(service, issuer, f"slow-{number}").caller, "a-key")
        for number, each in enumerate(slow)
    ]
    async with asyncio.timeout(20):
        while await connection.fetchval(f"SELECT count(*) FROM ({STAGING}) AS s") < UPLOADS:
            await asyncio.sleep(0.01)
    assert counts(await Agency(service, issuer).send(ROWS)) == (1200, 0, 0, 0)
    for each in slow:
        each.go_on.set()
    statuses = sorted(reply.status for reply in await asyncio.gather(*sending))
    assert statuses == [201] * (UPLOADS - 1) + [429]


async def test_a_connection_that_breaks_leaves_nothing(
    agency: Agency, connection: asyncpg.Connection
) -> None:
    slow = Slow(FIRST)
    sending = slow.send(agency.caller, "a-key")
    await staging_session(connection)
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    await no_session(connection)
    assert await is_empty(connection)
    assert counts(await agency.send(ROWS, key="a-key")) == (1200, 0, 0, 0)


async def test_while_uploads_are_slow_nothing_is_locked_and_others_are_served(
    agency: Agency, service: Service, issuer: Issuer, connection: asyncpg.Connection
) -> None:
    slow = [Slow(FIRST, REST) for _ in range(4)]
    callers = [agency.caller, Agency(service, issuer, "other").caller]
    sending = [each.send(callers[n // 2], f"key-{n}") for n, each in enumerate(slow)]
    await staging_session(connection)
    erin = service.caller("erin")
    entry = {"date": "2026-11-23", "project": "APOLLO", "minutes": 5}
    replies = await asyncio.gather(*(erin.post("/v1/entries", entry) for _ in range(8)))
    assert {reply.status for reply in replies} == {201}
    open_since = "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction'"
    assert await connection.fetchval(open_since) == 0
    for each in slow:
        each.go_on.set()
    # The first of each client creates, the second finds all of it there: 1200 and 40 minutes,
    # so nothing is left of the day for the other client.
    results = [reply.json for reply in await asyncio.gather(*sending)]
    assert sorted(result["created"] for result in results) == [0, 0, 0, 1200]
    assert await connection.fetchval("SELECT max(minutes[1]) FROM weeks") == 1240


async def test_a_database_session_that_dies_leaves_nothing(
    agency: Agency, connection: asyncpg.Connection
) -> None:
    slow = Slow(FIRST, REST)
    sending = slow.send(agency.caller, "a-key")
    await connection.execute("SELECT pg_terminate_backend($1)", await staging_session(connection))
    slow.go_on.set()
    refused = await sending
    assert (refused.status, "Retry-After" in refused.headers) == (503, True)
    assert await is_empty(connection)
    assert counts(await agency.send(ROWS, key="a-key")) == (1200, 0, 0, 0)


async def test_a_session_that_dies_while_it_writes_leaves_nothing(
    agency: Agency, connection: asyncpg.Connection, database: str
) -> None:
    """The rows wait for a lock that somebody holds, and then their session is killed."""
    async with holding_week(database):
        sending = asyncio.create_task(agency.send(ROWS, key="a-key"))
        waiting = await waiting_session(connection)
        await connection.execute("SELECT pg_terminate_backend($1)", waiting)
        assert (await sending).status == 503
    assert await is_empty(connection)
    assert counts(await agency.send(ROWS, key="a-key")) == (1200, 0, 0, 0)


async def test_clients_that_upload_the_same_days_never_exceed_them_nor_deadlock(
    service: Service, issuer: Issuer, connection: asyncpg.Connection
) -> None:
    """Four files at once over the same weeks, forwards and backwards, and people beside them."""
    days = [f"2026-{month:02}-{day:02}" for month in (9, 10) for day in range(1, 29)]
    agencies = [Agency(service, issuer, client) for client in ("agency", "other")]

    def file(number: int) -> list[dict[str, object]]:
        rows = [
            row(
                index,
                person=f"auth0|{person}",
                date=day,
                minutes=500,
                external_id=f"{number}-{day}-{person}-{k}",
            )
            for index, (day, person, k) in enumerate(
                (day, person, k) for day in days for person in PEOPLE for k in range(2)
            )
        ]
        return rows if number % 2 else rows[::-1]

    async def person(name: str) -> set[int]:
        caller = service.caller(name)
        entry = {"project": "APOLLO", "minutes": 300}
        replies = [await caller.post("/v1/entries", {**entry, "date": day}) for day in days[::3]]
        return {reply.status for reply in replies}

    uploads = [agencies[n % 2].send(file(n), "?on_error=skip") for n in range(4)]
    async with asyncio.timeout(60):
        replies, statuses = await asyncio.gather(
            asyncio.gather(*uploads), asyncio.gather(*map(person, PEOPLE))
        )
    assert [reply.status for reply in replies] == [201] * 4
    assert set.union(*statuses) <= {201, 422}
    by_day = "SELECT sum(minutes) FROM entries GROUP BY person, date"
    sums = [record[0] for record in await connection.fetch(by_day)]
    assert max(sums) <= 1440
    assert min(sums) >= 1000
    counted = "SELECT sum((SELECT sum(day) FROM unnest(minutes) AS day)) FROM weeks"
    assert await connection.fetchval(counted) == sum(sums)


async def test_statistics_taken_while_a_first_batch_was_written_are_not_trusted(
    connection: asyncpg.Connection, database: str
) -> None:
    """They say that the table is empty, and what suits an empty table never ends."""
    writing = await asyncpg.connect(database)
    transaction = writing.transaction()
    await transaction.start()
    await writing.execute(
        "INSERT INTO entries (person, id, date, project, minutes, billable, source) "
        "SELECT 'auth0|erin', gen_random_uuid(), date '2020-01-01' + n, 'APOLLO', 1, true, 'app' "
        "FROM generate_series(1, 2000) AS n"
    )
    assert not await connection.fetchval(STATISTICS_ARE_STALE)
    await connection.execute("ANALYZE entries")
    await transaction.commit()
    await writing.close()
    assert await connection.fetchval(STATISTICS_ARE_STALE)
    await connection.execute("ANALYZE entries")
    assert not await connection.fetchval(STATISTICS_ARE_STALE)


async def test_a_project_that_entries_name_is_kept(connection: asyncpg.Connection) -> None:
    entry = """
        INSERT INTO entries (person, id, date, project, minutes, billable, source)
        VALUES ('auth0|erin', gen_random_uuid(), '2026-11-23', $1, 1, true, 'app')
    """
    with pytest.raises(asyncpg.CheckViolationError) as unknown:
        await connection.execute(entry, "NONE")
    assert unknown.value.constraint_name == "entries_project_fkey"
    await connection.execute(entry, "APOLLO")
    for change in ("DELETE FROM projects", "UPDATE projects SET code = 'OTHER'"):
        with pytest.raises(asyncpg.CheckViolationError):
            await connection.execute(change)
