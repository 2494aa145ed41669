"""The program as a shell or a CronJob meets it: exit codes, output, settings."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from batch.command import main
from tests.support.issuer import Issuer
from tests.unit.batch.conftest import CLIENT, OURS, SECRET
from tests.unit.batch.service import BatchService, answers

ROOT = Path(__file__).parents[3]
EXPORTS = os.environ.get("EXPORTS_DIR")

SETTINGS = {
    "TIMESHEETS_URL": "https://timesheets.test",
    "M2M_TOKEN_URL": "https://tenant.test/oauth/token",
    "M2M_CLIENT_ID": CLIENT,
    "M2M_CLIENT_SECRET": SECRET,
}

Write = Callable[[str, str], Path]


@dataclass(frozen=True)
class Ended:
    code: int | None
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Program:
    environ: dict[str, str]

    async def __call__(self, *arguments: object, **environ: str) -> Ended:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "batch", "upload"),
            *map(str, arguments),
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "COLUMNS": "200"} | self.environ | environ,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        ended = Ended(process.returncode, out.decode(), err.decode())
        assert SECRET not in ended.out + ended.err
        assert "Traceback" not in ended.err
        return ended


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


async def test_a_good_file_ends_with_0_and_a_summary(
    program: Program, service: BatchService, hours: Path
) -> None:
    ended = await program(hours, "--format", "ours")
    assert ended.code == 0
    assert "hours.csv: Uploaded." in ended.out
    assert "Batch b1: 3 created, 0 updated, 0 unchanged, 0 failed." in ended.out
    assert len(service.entries) == 3


async def test_the_summary_for_programs_is_one_json_document(
    program: Program, service: BatchService, write: Write
) -> None:
    service.unknown = {"BIG-SHOP"}
    path = write("h.csv", OURS + "a4,x@y.test,2026-11-25,WEB,0,,,\n")
    ended = await program(path, "--format", "ours", "--json", "--on-error", "skip")
    assert ended.code == 1
    seconds = ended.json.pop("seconds")
    assert 0 < seconds < 60
    assert ended.json | {"seconds": 0} == {
        "exit_code": 1,
        "message": "Uploaded, but for the rows that failed.",
        "file": "h.csv",
        "format": "ours",
        "mode": "upload",
        "on_error": "skip",
        "rows": {
            "read": 4,
            "ready": 3,
            "sent": 3,
            "left_out": 1,
            "unreadable": 0,
            "rounded": 0,
            "over_midnight": 0,
        },
        "batch": {
            "id": "b1",
            "created": 2,
            "updated": 0,
            "unchanged": 0,
            "failed": 1,
            "errors": "/v1/batches/b1/errors",
            "replayed": False,
            "attempts": 1,
        },
        "failed": 1,
        "errors": [
            {
                "line": 3,
                "field": "project",
                "message": "There is no project BIG-SHOP.",
                "by": "service",
            }
        ],
        "left_out": [{"line": 5, "reason": "Its duration is zero."}],
        "notes": [],
        "seconds": 0,
    }


async def test_rows_that_fail_end_with_1_and_are_shown(
    program: Program, service: BatchService, hours: Path
) -> None:
    service.unknown = {"BIG-SHOP"}
    ended = await program(hours, "--format", "ours")
    assert ended.code == 1
    assert "Nothing was saved" in ended.out
    assert "There is no project BIG-SHOP." in ended.out


async def test_every_setting_that_is_wrong_is_told_at_once(hours: Path) -> None:
    wrong = {"TIMESHEETS_URL": "http://timesheets.test", "M2M_TOKEN_URL": "https://u:pass@t.test"}
    ended = await Program(wrong)(hours, "--format", "ours", "--json")
    assert ended.code == 2
    assert ended.json["message"].splitlines() == [
        "TIMESHEETS_URL must begin with https:// (BATCH_ALLOW_HTTP=yes says that http is meant)",
        "M2M_TOKEN_URL must not hold a name or a password",
        "M2M_CLIENT_ID is not set",
        "M2M_CLIENT_SECRET is not set",
    ]
    assert "pass" not in ended.err.replace("password", "")


@pytest.mark.parametrize(
    "arguments",
    [
        ("--format", "kimai"),
        (),
        ("--format", "ours", "--check", "--dry-run"),
        ("--format", "ours", "--people", "/nowhere"),
        ("--format", "ours", "--encoding", "klingon"),
        ("--format", "harvest"),
    ],
)
def test_misuse_ends_with_2(hours: Path, arguments: tuple[str, ...]) -> None:
    result = CliRunner().invoke(main, ["upload", str(hours), *arguments], env=SETTINGS)
    assert result.exit_code == 2
    assert result.stderr


async def test_a_service_that_stays_away_ends_with_3(
    program: Program, service: BatchService, hours: Path
) -> None:
    service.faults.append(answers(503))
    ended = await program(hours, "--format", "ours", "--retry-for", "0", "--json")
    assert (ended.code, ended.json["exit_code"]) == (3, 3)
    assert "answers 503" in ended.err


async def test_wrong_credentials_end_with_3(program: Program, hours: Path) -> None:
    ended = await program(hours, "--format", "ours", M2M_CLIENT_SECRET="another")
    assert ended.code == 3


async def test_an_upload_refused_as_a_whole_ends_with_4(
    program: Program, service: BatchService, hours: Path
) -> None:
    service.faults.append(answers(413, "Too large."))
    ended = await program(hours, "--format", "ours")
    assert ended.code == 4
    assert "Too large." in ended.err


async def test_a_check_needs_neither_settings_nor_a_network(hours: Path) -> None:
    ended = await Program({})(hours, "--format", "ours", "--check")
    assert ended.code == 0
    assert "3 ready, 0 sent" in ended.out


async def test_what_a_file_says_does_not_steer_the_terminal(write: Write) -> None:
    path = write("h.csv", OURS + "a4,x@y.test,\x1b[2J[red]never,WEB,1,,,\n")
    ended = await Program({})(path, "--format", "ours", "--check")
    assert ended.code == 1
    assert "\x1b" not in ended.out
    assert "[red]never" in ended.out


@pytest.mark.skipif(not EXPORTS, reason="EXPORTS_DIR names no directory of real exports")
async def test_each_row_of_real_exports_becomes_an_entry_or_is_told(
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
        ended = await program(path, "--format", path.name.partition("_")[0], "--json", *maps)
        rows, batch = ended.json["rows"], ended.json["batch"]
        assert ended.code == 0, ended.json
        # Two of the files tell of the same hours, one of them without saying who pays.
        taken = batch["created"] + batch["updated"] + batch["unchanged"]
        assert taken + rows["left_out"] == rows["read"] > 0
        assert len(ended.json["left_out"]) == rows["left_out"]
        again = await program(path, "--format", path.name.partition("_")[0], "--json", *maps)
        assert again.json["batch"]["unchanged"] == rows["sent"]
