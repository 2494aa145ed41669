"""The history in the database: it cannot be changed, and if it was, the check tells."""

from __future__ import annotations

import subprocess
import sys
import uuid

import asyncpg
import pytest

from libs.changes.verification import check_change_log, main, open_snapshot, verify
from libs.postgres.settings import DatabaseSettings
from services.approvals import verification
from services.approvals.store.chains import count_pages, is_as_written, read_chains
from services.approvals.verification import (
    PageRange,
    check_histories,
    check_in_processes,
    check_range,
    page_ranges,
)
from tests.api.approvals.conftest import Neighbours, sub
from tests.support.client import Caller
from tests.support.clock import StandingClock


async def check(database: str) -> tuple[str, str | None]:
    """Return what was checked, and the first fault."""
    finding, _ = await verify(DatabaseSettings(database), [check_histories, check_change_log])
    return finding.checked, finding.broken


@pytest.fixture
async def decided(company: Neighbours, maya: Caller) -> str:
    """Two submissions, one of them approved and reopened: four rows."""
    await company.submitted("carl")
    submitted = await company.submitted("erin")
    await maya.put(f"/v1/approvals/{submitted}/decision", {"decision": "approve"})
    await company.entries("timesheet.approved", submitted, decided_by=sub("maya"))
    await company.entries(
        "timesheet.reopened", submitted, reason="wrong rate", reopened_by=sub("ada")
    )
    return submitted


@pytest.fixture
async def intruder(connection: asyncpg.Connection) -> asyncpg.Connection:
    """Somebody who may do anything to the database."""
    await connection.execute("SET session_replication_role = replica")
    return connection


@pytest.mark.usefixtures("decided")
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE history SET actor = 'auth0|eve'",
        "DELETE FROM history",
        "TRUNCATE history",
        "UPDATE history SET actor = 'auth0|eve' WHERE false",
    ],
)
async def test_the_database_refuses_to_change_history(
    connection: asyncpg.Connection, approvals_database: str, statement: str
) -> None:
    with pytest.raises(asyncpg.RestrictViolationError):
        await connection.execute(statement)
    assert await check(approvals_database) == ("4 rows of 2 approvals are as written", None)


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("UPDATE history SET total_minutes = 1 WHERE number = 2", "row 2 has another"),
        ("UPDATE history SET actor = 'auth0|eve' WHERE number = 2", "row 2 is not the one"),
        ("UPDATE history SET reason = 'other' WHERE number = 3", "row 3 is not the one"),
        ("DELETE FROM history WHERE number = 2", "row 2 is missing"),
        ("DELETE FROM history WHERE number = 3", "row 3 is missing"),
        ("DELETE FROM history WHERE submission_id = $1", "row 1 is missing"),
        ("UPDATE approvals SET decided_by = 'auth0|eve' WHERE id = $1", "does not lead to"),
        ("UPDATE approvals SET state = 'rejected' WHERE id = $1", "does not lead to"),
        ("UPDATE approvals SET total_minutes = 1 WHERE id = $1", "row 1 has another"),
        ("UPDATE approvals SET head = repeat('1', 64) WHERE id = $1", "was written last"),
    ],
)
async def test_a_changed_past_shows(
    decided: str,
    intruder: asyncpg.Connection,
    approvals_database: str,
    statement: str,
    fault: str,
) -> None:
    named = statement.replace("$1", f"'{decided}'")
    assert await intruder.execute(named) in ("UPDATE 1", "DELETE 1", "DELETE 3")
    _, broken = await check(approvals_database)
    assert broken is not None
    assert fault in broken
    assert f"submission {decided} (auth0|erin, 2026-W47)" in broken


@pytest.mark.usefixtures("decided")
@pytest.mark.parametrize("microseconds", [0, 7, 120_000])
async def test_untouched_histories_are_recognised_without_decoding(
    company: Neighbours, connection: asyncpg.Connection, clock: StandingClock, microseconds: int
) -> None:
    """Else the check would find the same, and take twice as long."""
    clock.move(microseconds=microseconds)
    await company.submitted("ethan")
    pages = await count_pages(connection)
    known = [chain async for chain in read_chains(connection, 0, pages)]
    assert len(known) == 3
    assert all(is_as_written(approval, steps) for approval, steps in known)


