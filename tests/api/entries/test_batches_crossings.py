"""Changes that cross a merge: it locks the rules and the weeks after it has written its entries."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from tests.api.entries.agency import Agency, counts, row
from tests.api.entries.conftest import Week, draft
from tests.api.entries.halfway import waiting_session
from tests.support.client import Caller

RULES_LOCK = "SELECT pg_advisory_xact_lock(7301001)"
WITHOUT_TRIGGERS = "SET LOCAL session_replication_role = 'replica'"
ROW_OF_OTHERS = f"""
    INSERT INTO entries (person, id, date, project, minutes, billable, source, external_id)
    VALUES ('auth0|nobody', '{uuid.UUID(int=1)}', '2019-07-01', 'APOLLO', 1, true, 'batch:agency',
        'row-2')
"""
SUBMIT = f"""
    INSERT INTO weeks (person, monday, state, submission_id)
    VALUES ('auth0|erin', '{Week.MONDAY}', 'submitted', '{uuid.UUID(int=1)}')
"""
FILL_DAY = f"""
    INSERT INTO entries (person, id, date, project, minutes, billable, source)
    VALUES ('auth0|erin', '{uuid.UUID(int=1)}', '{Week.MONDAY}', 'APOLLO', 1400, true, 'app')
"""
CLOSE = f"INSERT INTO periods (closed_through, actor) VALUES ('{Week.MONDAY}', 'auth0|ada')"
END_PROJECT = "UPDATE projects SET active = false WHERE code = 'APOLLO'"
DELETE_PROJECT = "DELETE FROM projects WHERE code = 'APOLLO'"
CHANGE_EMPLOYER = "UPDATE people SET employer = 'Another' WHERE person = 'auth0|erin'"

# The groups in which the summary and the entries differ.
SUMMARY_DIFFERS = """
    SELECT date, project, employer, state, sum(minutes), sum(entries) FROM (
        SELECT date, project, employer, state, minutes, entries FROM total_changes
        UNION ALL
        SELECT date, project, employer, state, minutes, entries FROM daily_totals WHERE grain = 0
        UNION ALL
        SELECT date, project, coalesce(employer, ''), state, -entry.minutes, -1
        FROM entries AS entry JOIN weeks USING (person, monday) LEFT JOIN people USING (person)
    ) AS part
    GROUP BY date, project, employer, state HAVING sum(minutes) <> 0 OR sum(entries) <> 0
"""
WEEKS_DIFFER = """
    SELECT person, monday FROM weeks LEFT JOIN entries AS entry USING (person, monday)
    GROUP BY person, monday, weeks.minutes, weeks.version
    HAVING coalesce(sum(entry.minutes), 0)
        <> (SELECT sum(minutes) FROM unnest(weeks.minutes) AS minutes)
        OR weeks.version = 0
