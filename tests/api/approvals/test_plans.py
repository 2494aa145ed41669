"""Lists over many people and years are answered from indexes, few rows of each."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Any

import asyncpg
import pytest

from libs.rules.calendar import Week
from services.approvals.model import (
    Caller,
    DecisionRole,
    Flag,
    State,
    Today,
)
from services.approvals.notices.model import Kind, due_times
from services.approvals.notices.store import due, outbox
from services.approvals.store import lists
from services.approvals.store.approvals import READ_WAITING
from services.approvals.store.lists import ApprovalFilter
from services.approvals.store.overdue import (
    OverdueFilter,
    count_statement,
    list_overdue,
    list_statement,
)
from services.approvals.store.unsubmitted import store_changed
from tests.conftest import Databases

TODAY = Today.at(datetime(2026, 11, 23, 12, 0, tzinfo=UTC))

# Of 300 people ten have the same manager; everybody submitted for two years, all but the last
# week of which is decided.
PEOPLE = """
    INSERT INTO people (person, name, manager, active, target_minutes, since, version)
    SELECT 'p' || n, 'Person ' || n, 'p' || (n / 10 * 10), true, 2400, '2023-01-02', 1
    FROM generate_series(1, 300) AS n
"""
APPROVALS = """
    INSERT INTO approvals (
        id, person, monday, total_minutes, by_day, by_project, entries, submitted_at, flags,
        state, decided_by, decided_at, confirmed, reopened, steps, head, version
    )
    SELECT gen_random_uuid(), 'p' || n, '2026-11-16'::date - 7 * week, 2400, '{}', '{}', '[]',
        '2026-11-20'::timestamptz - make_interval(weeks => week, secs => n),
        CASE WHEN n % 7 = 0 THEN ARRAY['weekend'] ELSE '{}' END,
        CASE WHEN week = 0 THEN 'pending' ELSE 'approved' END,
        CASE WHEN week > 0 THEN 'p' || (n / 10 * 10) || '-' END,
        CASE WHEN week > 0 THEN '2026-11-20'::timestamptz END, true, false, 1, '', 1
    FROM generate_series(1, 300) AS n, generate_series(0, 99) AS week
