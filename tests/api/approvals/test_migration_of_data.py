"""A database of the release before this one keeps all it holds."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from services.approvals.notices.store.due import list_zones
from tests.api.approvals.conftest import Neighbours
from tests.conftest import Databases
from tests.support.clock import StandingClock
from tests.support.earlier_release import EarlierRelease, earlier_release, with_columns_of

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
# Their meaning has changed.
CHANGED = {"approvals": ("target_minutes", "flags")}

# The target shown by the release before, and whether it flagged the week.
SHOWN = """
SELECT approvals.id, coalesce(approvals.target_minutes, people.target_minutes, 2400) AS target
FROM approvals LEFT JOIN people USING (person) ORDER BY id
"""


@pytest.fixture
async def release(databases: Databases) -> AsyncIterator[EarlierRelease]:
    async with earlier_release(databases, "approvals", "0001") as made:
        await made.connection.execute(FILL)
        yield made


@pytest.fixture
def connection(release: EarlierRelease) -> asyncpg.Connection:
    return release.connection


async def test_nothing_is_lost_and_weeks_are_measured_as_they_were_shown(
    release: EarlierRelease, connection: asyncpg.Connection
) -> None:
    before = await release.rows(TABLES, CHANGED)
    shown = [tuple(row) for row in await connection.fetch(SHOWN)]
    await release.upgrade()
    after = await release.rows(TABLES, CHANGED)
    assert with_columns_of(before, after) == before

    fixed = await connection.fetch("SELECT id, target_minutes FROM approvals ORDER BY id")
    assert [tuple(row) for row in fixed] == shown
    off = await connection.fetchval(
        "SELECT count(*) FROM approvals WHERE 'off_target' = ANY (flags)"
    )
    assert off == sum(target == 1200 for _, target in shown) > 0
    assert await connection.fetchval("SELECT count(*) FROM approvals WHERE submitted_by = person")


async def test_a_resubmission_has_the_reason_of_the_rejection_before(
    release: EarlierRelease, connection: asyncpg.Connection
) -> None:
    await release.upgrade()
    reasons = await connection.fetch(
        "SELECT monday, previous_reason FROM approvals "
        "WHERE person = 'p1' AND 'resubmitted' = ANY (flags) ORDER BY monday"
    )
    expected = [f"week {week}" if week <= 49 else None for week in range(0, 52, 5)]
    assert [row["previous_reason"] for row in reasons] == expected


async def test_people_without_a_manager_are_known(
    release: EarlierRelease, connection: asyncpg.Connection
) -> None:
    """The first manages themselves, the last has submitted but is not published."""
    await release.upgrade()
    records = await connection.fetch("SELECT person FROM unassigned_people ORDER BY person")
    assert [record["person"] for record in records] == ["p1", "p20"]


async def test_a_person_who_is_published_again_gets_mail(
    release: EarlierRelease, connection: asyncpg.Connection
) -> None:
    """The release before knew no e-mail addresses; the version of the person is the same."""
    await release.upgrade()
    neighbours = Neighbours(connection, StandingClock())
    again: dict[str, Any] = {
        "email": "p5@exampleco.com",
        "time_zone": "UTC",
        "reminders": True,
        "version": 1,
    }
    await neighbours.person("5", **{**again, "person": "p5"})
    zones = await list_zones(connection)
    email = await connection.fetchval("SELECT email FROM people WHERE person = 'p5'")
    assert (zones, email) == (["UTC"], "p5@exampleco.com")


async def test_going_back_keeps_every_approval(release: EarlierRelease) -> None:
    before = await release.rows(TABLES, CHANGED)
    await release.upgrade()
    await release.downgrade()
    after = await release.rows(TABLES, CHANGED)
    assert after == before
