"""The program as a shell or a CronJob runs it: exit codes, output, settings."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from click.testing import CliRunner

from batch.command import main
from batch.rows import Remark
from tests.support.issuer import Issuer
from tests.unit.batch.conftest import BATCH, CLIENT, OURS, SECRET
from tests.unit.batch.converting import TOGGL, Write
from tests.unit.batch.service import BatchService, responds

ROOT = Path(__file__).parents[3]
EXPORTS = os.environ.get("EXPORTS_DIR")

SETTINGS = {
    "TIMESHEETS_URL": "https://timesheets.test",
    "M2M_TOKEN_URL": "https://tenant.test/oauth/token",
    "M2M_CLIENT_ID": CLIENT,
    "M2M_CLIENT_SECRET": SECRET,
}


@dataclass(frozen=True)
class Finished:
    code: int | None
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Program:
    environ: dict[str, str]

    async def __call__(
        self, *arguments: object, command: str = "upload", **environ: str
    ) -> Finished:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "batch", command),
            *map(str, arguments),
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "COLUMNS": "200"} | self.environ | environ,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        finished = Finished(process.returncode, out.decode(), err.decode())
        assert SECRET not in finished.out + finished.err
        assert "Traceback" not in finished.err
        return finished


@pytest.fixture
def program(service: BatchService, tenant: Issuer, tmp_path: Path) -> Program:
    return Program(
        {
            "TIMESHEETS_URL": service.url,
            "M2M_TOKEN_URL": tenant.token_url,
            "M2M_CLIENT_ID": CLIENT,
            "M2M_CLIENT_SECRET": SECRET,
            "AUTH_AUDIENCE": tenant.audience,
            "BATCH_STATE_DIR": str(tmp_path / "state"),
        }
    )


async def test_a_valid_file_exits_with_0_and_a_summary(
    program: Program, service: BatchService, hours: Path
) -> None:
    finished = await program(hours, "--format", "ours")
    assert finished.code == 0
    assert "hours.csv: Uploaded." in finished.out
    assert f"Batch {BATCH}: 3 created, 0 updated, 0 removed, 0 unchanged, 0 failed." in finished.out
    assert len(service.entries) == 3


async def test_the_json_summary_is_one_document(
    program: Program, service: BatchService, write: Write
) -> None:
    service.unknown = {"BIG-SHOP"}
    path = write("h.csv", OURS + "a4,x@y.test,2026-11-25,WEB,0,,,\n")
    finished = await program(path, "--format", "ours", "--json", "--on-error", "skip")
    assert finished.code == 1
    seconds = finished.json.pop("seconds")
    assert 0 < seconds < 60
    assert finished.json | {"seconds": 0} == {
        "exit_code": 1,
        "message": "Uploaded, except for the rows that failed.",
        "file": "h.csv",
        "format": "ours",
        "mode": "upload",
        "on_error": "skip",
        "complete": None,
        "rows": {
            "read": 4,
            "ready": 3,
            "sent": 4,
            "skipped": 1,
            "invalid": 0,
            **dict.fromkeys(map(str, Remark), 0),
        },
        "batch": {
            "id": BATCH,
            "created": 2,
            "updated": 0,
            "unchanged": 1,
            "removed": 0,
            "failed": 1,
            "errors": f"/v1/batches/{BATCH}/errors",
            "replayed": False,
            "attempts": 1,
        },
        "failed": 1,
        "removed": [],
        "errors": [
            {
                "line": 3,
                "field": "project",
                "code": "unknown_project",
                "message": "There is no project BIG-SHOP.",
                "by": "service",
            }
        ],
        "skipped": [{"line": 5, "reason": "The duration is zero."}],
        "notes": ["--project-map translates project names into codes."],
        "seconds": 0,
    }


async def test_failed_rows_are_shown_and_exit_with_1(
    program: Program, service: BatchService, hours: Path
) -> None:
    service.unknown = {"BIG-SHOP"}
    finished = await program(hours, "--format", "ours")
    assert finished.code == 1
    assert "Nothing was saved" in finished.out
    assert "There is no project BIG-SHOP." in finished.out


async def test_a_complete_upload_says_what_it_removes_before_and_after(
    program: Program, hours: Path, write: Write
) -> None:
    await program(hours, "--format", "ours")
    rest = write("rest.csv", "".join(OURS.splitlines(keepends=True)[:3]))
    complete = (rest, "--format", "ours", "--complete", "2026-11-01..2026-11-30")
    finished = await program(*complete, "--dry-run")
    assert finished.code == 0
    assert "0 created, 0 updated, 0 removed, 2 unchanged, 0 failed." in finished.out
    more = write("more.csv", OURS.replace("a1,", "b1,"))
    finished = await program(more, *complete[1:], "--dry-run")
    assert "Would be 1 created, 0 updated, 1 removed, 2 unchanged, 0 failed." in finished.out
    assert "Would be removed: 1 entry of earlier uploads, in 2026-11-01" in finished.out
    listed = "deleted by it.\n  carl@example.com: 2026-11-23, BIG-WEB, 1:30 h\n"
    assert finished.out.endswith(listed)
    finished = await program(more, *complete[1:])
    assert "1 created, 0 updated, 1 removed, 2 unchanged, 0 failed." in finished.out
    assert "Removed: 1 entry of earlier uploads" in finished.out
    assert "  carl@example.com: a1\n" in finished.out


async def test_a_batch_is_undone(program: Program, service: BatchService, hours: Path) -> None:
    await program(hours, "--format", "ours")
    finished = await program(BATCH, command="undo")
    assert (finished.code, service.entries) == (0, {})
    assert finished.out.startswith("Undone: 3 entries removed, 0 restored. 0 kept")
    again = await program(BATCH, command="undo")
    assert (again.code, again.out) == (0, finished.out)


async def test_a_batch_that_changed_nothing_cannot_be_undone(
    program: Program, service: BatchService, hours: Path
) -> None:
    service.unknown = {"BIG-SHOP"}
    await program(hours, "--format", "ours")
    finished = await program(BATCH, "--json", command="undo")
    assert (finished.code, finished.json["message"]) == (
        *(4, "The batch changed nothing. (request r-1)"),
    )


async def test_kept_entries_of_an_undone_batch_exit_with_1(
    program: Program, service: BatchService, hours: Path
) -> None:
    await program(hours, "--format", "ours")
    service.locked = {"a1"}
    finished = await program(BATCH, "--json", command="undo")
    assert (finished.code, finished.json) == (1, {"removed": 2, "restored": 0, "kept": 1})


async def test_an_unknown_batch_exits_with_4(program: Program) -> None:
    finished = await program(BATCH, command="undo")
    assert finished.code == 4
    assert "There is no such batch" in finished.err


async def test_a_lost_response_does_not_hide_that_a_batch_was_undone(
    program: Program, service: BatchService, hours: Path
) -> None:
    async def lose(request: web.Request) -> web.StreamResponse:
        response = await service.undo(request)
        assert request.transport is not None
        request.transport.abort()
        return response

    await program(hours, "--format", "ours")
    service.faults.append(lose)
    finished = await program(BATCH, command="undo")
    assert (finished.code, service.entries) == (0, {})
    assert finished.out.startswith("Undone: 3 entries removed")


@pytest.mark.parametrize("code", ["changed_by_person", "other_person", "submitted", "approved"])
async def test_errors_that_need_an_agreement_are_explained(
    program: Program, service: BatchService, hours: Path, code: str
) -> None:
    service.codes = {"a1": code}
    finished = await program(hours, "--format", "ours")
    assert finished.code == 1
    assert f"{code}: " in finished.out


async def test_without_complete_an_export_says_what_it_does_not_remove(
    program: Program, write: Write
) -> None:
    row = "A,a@x.test,,WEB,,,No,2026-03-04,10:00,2026-03-04,11:00,1:00,,\n"
    finished = await program(write("t.csv", TOGGL + row), "--format", "toggl")
    assert "use --complete 2026-03-04..2026-03-04" in finished.out


async def test_a_described_table_is_uploaded(
    program: Program, service: BatchService, write: Write
) -> None:
    columns = write("m.csv", "column,field\nWho,person\nDay,date\nJob,project\nH,hours\n")
    path = write("x.csv", "Who,Day,Job,H\na@x.test,2026-03-04,WEB,1.5\n")
    finished = await program(path, "--columns", columns)
    assert finished.code == 0
    assert [entry["minutes"] for entry in service.entries.values()] == [90]


async def test_all_invalid_settings_are_reported_at_once(hours: Path) -> None:
    wrong = {"TIMESHEETS_URL": "http://timesheets.test", "M2M_TOKEN_URL": "https://u:pass@t.test"}
    finished = await Program(wrong)(hours, "--format", "ours", "--json")
    assert finished.code == 2
    assert finished.json["message"].splitlines() == [
        "TIMESHEETS_URL must start with https:// (set BATCH_ALLOW_HTTP=yes to allow http)",
        "M2M_TOKEN_URL must not contain a user name or a password",
        "M2M_CLIENT_ID is not set",
        "M2M_CLIENT_SECRET is not set",
    ]
    assert "pass" not in finished.err.replace("password", "")


@pytest.mark.parametrize(
    "arguments",
    [
        ("--format", "kimai"),
        (),
        ("--format", "ours", "--check", "--dry-run"),
        ("--format", "ours", "--people", "/nowhere"),
        ("--format", "ours", "--encoding", "klingon"),
        ("--format", "harvest"),
        ("--format", "columns"),
        ("--format", "ours", "--also", "a@x.test"),
        ("--columns", str(ROOT / "README.md"), "--format", "toggl"),
        ("--format", "ours", "--complete", "2026-11"),
        ("--format", "ours", "--complete", "2026-11-30..2026-11-01"),
    ],
)
def test_invalid_options_exit_with_2(hours: Path, arguments: tuple[str, ...]) -> None:
    result = CliRunner().invoke(main, ["upload", str(hours), *arguments], env=SETTINGS)
    assert result.exit_code == 2
    assert result.stderr


async def test_an_unavailable_service_exits_with_3(
    program: Program, service: BatchService, hours: Path
) -> None:
    service.faults.append(responds(503))
    finished = await program(hours, "--format", "ours", "--retry-for", "0", "--json")
    assert (finished.code, finished.json["exit_code"]) == (3, 3)
    assert "responded 503" in finished.err


async def test_wrong_credentials_exit_with_3(program: Program, hours: Path) -> None:
    finished = await program(hours, "--format", "ours", M2M_CLIENT_SECRET="another")
    assert finished.code == 3


async def test_an_upload_rejected_as_a_whole_exits_with_4(
    program: Program, service: BatchService, hours: Path
) -> None:
    service.faults.append(responds(413, "Too large."))
    finished = await program(hours, "--format", "ours")
    assert finished.code == 4
    assert "Too large." in finished.err


async def test_a_check_needs_no_settings_and_no_network(hours: Path) -> None:
    finished = await Program({})(hours, "--format", "ours", "--check")
    assert finished.code == 0
    assert "3 ready, 0 sent" in finished.out


async def test_the_content_of_a_file_does_not_control_the_terminal(write: Write) -> None:
    path = write("h.csv", OURS + "a4,x@y.test,\x1b[2J[red]never,WEB,1,,,\n")
    finished = await Program({})(path, "--format", "ours", "--check")
    assert finished.code == 1
    assert "\x1b" not in finished.out
    assert "[red]never" in finished.out


@pytest.mark.slow
@pytest.mark.skipif(not EXPORTS, reason="EXPORTS_DIR names no directory of real exports")
async def test_each_row_of_real_exports_becomes_an_entry_or_is_reported(
    program: Program, write: Write
) -> None:
    people = write("people.csv", "name,person\nPeter Tester,peter.test@email.test\n")
    names = ("Project without Client", "Project for Big Company", "Project A", "Real World Project")
    codes = "".join(f"{name},P-{number}\n" for number, name in enumerate(names))
    projects = write("projects.csv", f"project,code\n{codes}")
    maps = ("--people", people, "--project-map", projects, "--date-order", "mdy")
    paths = sorted(Path(EXPORTS or "").glob("*.csv"))  # noqa: ASYNC240 - a handful of names
    assert paths
    for path in paths:
        finished = await program(path, "--format", path.name.partition("_")[0], "--json", *maps)
        rows, batch = finished.json["rows"], finished.json["batch"]
        assert finished.code == 0, finished.json
        assert sum(batch[name] for name in ("created", "updated", "unchanged")) == rows["sent"]
        assert rows["ready"] + rows["skipped"] == rows["read"] > 0
        assert len(finished.json["skipped"]) == rows["skipped"]
        again = await program(path, "--format", path.name.partition("_")[0], "--json", *maps)
        assert again.json["batch"]["unchanged"] == rows["sent"]
