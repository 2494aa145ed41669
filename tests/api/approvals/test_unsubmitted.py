"""Overdue weeks read from what is stored are those computed from everything known."""

from __future__ import annotations

import asyncio
import random
import uuid
from datetime import UTC, date, datetime, timedelta

import asyncpg
import pytest

from libs.rules.calendar import Week
from services.approvals.model import Caller, Today
from services.approvals.store.overdue import (
    FIRST_WEEK,
    OverdueFilter,
    OverdueWeek,
    count_overdue,
    list_overdue,
)
from services.approvals.store.unsubmitted import store_changed
from tests.conftest import Databases
from tests.support.connections import connected, try_statement

SEEDS = 3
TODAY = Today.at(datetime(2026, 11, 23, 12, 0, tzinfo=UTC))
MONDAY = date(2026, 11, 16)
PEOPLE = [f"p{number}" for number in range(6)]
CALLERS = [Caller("p0"), Caller("p1"), Caller("p2", administers=True), Caller("x", True)]
SAVE_PERSON = """
    INSERT INTO people AS known (
        person, name, manager, active, since, first_day, last_day, delegate, delegate_from,
        delegate_to, target_minutes, version
    )
    VALUES ($1, $1, $2, $3, $4, $5, $6, $7, $8, $9, 2400, 1)
    ON CONFLICT (person) DO UPDATE
    SET manager = excluded.manager, active = excluded.active, first_day = excluded.first_day,
        last_day = excluded.last_day, since = least(known.since, excluded.since),
        delegate = excluded.delegate, delegate_from = excluded.delegate_from,
        delegate_to = excluded.delegate_to
"""
SUBMIT = """
    INSERT INTO approvals (
        id, person, monday, total_minutes, by_day, by_project, entries, submitted_at, flags,
        state, confirmed, reopened, steps, head, version
    )
    VALUES ($1, $2, $3, $4, '{}', '{}', '[]', $3::date + 4, '{}', 'pending', true, false, 1, '', 1)
"""
SET_STATE = """
    UPDATE approvals SET state = $3::text, reopened = $4,
        decided_by = CASE WHEN $3 <> 'pending' THEN 'x' END,
        decided_at = CASE WHEN $3 <> 'pending' THEN now() END
    WHERE person = $1 AND monday = $2
"""
SAVE_LEFT_OPEN = """
    INSERT INTO left_open_weeks (person, monday, total_minutes) VALUES ($1, $2, $3)
    ON CONFLICT (person, monday) DO UPDATE SET total_minutes = excluded.total_minutes
"""


@pytest.fixture
def url(databases: Databases) -> str:
    return databases.own("approvals")


async def store(connection: asyncpg.Connection) -> None:
    """Store the weeks of those who changed, three people at a time."""
    stored = 3
    while stored == 3:
        async with connection.transaction():
            stored = await store_changed(connection, 3)


async def change_at_random(connection: asyncpg.Connection, chance: random.Random) -> None:
    """One of the statements that change what is overdue. A refused one changes nothing."""
    person = chance.choice(PEOPLE)
    monday = MONDAY + timedelta(weeks=chance.randrange(-6, 3))
    # Hired and gone before, around and after the weeks of the test.
    first, last = (
        chance.choice([None, None, MONDAY + timedelta(days=chance.randrange(-50, 30))])
        for _ in range(2)
    )
    manager = chance.choice([None, *PEOPLE])
    is_delegating = chance.random() < 0.3
    days = (date(2026, 11, 20), date(2026, 11, 27)) if is_delegating else (None, None)
    delegate = chance.choice(PEOPLE) if is_delegating else None
    is_active = chance.random() < 0.7
    minutes = chance.choice([0, 60])
    state, reopened = chance.choice(
        [
            *(("pending", False), ("approved", False), ("approved", True)),
            *(("rejected", False), ("withdrawn", False)),
        ]
    )
    new_id = uuid.UUID(int=chance.getrandbits(128))
    since = min(monday, MONDAY)
    details = (manager, is_active, since, first, last, delegate, *days)
    statements: list[tuple[str, list[object]]] = [
        (SAVE_PERSON, [person, *details]),
        (SUBMIT, [new_id, person, monday, minutes]),
        (SUBMIT, [new_id, person, monday, minutes]),
        (SET_STATE, [person, monday, state, reopened]),
        (SET_STATE, [person, monday, state, reopened]),
        ("DELETE FROM approvals WHERE person = $1 AND monday = $2", [person, monday]),
        (SAVE_LEFT_OPEN, [person, monday, minutes]),
        ("DELETE FROM left_open_weeks WHERE person = $1 AND monday = $2", [person, monday]),
        ("INSERT INTO weeks_off VALUES ($1, $2) ON CONFLICT DO NOTHING", [person, monday]),
        ("DELETE FROM weeks_off WHERE person = $1 AND monday = $2", [person, monday]),
        ("DELETE FROM people WHERE person = $1 AND person = 'p5'", [person]),
    ]
    statement, arguments = chance.choice(statements)
    await try_statement(connection, chance, statement, arguments)


