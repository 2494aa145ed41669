"""A database of the release before this one keeps all it holds."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

import services.approvals
from libs.postgres.migrations import downgrade, upgrade
from libs.postgres.settings import DatabaseSettings
from tests.conftest import Databases

VERSIONS = Path(services.approvals.__file__).parent / "migrations" / "versions"

# A year of twenty people: the oldest weeks are approved, some of them resubmitted after a
# rejection, the newest wait. The last person is not in the directory.
FILL = """
INSERT INTO people (person, name, manager, active, target_minutes, since, version)
SELECT 'p' || n, 'Person ' || n, 'p1', n <> 3, CASE n % 3 WHEN 0 THEN 1200 ELSE 2400 END,
    '2025-11-24', 1
FROM generate_series(1, 19) AS n;

INSERT INTO approvals (
    id, person, monday, total_minutes, by_day, by_project, entries, submitted_at, flags, state,
    decided_by, decided_at, reason, target_minutes, confirmed, reopened, steps, head, version
)
SELECT gen_random_uuid(), 'p' || n, '2025-11-24'::date + 7 * week, 2400, '{}', '{"A": 2400}', '[]',
    '2025-11-28'::timestamptz + make_interval(weeks => week, hours => again), CASE WHEN again = 1
    THEN ARRAY['weekend', 'resubmitted'] ELSE ARRAY['weekend'] END,
    CASE WHEN week > 49 THEN 'pending' WHEN again = 1 OR week % 5 <> 0 THEN 'approved'
    ELSE 'rejected' END,
    CASE WHEN week <= 49 THEN 'boss' END,
    CASE WHEN week <= 49 THEN '2026-11-20'::timestamptz END,
    CASE WHEN week <= 49 AND again = 0 AND week % 5 = 0 THEN 'week ' || week END,
    CASE WHEN week <= 49 THEN 2400 END, week <= 49, false, 1, '', 1
FROM generate_series(1, 20) AS n, generate_series(0, 51) AS week, generate_series(0, 1) AS again
WHERE again = 0 OR week % 5 = 0;
"""

TABLES = ("people", "approvals")

# The target shown by the release before, and whether it flagged the week.
SHOWN = """
SELECT approvals.id, coalesce(approvals.target_minutes, people.target_minutes, 2400) AS target
FROM approvals LEFT JOIN people USING (person) ORDER BY id
"""


@pytest.fixture
def url(databases: Databases) -> str:
    return databases.own("approvals")


@pytest.fixture
async def settings(url: str) -> DatabaseSettings:
    settings = DatabaseSettings(url)
    await downgrade(VERSIONS, settings, "0001", drop_data=True)
    return settings


@pytest.fixture
async def connection(url: str, settings: DatabaseSettings) -> AsyncIterator[asyncpg.Connection]:
    del settings  # only that the earlier release is in place
    opened = await asyncpg.connect(url)
    await opened.execute(FILL)
    yield opened
    await opened.close()


async def rows(connection: asyncpg.Connection) -> dict[str, list[dict[str, object]]]:
    """All rows, without the columns whose meaning has changed."""
    found = {}
    for table in TABLES:
        records = await connection.fetch(f"SELECT * FROM {table}")
        changed = ("target_minutes", "flags") if table == "approvals" else ()
        found[table] = [
            {name: value for name, value in record.items() if name not in changed}
            for record in records
        ]
    return found


async def test_nothing_is_lost_and_weeks_are_measured_as_they_were_shown(
    connection: asyncpg.Connection, settings: DatabaseSettings
) -> None:
    before = await rows(connection)
    shown = [tuple(row) for row in await connection.fetch(SHOWN)]
    await upgrade(VERSIONS, settings)
    after = await rows(connection)
    for table in TABLES:
        columns = before[table][0].keys()
        kept = [{name: row[name] for name in columns} for row in after[table]]
        assert sorted(kept, key=str) == sorted(before[table], key=str)

    fixed = await connection.fetch("SELECT id, target_minutes FROM approvals ORDER BY id")
    assert [tuple(row) for row in fixed] == shown
    off = await connection.fetchval(
        "SELECT count(*) FROM approvals WHERE 'off_target' = ANY (flags)"
    )
    assert off == sum(target == 1200 for _, target in shown) > 0
    assert await connection.fetchval("SELECT count(*) FROM approvals WHERE submitted_by = person")


async def test_a_resubmission_has_the_reason_of_the_rejection_before(
    connection: asyncpg.Connection, settings: DatabaseSettings
) -> None:
    await upgrade(VERSIONS, settings)
    reasons = await connection.fetch(
        "SELECT monday, previous_reason FROM approvals "
        "WHERE person = 'p1' AND 'resubmitted' = ANY (flags) ORDER BY monday"
    )
    expected = [f"week {week}" if week <= 49 else None for week in range(0, 52, 5)]
    assert [row["previous_reason"] for row in reasons] == expected


async def test_going_back_keeps_every_approval(
    connection: asyncpg.Connection, settings: DatabaseSettings
) -> None:
    before = await rows(connection)
    await upgrade(VERSIONS, settings)
    await downgrade(VERSIONS, settings, "0001", drop_data=True)
    after = await rows(connection)
    for table in TABLES:
        assert sorted(after[table], key=str) == sorted(before[table], key=str)