@pytest.mark.parametrize("pages", [0, 1, 63, 64, 65, 1000])
@pytest.mark.parametrize("number", [1, 3, 64])
def test_ranges_cover_every_page_once(pages: int, number: int) -> None:
    ranges = page_ranges(pages, number)
    assert len(ranges) == number
    covered = [page for one in ranges for page in range(one.first, one.end)]
    assert covered == list(range(pages))


COPY_APPROVAL = """
    INSERT INTO approvals
    SELECT (json_populate_record(approval, json_build_object('id', gen_random_uuid()))).*
    FROM approvals AS approval, generate_series(1, 500) WHERE id = $1
"""
IN_RANGE = """
    SELECT id FROM approvals WHERE ctid >= $1::text::tid AND ctid < $2::text::tid ORDER BY ctid
"""


async def test_a_fault_at_either_end_of_any_range_is_found(
    decided: str, intruder: asyncpg.Connection, approvals_database: str
) -> None:
    """No digest fits the copies of an approval, which lie on many pages."""
    await intruder.execute(COPY_APPROVAL, uuid.UUID(decided))
    await intruder.execute("DELETE FROM approvals WHERE id = ANY ($1)", await written(intruder))
    # Rows of earlier tests leave room that the copies would not fill evenly.
    await intruder.execute("VACUUM FULL approvals")
    ranges = page_ranges(await count_pages(intruder), 4)
    settings = DatabaseSettings(approvals_database)

    async def ids_in(one: PageRange) -> list[uuid.UUID]:
        found = await intruder.fetch(IN_RANGE, f"({one.first},0)", f"({one.end},0)")
        return [row[0] for row in found]

    async def first_faults() -> list[str]:
        async with open_snapshot(settings) as snapshot:
            checked = [await check_range(settings, snapshot.id, one) for one in ranges]
        return [(one.broken or "").partition(" (")[0] for one in checked]

    copies = [await ids_in(one) for one in ranges]
    assert min(map(len, copies)) > 1
    assert await first_faults() == [f"submission {ids[0]}" for ids in copies]
    for ids in copies:
        await intruder.execute("DELETE FROM approvals WHERE id = ANY ($1)", ids[:-1])
    lasts = [f"submission {ids[-1]}" for ids in copies]
    assert await first_faults() == lasts
    _, broken = await check(approvals_database)
    assert broken is not None
    assert broken.startswith(lasts[0])


async def written(connection: asyncpg.Connection) -> list[uuid.UUID]:
    """The approvals with a history."""
    found = await connection.fetch("SELECT DISTINCT submission_id FROM history")
    return [row[0] for row in found]


async def test_processes_check_the_snapshot_and_not_what_is_written_meanwhile(
    decided: str, intruder: asyncpg.Connection, approvals_database: str
) -> None:
    ranges = page_ranges(await count_pages(intruder), 3)
    async with open_snapshot(DatabaseSettings(approvals_database)) as snapshot:
        await intruder.execute("UPDATE history SET actor = 'auth0|eve' WHERE number = 2")
        finding = await check_in_processes(snapshot, ranges)
    assert finding.checked == "4 rows of 2 approvals are as written"
    async with open_snapshot(DatabaseSettings(approvals_database)) as snapshot:
        finding = await check_in_processes(snapshot, ranges)
    assert finding.broken is not None
    assert decided in finding.broken


@pytest.mark.usefixtures("decided")
async def test_a_large_table_is_checked_by_processes(
    approvals_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verification, "PAGES_OF_ONE_PROCESS", 0)
    assert await check(approvals_database) == ("4 rows of 2 approvals are as written", None)


def run_verify(database: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "services.approvals", "verify"],
        env={"DATABASE_URL": database},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.usefixtures("decided")
async def test_the_command_reports_by_output_and_exit_code(
    intruder: asyncpg.Connection, approvals_database: str
) -> None:
    good = run_verify(approvals_database)
    assert (good.returncode, good.stdout) == (
        0,
        "4 rows of 2 approvals are as written\n0 changes are as written\n",
    )
    await intruder.execute("UPDATE history SET actor = 'auth0|eve' WHERE number = 2")
    bad = run_verify(approvals_database)
    assert bad.returncode == 1
    assert "row 2 is not the one that row 3 was written after\n" in bad.stdout


@pytest.mark.parametrize("database", ["", "postgresql://postgres@127.0.0.1:1/none"])
def test_the_command_says_when_it_could_not_check(
    database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main({"DATABASE_URL": database}) == 2
    fault = capsys.readouterr()
    assert fault.out == ""
    assert fault.err.startswith("nothing was checked: ")
