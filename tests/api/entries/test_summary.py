"""Totals from the summary are those of the entries, whatever happened before."""

from __future__ import annotations

import asyncio
import itertools
import random
import uuid
from datetime import date, timedelta

import asyncpg
import pytest

from services.entries.model import State
from services.entries.reports.model import Filters
from services.entries.reports.store import summary, totals
from services.entries.reports.store.totals import GROUPS, TotalsFilter
from tests.conftest import Databases
from tests.support.connections import connected, try_statement

SEEDS = 3
MONDAY = date(2026, 10, 5)
PEOPLE = [f"auth0|{number}" for number in range(5)]
PROJECTS = ["APOLLO", "HERMES", "ZEUS"]
SET_UP = """
    INSERT INTO projects (code, name, customer) VALUES
        ('APOLLO', 'Apollo', 'Big'), ('HERMES', 'Hermes', 'Big'), ('ZEUS', 'Zeus', 'Small');
    INSERT INTO project_versions (code, valid_from, name, customer, billable)
    VALUES ('ZEUS', '2026-10-20', 'Zeus', 'Big', true)
"""
ADD = """
    INSERT INTO entries (person, id, date, project, task, minutes, billable, source)
    VALUES ($1, $2, $3, $4, $5, $6, $7, 'app')
"""
ADD_MANY = """
    INSERT INTO entries (person, id, date, project, task, minutes, billable, source)
    SELECT $1, gen_random_uuid(), $2::date + number % 28, 'APOLLO', 'Task ' || number % 2, 1, true,
        'app'
    FROM generate_series(1, 60) AS number
"""
SET_STATE = """
    UPDATE weeks SET state = $3::text,
        submission_id = CASE WHEN $3 <> 'open' THEN gen_random_uuid() END
    WHERE person = ANY ($1) AND monday = $2
"""
SAVE_PERSON = """
    INSERT INTO people
        (person, name, kind, active, external_ids, uploaders, employer, version)
    VALUES ($1, $1, 'contractor', true, '{}', '{}', $2, 1)
    ON CONFLICT (person) DO UPDATE SET employer = excluded.employer
"""
FILTERS = [
    Filters(MONDAY, MONDAY + timedelta(days=27)),
    Filters(MONDAY + timedelta(days=2), MONDAY + timedelta(days=16), state=State.OPEN),
    Filters(MONDAY, MONDAY + timedelta(days=27), state=State.APPROVED),
    Filters(MONDAY, MONDAY + timedelta(days=27), project="ZEUS"),
    Filters(MONDAY, MONDAY + timedelta(days=27), customer="Big", state=State.SUBMITTED),
    Filters(MONDAY, MONDAY + timedelta(days=27), person=PEOPLE[0]),
]
GROUPINGS = [groups for length in (1, 2) for groups in itertools.permutations(GROUPS, length)] + [
    ("week", "project", "task", "employer"),
    ("person", "month", "billable"),
]


@pytest.fixture
def url(databases: Databases) -> str:
    return databases.own("entries")


async def fill(connection: asyncpg.Connection) -> None:
    async with connection.transaction(isolation="repeatable_read"):
        await summary.fill(connection)


async def add_changes(connection: asyncpg.Connection) -> None:
    async with connection.transaction():
        await summary.add_changes(connection)


