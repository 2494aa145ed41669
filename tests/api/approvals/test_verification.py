"""The history in the database: it cannot be changed, and if it was, the check tells."""

from __future__ import annotations

import subprocess
import sys

import asyncpg
import pytest

from libs.changes.verification import check_changes, main, verify
from libs.postgres.settings import DatabaseSettings
from services.approvals.verification import check_histories
from tests.api.approvals.conftest import Neighbours, sub
from tests.support.client import Caller


async def check(database: str) -> tuple[str, str | None]:
    """Return what was checked, and the first fault."""
    finding, _ = await verify(DatabaseSettings(database), [check_histories, check_changes])
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
