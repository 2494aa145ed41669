"""Requests that cross. Each race is first shown without the guard, then with it.

Without: the triggers are off, and each side does what a service without locks does, which is to
look first and to write then. With: the same steps in the same order.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from datetime import date

import asyncpg
import pytest

from services.entries import model
from tests.api.entries.conftest import Week, draft
from tests.conftest import Databases
from tests.support.client import Caller

DAY = date(2026, 11, 23)
PERSON = "auth0|erin"

ADD_PROJECT = "INSERT INTO projects (code, name, customer) VALUES ('APOLLO', 'Apollo', 'Big')"
WRITTEN = "SELECT coalesce(sum(minutes), 0) FROM entries WHERE person = $1 AND date = $2"
LOG = """
    INSERT INTO entries (person, id, date, project, minutes, billable, source)
    VALUES ($1, $2, $3, 'APOLLO', $4, true, 'app')
"""
STATE = "SELECT coalesce((SELECT state FROM weeks WHERE person = $1 AND monday = $2), 'open')"
SUBMIT = """
    INSERT INTO weeks (person, monday, state, submission_id)
    VALUES ($1, $2, 'submitted', gen_random_uuid())
    ON CONFLICT (person, monday) DO UPDATE
    SET state = 'submitted', submission_id = gen_random_uuid()