async def change_at_random(connection: asyncpg.Connection, chance: random.Random) -> None:
    """One of the statements that change totals. A refused one changes nothing."""
    person = chance.choice(PEOPLE)
    day = MONDAY + timedelta(days=chance.randrange(28))
    draft = (
        day,
        chance.choice(PROJECTS),
        chance.choice([None, "", "Design", "Build"]),
        chance.randrange(1, 300),
        chance.random() < 0.5,
    )
    monday = day - timedelta(days=day.weekday())
    known = await connection.fetchval(
        "SELECT id FROM entries WHERE person = $1 ORDER BY id OFFSET $2 LIMIT 1",
        person,
        chance.randrange(10),
    )
    statements: list[tuple[str, list[object]]] = [
        (ADD, [person, uuid.UUID(int=chance.getrandbits(128)), *draft]),
        (ADD, [person, uuid.UUID(int=chance.getrandbits(128)), *draft]),
        (ADD_MANY, [person, MONDAY]),
        (
            "UPDATE entries SET date = $3, project = $4, task = $5, minutes = $6, billable = $7 "
            "WHERE person = $1 AND id = $2",
            [person, known, *draft],
        ),
        ("UPDATE entries SET note = 'x' WHERE person = $1", [person]),
        ("DELETE FROM entries WHERE person = $1 AND id = $2", [person, known]),
        (SET_STATE, [chance.sample(PEOPLE, 3), monday, chance.choice(list(State)).value]),
        (SAVE_PERSON, [person, chance.choice([None, "Agency", "Other"])]),
    ]
    statement, arguments = chance.choice(statements)
    await try_statement(connection, chance, statement, arguments)


async def assert_equal_to_entries(connection: asyncpg.Connection) -> None:
    """Every grouping and filter, against the plain aggregate."""
    compared = 0
    async with connection.transaction(isolation="repeatable_read"):
        for groups, filters in itertools.product(GROUPINGS, FILTERS):
            filter_ = TotalsFilter(filters, groups, None, 200)
            query = totals.entries_query(filter_)
            expected = await connection.fetch(query.sql, *query.arguments)
            found = await totals.list_totals(connection, filter_)
            assert list(map(tuple, found)) == list(map(tuple, expected)), (groups, filters)
            compared += len(found)
    assert compared


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_the_summary_is_what_the_entries_add_up_to(url: str, seed: int) -> None:
    chance = random.Random(seed)
    async with connected(url) as connection:
        await connection.execute(SET_UP)
        for step in range(240):
            await change_at_random(connection, chance)
            if step == 80:
                await fill(connection)
            elif step > 80 and step % 40 == 0:
                await add_changes(connection)
        await assert_equal_to_entries(connection)
        await add_changes(connection)
        assert await connection.fetchval("SELECT count(*) FROM total_changes") == 0
        assert await connection.fetchval("SELECT count(*) FROM daily_totals WHERE entries = 0") == 0
        await assert_equal_to_entries(connection)


async def test_the_summary_is_right_after_concurrent_changes(url: str) -> None:
    """Eight writers, two who fill it and add changes, until the writers are done."""
    done = asyncio.Event()

    async def write(seed: int) -> None:
        chance = random.Random(seed)
        async with connected(url) as connection:
            for _ in range(40):
                try:
                    await change_at_random(connection, chance)
                except asyncpg.DeadlockDetectedError:
                    continue

    async def maintain() -> None:
        async with connected(url) as connection:
            while not done.is_set():
                try:
                    await fill(connection)
                except asyncpg.SerializationError:
                    continue
                await add_changes(connection)
                await asyncio.sleep(0.02)

    async with connected(url) as connection:
        await connection.execute(SET_UP)
        maintaining = [asyncio.create_task(maintain()) for _ in range(2)]
        await asyncio.gather(*(write(seed) for seed in range(8)))
        done.set()
        await asyncio.gather(*maintaining)
        assert await summary.is_filled(connection)
        await assert_equal_to_entries(connection)


async def test_pages_of_totals_by_person_and_project_are_complete(url: str) -> None:
    chance = random.Random(7)
    everything = FILTERS[0]
    async with connected(url) as connection:
        await connection.execute(SET_UP)
        for _ in range(120):
            await change_at_random(connection, chance)
        await fill(connection)
        for groups in (("person",), ("project", "person"), ("person", "week"), ("task", "week")):
            query = totals.entries_query(TotalsFilter(everything, groups, None, 1000))
            expected = list(map(tuple, await connection.fetch(query.sql, *query.arguments)))
            found: list[tuple[object, ...]] = []
            while True:
                after = [str(key) for key in found[-1][: len(groups)]] if found else None
                filter_ = TotalsFilter(everything, groups, after, 3)
                page = await totals.list_totals(connection, filter_)
                found += map(tuple, page)
                if len(page) < 3:
                    break
            assert found == expected