def filters_of(caller: Caller, chance: random.Random) -> list[OverdueFilter]:
    """Everything, a page after a random key, and one week."""
    week = Week(MONDAY + timedelta(weeks=chance.randrange(-8, 1)))
    key = (week.monday + timedelta(days=chance.choice([0, 0, 3])), chance.choice(PEOPLE))
    last = TODAY.last_week
    return [
        OverdueFilter(caller, TODAY, FIRST_WEEK, last, date.min, "", 1000),
        OverdueFilter(caller, TODAY, FIRST_WEEK, last, *key, chance.randrange(1, 9)),
        OverdueFilter(caller, TODAY, week, week, date.min, "", chance.randrange(1, 9)),
        OverdueFilter(caller, TODAY, week, week, *key, 3),
    ]


async def read(
    connection: asyncpg.Connection, seed: int
) -> list[tuple[int, list[list[OverdueWeek]]]]:
    """All that is read of the weeks: counts and pages."""
    chance = random.Random(seed)
    return [
        (
            await count_overdue(connection, caller, TODAY),
            [await list_overdue(connection, filter_) for filter_ in filters_of(caller, chance)],
        )
        for caller in CALLERS
    ]


async def assert_equal_to_computed(connection: asyncpg.Connection, seed: int) -> None:
    """Compare with what is read if everybody's weeks are computed."""
    async with connection.transaction(isolation="repeatable_read"):
        found = await read(connection, seed)
        rollback = connection.transaction()
        await rollback.start()
        await connection.execute("INSERT INTO unsubmitted_changes SELECT person FROM people")
        expected = await read(connection, seed)
        await rollback.rollback()
    assert found == expected
    assert [count for count, _ in found] == [len(pages[0]) for _, pages in found]


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_stored_weeks_are_those_that_are_computed(url: str, seed: int) -> None:
    chance = random.Random(seed)
    async with connected(url) as connection:
        for step in range(300):
            await change_at_random(connection, chance)
            if step % 20 == 19:
                await store(connection)
            if step % 10 == 5:
                await assert_equal_to_computed(connection, step)
        await store(connection)
        assert await connection.fetchval("SELECT count(*) FROM unsubmitted_changes") == 0
        await assert_equal_to_computed(connection, seed)
        assert await count_overdue(connection, CALLERS[-1], TODAY) > 0


async def test_stored_weeks_are_right_after_concurrent_changes(url: str) -> None:
    """Six writers, and two who store weeks until the writers are done."""
    done = asyncio.Event()

    async def write(seed: int) -> None:
        chance = random.Random(seed)
        async with connected(url) as connection:
            for _ in range(60):
                await change_at_random(connection, chance)

    async def keep_storing() -> None:
        async with connected(url) as connection:
            while not done.is_set():
                await store(connection)
                await asyncio.sleep(0.005)

    async with connected(url) as connection:
        storing = [asyncio.create_task(keep_storing()) for _ in range(2)]
        await asyncio.gather(*(write(seed) for seed in range(6)))
        done.set()
        await asyncio.gather(*storing)
        await store(connection)
        assert await connection.fetchval("SELECT count(*) FROM unsubmitted_changes") == 0
        await assert_equal_to_computed(connection, 0)


async def test_time_passes_without_a_change_of_what_is_stored(url: str) -> None:
    async with connected(url) as connection:
        await connection.execute(
            SAVE_PERSON, "p1", "p0", True, MONDAY, None, None, None, None, None
        )
        await connection.execute(
            SAVE_PERSON, "p0", None, True, MONDAY, None, None, None, None, None
        )
        await store(connection)
        for weeks in (0, 1, 10):
            later = Today.at(datetime(2026, 11, 23, 12, 0, tzinfo=UTC) + timedelta(weeks=weeks))
            assert await count_overdue(connection, CALLERS[0], later) == 1 + weeks


async def test_hours_of_a_leaver_that_change_are_noted(url: str) -> None:
    async with connected(url) as connection:
        nobody_else = (None, None, None, None, None)
        await connection.execute(SAVE_PERSON, "p1", None, False, MONDAY, *nobody_else)
        for minutes in (0, 60, 0):
            await connection.execute(SAVE_LEFT_OPEN, "p1", MONDAY, minutes)
            await store(connection)
            assert await count_overdue(connection, CALLERS[-1], TODAY) == minutes // 60
