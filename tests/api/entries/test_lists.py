"""Long lists: complete while rows come and go, and served by an index."""

from __future__ import annotations

import asyncio
import re
import uuid
from datetime import date

import asyncpg
import pytest

from services.entries.store import entries, projects, timesheets
from tests.api.entries.conftest import draft
from tests.conftest import Databases
from tests.support.client import Caller
from tests.support.plans import explain

FILL = """
    INSERT INTO entries (person, id, date, project, minutes, billable, source)
    SELECT $1, gen_random_uuid(), date '2020-01-01' + number % 2000, 'APOLLO', 1, true, 'app'
    FROM generate_series(1, $2::integer) AS number
"""
ADD_PROJECT = "INSERT INTO projects (code, name, customer) VALUES ('APOLLO', 'Apollo', 'Big')"
PERSON = "auth0|erin"


async def test_a_list_of_10000_is_complete_while_rows_come_and_go(
    erin: Caller, entries_database: str
) -> None:
    connection = await asyncpg.connect(entries_database)
    await connection.execute(FILL, PERSON, 10_000)
    stay = {str(row[0]) for row in await connection.fetch("SELECT id FROM entries")}
    doomed = [stay.pop() for _ in range(500)]
    seen: list[str] = []
    path = "/v1/entries?limit=200"
    while path:
        reply = await erin.get(path)
        seen += [item["id"] for item in reply.json["items"]]
        path = reply.json["next"]
        gone = [uuid.UUID(doomed.pop()) for _ in range(min(10, len(doomed)))]
        await asyncio.gather(
            erin.post("/v1/entries", draft(minutes=1, date="2021-06-01")),
            erin.post("/v1/entries", draft(minutes=1, date="2024-06-01")),
        )
        await connection.execute("DELETE FROM entries WHERE id = ANY ($1)", gone)
    await connection.close()
    assert len(seen) == len(set(seen))
    assert stay <= set(seen)


@pytest.fixture(scope="module")
def filled_database(databases: Databases) -> str:
    """40 people with 2,500 entries each."""
    url = databases.own("entries")

    async def fill() -> None:
        connection = await asyncpg.connect(url)
        await connection.execute(ADD_PROJECT)
        for number in range(40):
            await connection.execute(FILL, f"auth0|{number}", 2500)
        await connection.execute("VACUUM ANALYZE")
        await connection.close()

    asyncio.run(fill())
    return url


DAY = date(2024, 1, 1)
LISTS = {
    "entries.LIST": (
        entries.LIST,
        ("auth0|7", date(1970, 1, 1), date(9998, 12, 31), DAY, uuid.UUID(int=0), None, 51),
        "entries_by_day",
    ),
    "entries.LIST of a project": (
        entries.LIST,
        ("auth0|7", date(1970, 1, 1), date(9998, 12, 31), DAY, uuid.UUID(int=0), "APOLLO", 51),
        "entries_by_day",
    ),
    "entries.LIST_WEEK": (
        entries.LIST_WEEK,
        ("auth0|7", date(2024, 1, 1), date(2024, 1, 7)),
        "entries_by_day",
    ),
    "entries.READ": (entries.READ, ("auth0|7", uuid.UUID(int=0)), "entries_pkey"),
    "timesheets.LIST": (
        timesheets.LIST,
        ("auth0|7", date(2024, 1, 1), date(2024, 3, 25)),
        "weeks_pkey",
    ),
    "timesheets.PROJECT_TOTALS": (
        timesheets.PROJECT_TOTALS,
        ("auth0|7", date(2024, 1, 1), date(2024, 3, 25)),
        "entries_by_day",
    ),
    "timesheets.READ_HISTORY": (
        timesheets.READ_HISTORY,
        ("auth0|7", date(2024, 1, 1)),
        "week_history_pkey",
    ),
    "projects.LIST": (projects.LIST, (DAY, "", None, 51), "projects_pkey"),
}


@pytest.mark.parametrize("name", LISTS)
async def test_every_list_is_served_by_an_index(filled_database: str, name: str) -> None:
    statement, arguments, index = LISTS[name]
    connection = await asyncpg.connect(filled_database)
    # Of a table with few rows the planner would rightly read all.
    await connection.execute("SET enable_seqscan = off")
    plan = await explain(connection, statement, arguments)
    await connection.close()
    assert re.search(rf"Index (Only )?Scan( Backward)? using {index}|on {index}", plan), plan
    assert "Seq Scan on entries" not in plan
    assert "Seq Scan on weeks" not in plan


async def test_the_first_page_costs_the_same_however_many_rows_there_are(
    filled_database: str,
) -> None:
    statement, arguments, _ = LISTS["entries.LIST"]
    connection = await asyncpg.connect(filled_database)
    plan = await explain(connection, statement, arguments)
    await connection.close()
    blocks = re.search(r"Buffers: shared hit=(\d+)", plan)
    assert blocks is not None
    assert int(blocks[1]) < 400, plan


async def test_an_unchanged_list_is_not_sent_again(erin: Caller) -> None:
    await erin.post("/v1/entries", draft())
    reply = await erin.get("/v1/entries?limit=1")
    assert reply.etag.startswith('W/"')

    again = await erin.get("/v1/entries?limit=1", headers={"If-None-Match": reply.etag})
    assert (again.status, again.body, again.etag) == (304, b"", reply.etag)

    await erin.post("/v1/entries", draft(minutes=5))
    changed = await erin.get("/v1/entries?limit=1", headers={"If-None-Match": reply.etag})
    assert changed.status == 200
    assert changed.etag != reply.etag