"""


@asynccontextmanager
async def crossing(
    agency: Agency,
    connection: asyncpg.Connection,
    entries_database: str,
    *statements: str,
    query: str = "",
) -> AsyncIterator[asyncio.Task[tuple[int, int, int, int]]]:
    """Another transaction, which a batch of two rows waits for; it commits in the end."""

    async def send() -> tuple[int, int, int, int]:
        return counts(await agency.send([row(1), row(2, date=Week.TUESDAY)], query))

    holder = await asyncpg.connect(entries_database)
    try:
        async with holder.transaction():
            for statement in statements:
                await holder.execute(statement)
            sending = asyncio.create_task(send())
            await waiting_session(connection)
            yield sending
        await sending
    finally:
        await holder.close()


async def assert_counted(connection: asyncpg.Connection) -> None:
    assert await connection.fetch(SUMMARY_DIFFERS) == []
    assert await connection.fetch(WEEKS_DIFFER) == []


async def test_people_write_in_the_weeks_of_a_batch_and_rules_change_while_it_is_written(
    agency: Agency, erin: Caller, ada: Caller, connection: asyncpg.Connection, entries_database: str
) -> None:
    """The second row waits for another transaction that has the same external_id."""
    holder = await asyncpg.connect(entries_database)
    transaction = holder.transaction()
    await transaction.start()
    await holder.execute(WITHOUT_TRIGGERS)
    await holder.execute(ROW_OF_OTHERS)
    sending = asyncio.create_task(agency.send([row(1), row(2)]))
    await waiting_session(connection)
    assert (await erin.post("/v1/entries", draft(minutes=30))).status == 201
    closed = {"closed_through": "2026-11-01", "reason": "payroll"}
    assert (await ada.put("/v1/period", closed)).status == 200
    assert (await ada.patch("/v1/projects/ZEUS", {"active": False})).status == 200
    assert not sending.done()
    await transaction.rollback()
    await holder.close()
    assert counts(await sending) == (2, 0, 0, 0)
    assert (await erin.get(f"/v1/timesheets/{Week.THIS}")).json["total_minutes"] == 150
    await assert_counted(connection)


@pytest.mark.parametrize(
    ("statements", "error"),
    [
        ([SUBMIT], (1, "date", "submitted")),
        ([FILL_DAY], (1, "minutes", "day_full")),
        ([RULES_LOCK, CLOSE], (1, "date", "closed")),
        ([RULES_LOCK, END_PROJECT], (1, "project", "inactive_project")),
        ([RULES_LOCK, DELETE_PROJECT], (1, "project", "unknown_project")),
    ],
)
@pytest.mark.parametrize("query", ["", "?on_error=skip"])
async def test_a_change_that_forbids_a_row_after_it_was_checked_is_found(
    agency: Agency,
    connection: asyncpg.Connection,
    entries_database: str,
    statements: list[str],
    error: tuple[int, str, str],
    query: str,
) -> None:
    async with crossing(agency, connection, entries_database, *statements, query=query) as sending:
        assert not sending.done()
    created, updated, unchanged, failed = sending.result()
    batch = await agency.caller.get("/v1/batches?limit=1")
    errors = await agency.caller.get(f"{batch.json['items'][0]['errors']}?limit=10")
    assert error in [(item["line"], item["field"], item["code"]) for item in errors.json["items"]]
    stays = 1 if query and failed == 1 else 0
    assert (created, updated, unchanged) == (stays, 0, 0)
    await assert_counted(connection)


async def test_totals_follow_an_employer_that_changes_while_a_batch_is_merged(
    agency: Agency, connection: asyncpg.Connection, entries_database: str
) -> None:
    async with crossing(
        agency, connection, entries_database, RULES_LOCK, CHANGE_EMPLOYER
    ) as sending:
        pass
    assert sending.result() == (2, 0, 0, 0)
    await assert_counted(connection)


async def test_a_merge_that_was_crossed_too_often_locks_first(
    agency: Agency,
    connection: asyncpg.Connection,
    entries_database: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It waits with its checks, so they see the change, and the first attempt succeeds."""
    monkeypatch.setattr("services.entries.batches.commands.upload.OPTIMISTIC_ATTEMPTS", 0)
    monkeypatch.setattr("libs.postgres.transactions.TRIES", 1)
    skip = "?on_error=skip"
    async with crossing(agency, connection, entries_database, FILL_DAY, query=skip) as sending:
        pass
    assert sending.result() == (1, 0, 0, 1)
    closing = (RULES_LOCK, CLOSE)
    async with crossing(agency, connection, entries_database, *closing, query=skip) as sending:
        pass
    assert sending.result() == (0, 0, 1, 1)
    await assert_counted(connection)


async def test_updates_and_removals_are_counted_too(
    agency: Agency, erin: Caller, connection: asyncpg.Connection
) -> None:
    days = [Week.MONDAY, Week.TUESDAY]
    await agency.send([row(number, date=days[number % 2]) for number in range(4)])
    changed = [
        row(0, minutes=30),
        row(1, date=Week.MONDAY, project="ZEUS"),
        {"external_id": "row-2", "deleted": True},
        row(5, person="auth0|carl"),
    ]
    assert counts(await agency.send(changed)) == (1, 2, 0, 0)
    week = (await erin.get(f"/v1/timesheets/{Week.THIS}")).json
    assert week["total_minutes"] == 30 + 60 + 60
    await assert_counted(connection)
