"""Every report is served by an index."""

from __future__ import annotations

import asyncio
import re
from datetime import date

import asyncpg
import pytest

from services.entries.model import State
from services.entries.reports.model import Approvals, Filters
from services.entries.reports.store import totals
from services.entries.reports.store.entries import TAG_WEEKS, entries_query
from services.entries.reports.store.queries import Query
from services.entries.reports.store.totals import TotalsFilter
from services.entries.reports.store.weeks import weeks_page, weeks_query
from tests.conftest import Databases
from tests.support.plans import explain

FILL = """
    INSERT INTO entries (person, id, date, project, minutes, billable, source, note)
    SELECT 'auth0|' || number % 40, gen_random_uuid(), date '2020-01-01' + number % 2000,
        'P' || number % 200, 1, true, 'app', repeat('x', 100)
    FROM generate_series(1, $1::integer) AS number
"""


PROJECTS = """
    INSERT INTO projects (code, name, customer)
    SELECT 'P' || number, 'P', 'C' || number % 20 FROM generate_series(0, 199) AS number
"""


@pytest.fixture(scope="module")
def filled_database(databases: Databases) -> str:
    """40 people with 50,000 entries."""
    url = databases.own("entries")

    async def fill() -> None:
        connection = await asyncpg.connect(url)
        await connection.execute(PROJECTS)
        await connection.execute(FILL, 50_000)
        await connection.execute("VACUUM ANALYZE")
        await connection.close()

    asyncio.run(fill())
    return url


DAYS = (date(2024, 1, 1), date(2024, 1, 31))


QUERIES = {
    "a month": (entries_query(Filters(*DAYS)), "entries_by_date"),
    "a month as CSV": (entries_query(Filters(*DAYS), as_csv=True), "entries_by_date"),
    "a project": (
        entries_query(Filters(date(2020, 1, 1), date(2025, 12, 31), project="P7")),
        "entries_by_project",
    ),
    "a person": (
        entries_query(Filters(*DAYS, person="auth0|7")),
        "entries_by_day",
    ),
    "a state": (
        entries_query(Filters(*DAYS, state=State.APPROVED)),
        "entries_by_date",
    ),
    "approved since": (
        entries_query(Filters(date(1970, 1, 1), date(9998, 12, 31)), Approvals(5, 9)),
        "events_of_approval",
    ),
    "weeks": (weeks_query(Filters(*DAYS)), "weeks_by_monday"),
    "weeks decided since": (
        weeks_page(
            Filters(date(1970, 1, 1), date(9998, 12, 31)), Approvals(5, 9), ("", date.min), 51
        ),
        "events_of_decisions",
    ),
    "totals": (
        totals.entries_query(TotalsFilter(Filters(*DAYS), ["task", "employer"], None, 51)),
        "entries_by_date",
    ),
    "the tag": (Query(TAG_WEEKS, (*DAYS, None)), "weeks_by_monday"),
}


@pytest.mark.parametrize("name", QUERIES)
async def test_every_report_is_served_by_an_index(filled_database: str, name: str) -> None:
    query, index = QUERIES[name]
    connection = await asyncpg.connect(filled_database)
    # Of a table with few rows the planner would rightly read all.
    await connection.execute("SET enable_seqscan = off")
    plan = await explain(connection, query.sql, query.arguments)
    await connection.close()
    assert re.search(rf"Scan( Backward)? (using|on) {index}", plan), plan
    assert "Seq Scan on entries" not in plan