"""


@pytest.fixture
def crowded_database(databases: Databases) -> str:
    return databases.own("approvals")


@pytest.fixture
async def crowded(crowded_database: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(crowded_database)
    await connection.execute(f"{PEOPLE}; {APPROVALS}; ANALYZE")
    yield connection
    await connection.close()


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", []):
        yield from nodes(inner)


async def rows_read(
    connection: asyncpg.Connection,
    statement: str,
    arguments: Sequence[object],
    tables: Collection[str] = ("approvals",),
) -> int:
    """Count the rows of these tables that are read; fail if all of one are."""
    [answer] = await connection.fetchrow(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", *arguments)
    read = 0
    for node in nodes(json.loads(answer)[0]["Plan"]):
        if node.get("Relation Name") in tables:
            assert node["Node Type"] != "Seq Scan", node
            removed = node.get("Rows Removed by Filter", 0)
            read += round((node["Actual Rows"] + removed) * node["Actual Loops"])
    return read


async def test_every_list_reads_few_rows(
    crowded: asyncpg.Connection,
) -> None:
    manager, administrator = Caller("p100"), Caller("p100", administers=True)
    late = (datetime(2026, 11, 1, tzinfo=UTC), uuid.UUID(int=0))
    week = Week.parse("2026-W47")
    for filters, most in (
        (ApprovalFilter(manager, TODAY, limit=51, state=State.PENDING), 40),
        (ApprovalFilter(manager, TODAY, limit=51), 300),
        (ApprovalFilter(manager, TODAY, 51, after=late), 120),
        (ApprovalFilter(manager, TODAY, limit=51, week=week), 40),
        (ApprovalFilter(manager, TODAY, limit=51, state=State.PENDING, flags=()), 40),
        (ApprovalFilter(administrator, TODAY, limit=51, state=State.PENDING), 120),
        (ApprovalFilter(administrator, TODAY, limit=51), 120),
        (ApprovalFilter(administrator, TODAY, limit=51, week=week), 120),
        (ApprovalFilter(administrator, TODAY, limit=51, person="p7"), 120),
        (ApprovalFilter(administrator, TODAY, limit=51, state=State.REJECTED), 0),
        (
            ApprovalFilter(administrator, TODAY, 51, State.PENDING, why=DecisionRole.UNASSIGNED),
            120,
        ),
        (
            ApprovalFilter(administrator, TODAY, 51, State.PENDING, flags=(Flag.WEEKEND,)),
            400,
        ),
        (ApprovalFilter(administrator, TODAY, 51, flags=(Flag.HOLIDAY,)), 0),
        (ApprovalFilter(administrator, TODAY, 51, flags=(Flag.HOLIDAY, Flag.WEEKEND)), 0),
        (ApprovalFilter(administrator, TODAY, 51, State.PENDING, flags=(Flag.HOLIDAY,)), 0),
        (ApprovalFilter(administrator, TODAY, 51, flags=()), 120),
        (ApprovalFilter(administrator, TODAY, 51, why=DecisionRole.MANAGER), 120),
        (ApprovalFilter(administrator, TODAY, 51, why=DecisionRole.DELEGATE), 0),
        (ApprovalFilter(manager, TODAY, 51, flags=(Flag.WEEKEND,)), 400),
        (ApprovalFilter(manager, TODAY, 51, flags=(Flag.HOLIDAY,)), 0),
        (ApprovalFilter(manager, TODAY, 51, flags=()), 400),
        (ApprovalFilter(manager, TODAY, 51, state=State.REJECTED), 0),
        (ApprovalFilter(manager, TODAY, 51, why=DecisionRole.MANAGER), 40),
        (ApprovalFilter(manager, TODAY, 51, why=DecisionRole.DELEGATE), 0),
        (ApprovalFilter(manager, TODAY, 51, why=DecisionRole.ADMINISTRATOR), 0),
    ):
        assert await rows_read(crowded, *lists.list_statement(filters)) <= most, filters


async def test_those_who_wait_are_counted_from_an_index(crowded: asyncpg.Connection) -> None:
    [answer] = await crowded.fetchrow(f"EXPLAIN (FORMAT JSON) {READ_WAITING}")
    [scan] = [
        node
        for node in nodes(json.loads(answer)[0]["Plan"])
        if node.get("Relation Name") == "approvals"
    ]
    assert (scan["Node Type"], scan["Index Name"]) == ("Index Only Scan", "approvals_by_state")


@pytest.mark.parametrize("caller", [Caller("p100"), Caller("p100", administers=True)])
@pytest.mark.parametrize("is_stored", [False, True])
async def test_overdue_weeks_of_years_are_found_by_an_index(
    crowded: asyncpg.Connection, caller: Caller, is_stored: bool
) -> None:
    await crowded.execute("DELETE FROM approvals WHERE person = 'p101' AND monday = '2025-06-02'")
    if is_stored:
        async with crowded.transaction():
            assert await store_changed(crowded, 1000) == 300
        await crowded.execute("ANALYZE")
    first, last = Week.parse("2025-W02"), TODAY.last_week
    filter_ = OverdueFilter(caller, TODAY, first, last, date.min, "", 51)
    found = [(row.person, str(row.week)) for row in await list_overdue(crowded, filter_)]
    assert found == [("p101", "2025-W23")]
    for statement, arguments in (list_statement(filter_), count_statement(caller, TODAY)):
        [answer] = await crowded.fetchrow(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", *arguments)
        scans = [
            node
            for node in nodes(json.loads(answer)[0]["Plan"])
            if node.get("Relation Name") == "approvals"
        ]
        assert scans
        assert all(node["Node Type"] != "Seq Scan" for node in scans), scans
        if is_stored:
            assert not any(node["Actual Loops"] for node in scans), scans


GET_MAIL = """
    UPDATE people SET email = person || '@exampleco.com', reminders = true, time_zone = 'UTC';
    INSERT INTO weeks_off SELECT person, '2026-11-16'::date - 7 * week
    FROM people, generate_series(0, 99) AS week;
    INSERT INTO history (submission_id, number, person, monday, event, at, actor, total_minutes,
        by_day, by_project, previous)
    SELECT id, 1, person, monday, 'submitted', submitted_at, person, 0, '{}', '{}', ''
    FROM approvals;
    INSERT INTO notices (person, kind, fact, due_at, next_attempt_at, sent_at)
    SELECT person, 'week_due', week::text, now(), now(), now()
    FROM people, generate_series(1, 20) AS week;
    ANALYZE
"""


async def test_notices_of_a_week_read_no_other_week(crowded: asyncpg.Connection) -> None:
    """They are looked for every 15 minutes for everybody, so they must not grow with the past."""
    await crowded.execute(GET_MAIL)
    tables = {"approvals", "weeks_off", "history"}
    friday, monday = (datetime(2026, 11, day, 23, tzinfo=UTC) for day in (27, 30))
    for time in (*due_times("UTC", friday), *due_times("UTC", monday)):
        waits = time.kind is Kind.WEEKS_WAITING
        statement = due.RECORD_WAITING if waits else due.RECORD_UNSUBMITTED
        arguments = due.arguments([time], time.kind)
        # Of each person what waits, is submitted or off: of one week.
        assert await rows_read(crowded, statement, arguments, tables) <= 3 * 300, time
        await crowded.execute(statement, *arguments)
    assert await rows_read(crowded, outbox.CLAIM, [monday], tables) <= 3
    # Statistics are of a time when all were sent.
    assert await crowded.fetchval("SELECT count(*) FROM notices WHERE sent_at IS NULL") >= 300
    assert await rows_read(crowded, outbox.CLAIM, [monday], {"notices"}) == 1