"""
CLOSE = "INSERT INTO periods (closed_through, actor) VALUES ($1, 'auth0|ada')"
CLOSED = "SELECT closed_through FROM periods ORDER BY number DESC LIMIT 1"
UNGUARDED = "ALTER TABLE entries DISABLE TRIGGER USER"


@pytest.fixture
def own_database(databases: Databases) -> str:
    return databases.own("entries")


@pytest.fixture
async def two(own_database: str) -> AsyncIterator[tuple[asyncpg.Connection, asyncpg.Connection]]:
    first, second = await asyncpg.connect(own_database), await asyncpg.connect(own_database)
    await first.execute(ADD_PROJECT)
    yield first, second
    await first.close()
    await second.close()


Two = tuple[asyncpg.Connection, asyncpg.Connection]


async def log(connection: asyncpg.Connection, minutes: int) -> None:
    await connection.execute(LOG, PERSON, uuid.uuid4(), DAY, minutes)


async def waits_for_lock(connection: asyncpg.Connection, task: asyncpg.Connection) -> None:
    """Until PostgreSQL says that the other connection waits."""
    waiting = "SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = $1"
    async with asyncio.timeout(10):
        while not await connection.fetchval(waiting, task.get_server_pid()):
            pass


async def test_without_the_guard_two_requests_fill_a_day_beyond_24_hours(two: Two) -> None:
    first, second = two
    await first.execute(UNGUARDED)
    async with first.transaction(), second.transaction():
        for connection in two:
            assert await connection.fetchval(WRITTEN, PERSON, DAY) + 1000 <= 1440
        for connection in two:
            await log(connection, 1000)
    assert await first.fetchval(WRITTEN, PERSON, DAY) == 2000


async def test_with_the_guard_the_second_waits_and_is_refused(two: Two) -> None:
    first, second = two
    async with first.transaction():
        assert await second.fetchval(WRITTEN, PERSON, DAY) == 0
        await log(first, 1000)
        late = asyncio.create_task(log(second, 1000))
        await waits_for_lock(first, second)
    with pytest.raises(asyncpg.CheckViolationError) as refusal:
        await late
    assert refusal.value.constraint_name == "day_has_24_hours"
    assert await first.fetchval(WRITTEN, PERSON, DAY) == 1000


async def test_without_the_guard_an_entry_slips_into_a_week_that_is_being_submitted(
    two: Two,
) -> None:
    first, second = two
    await first.execute(UNGUARDED)
    assert await second.fetchval(STATE, PERSON, DAY) == "open"
    await first.execute(SUBMIT, PERSON, DAY)
    await log(second, 60)
    assert await first.fetchval(STATE, PERSON, DAY) == "submitted"
    assert await first.fetchval(WRITTEN, PERSON, DAY) == 60


async def test_with_the_guard_the_entry_waits_for_the_submission_and_is_refused(two: Two) -> None:
    first, second = two
    async with first.transaction():
        await first.execute(SUBMIT, PERSON, DAY)
        assert await second.fetchval(STATE, PERSON, DAY) == "open"
        late = asyncio.create_task(log(second, 60))
        await waits_for_lock(first, second)
    with pytest.raises(asyncpg.CheckViolationError) as refusal:
        await late
    assert refusal.value.constraint_name == "week_is_open"
    assert await first.fetchval(WRITTEN, PERSON, DAY) == 0


async def test_with_the_guard_the_submission_waits_for_the_entry(two: Two) -> None:
    first, second = two
    async with first.transaction():
        await log(first, 60)
        late = asyncio.create_task(second.execute(SUBMIT, PERSON, DAY))
        await waits_for_lock(first, second)
    await late
    minutes = await first.fetchval("SELECT minutes FROM weeks WHERE person = $1", PERSON)
    assert minutes == [60, 0, 0, 0, 0, 0, 0]


async def test_without_the_guard_an_entry_slips_into_a_period_that_is_being_closed(
    two: Two,
) -> None:
    first, second = two
    await first.execute(UNGUARDED)
    assert await second.fetchval(CLOSED) is None
    await first.execute(CLOSE, DAY)
    await log(second, 60)
    assert await first.fetchval(WRITTEN, PERSON, DAY) == 60


async def test_with_the_guard_closing_waits_for_entries_and_then_refuses_them(two: Two) -> None:
    first, second = two
    async with first.transaction():
        await log(first, 60)
        closing = asyncio.create_task(close_period(second))
        await waits_for_lock(first, second)
    await closing
    with pytest.raises(asyncpg.CheckViolationError) as refusal:
        await log(first, 60)
    assert refusal.value.constraint_name == "period_is_not_closed"


async def close_period(connection: asyncpg.Connection) -> None:
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(7301001)")
        await connection.execute(CLOSE, DAY)


async def test_over_http_as_many_entries_stand_as_a_day_has_room_for(erin: Caller) -> None:
    replies = await asyncio.gather(
        *(erin.post("/v1/entries", draft(minutes=100)) for _ in range(20))
    )
    statuses = [reply.status for reply in replies]
    assert (statuses.count(201), statuses.count(422)) == (14, 6)
    refused = next(reply for reply in replies if reply.status == 422)
    assert refused.codes == {("/minutes", "day_full")}
    assert (await erin.get(f"/v1/timesheets/{Week.THIS}")).json["total_minutes"] == 1400


async def test_over_http_two_puts_of_one_entry_on_a_full_day_both_fit_in_any_order(
    erin: Caller,
) -> None:
    await erin.post("/v1/entries", draft(minutes=1300))
    address = f"/v1/entries/{uuid.uuid4()}"
    for _ in range(20):
        await erin.put(address, draft(minutes=100))
        replies = await asyncio.gather(
            *(erin.put(address, draft(minutes=minutes)) for minutes in (60, 140))
        )
        assert [reply.status for reply in replies] == [200, 200]


async def test_over_http_a_submission_holds_just_the_entries_that_were_accepted(
    erin: Caller, entries_database: str
) -> None:
    replies = await asyncio.gather(
        *(erin.post("/v1/entries", draft(minutes=10)) for _ in range(10)),
        erin.post(f"/v1/timesheets/{Week.THIS}/submit"),
        *(erin.post("/v1/entries", draft(minutes=10)) for _ in range(10)),
    )
    submitted = replies[10]
    assert submitted.status == 200
    assert {reply.status for reply in replies} <= {200, 201, 409}
    accepted = sum(reply.status == 201 for reply in replies)
    assert submitted.json["total_minutes"] == accepted * 10
    connection = await asyncpg.connect(entries_database)
    [published] = await connection.fetch("SELECT data FROM events")
    await connection.close()
    assert json.loads(published["data"])["total_minutes"] == accepted * 10
    assert len(json.loads(published["data"])["entries"]) == accepted


async def test_the_database_and_the_model_have_the_same_limits(own_database: str) -> None:
    connection = await asyncpg.connect(own_database)
    rules = dict(
        await connection.fetch(
            "SELECT conname::text, pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'c'"
        )
    )
    await connection.close()
    assert str(model.MAX_MINUTES_A_DAY) in rules["day_has_24_hours"]
    assert str(model.MAX_MINUTES_A_DAY) in rules["entry_has_sane_minutes"]
    for state in model.State:
        assert f"'{state}'" in rules["week_has_a_known_state"]
