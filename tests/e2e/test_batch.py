"""The uploader as a program, before the real service: from a tool's export to people's entries."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest

from tests.api.entries.agency import CLIENT, learn
from tests.support.client import ADMINISTRATOR, Service
from tests.support.issuer import Client, Issuer

ROOT = Path(__file__).parents[2]
EXPORTS = os.environ.get("EXPORTS_DIR")
TOGGL = (
    "\ufeffUser,Email,Client,Project,Task,Description,Billable,Start date,Start time,End date,"
    "End time,Duration,Tags,Amount (EUR)\n"
)
FIRST = "Erin,erin@exampleco.com,Big,{project},,{note},Yes,2026-11-23,09:00:00,2026-11-23,"
FIRST += "10:00:30,01:00:30,,\n"
SECOND = "Carl,carl@exampleco.com,Big,ZEUS,Ops,,No,2026-11-23,22:00:00,2026-11-24,01:00:00,"
SECOND += "03:00:00,,\n"
ZERO = "Carl,carl@exampleco.com,,,,,No,2026-11-23,22:00:00,2026-11-23,22:00:00,00:00:00,,\n"


@dataclass(frozen=True)
class Office:
    """Where the contractors' company runs the uploader."""

    directory: Path
    environ: dict[str, str]
    database: asyncpg.Connection

    def export(self, *rows: str) -> Path:
        path = self.directory / "export.csv"
        path.write_text(TOGGL + "".join(rows), encoding="utf-8", newline="")
        return path

    async def upload(self, *arguments: object, code: int = 0, **environ: str) -> Any:
        """The summary; `code` is how the program has to end."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "batch", "upload", "--json"),
            *map(str, arguments),
            cwd=ROOT,
            env={"PATH": os.environ["PATH"]} | self.environ | environ,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        assert process.returncode == code, (out, err)
        return json.loads(out)

    async def toggl(self, *rows: str, code: int = 0, **environ: str) -> Any:
        return await self.upload(self.export(*rows), "--format", "toggl", code=code, **environ)

    async def entries(self) -> list[tuple[Any, ...]]:
        found = await self.database.fetch(
            "SELECT person, project, minutes, task, note FROM entries ORDER BY person DESC"
        )
        return [tuple(record) for record in found]


@pytest.fixture
async def office(
    entries: Service, issuer: Issuer, entries_database: str, tmp_path: Path
) -> AsyncIterator[Office]:
    issuer.clients[CLIENT] = Client("a-secret", "batch:upload")
    ada = entries.caller("ada", ADMINISTRATOR)
    for code in ("APOLLO", "ZEUS"):
        project = {"name": code.title(), "customer": "Big Company"}
        assert (await ada.post(f"/v1/projects/{code}", project)).status == 201
    connection = await asyncpg.connect(entries_database)
    await learn(connection, "erin")
    await learn(connection, "carl")
    environ = {
        "TIMESHEETS_URL": entries.url,
        "M2M_TOKEN_URL": issuer.token_url,
        "M2M_CLIENT_ID": CLIENT,
        "M2M_CLIENT_SECRET": "a-secret",
        "BATCH_STATE_DIR": str(tmp_path / "state"),
    }
    yield Office(tmp_path, environ, connection)
    await connection.close()


def first(project: str = "APOLLO", note: str = "pairing") -> str:
    return FIRST.format(project=project, note=note)


def counts(summary: Any) -> tuple[int, ...]:
    batch = summary["batch"]
    return tuple(batch[name] for name in ("created", "updated", "unchanged", "failed"))


async def test_an_export_becomes_entries_and_follows_its_corrections(office: Office) -> None:
    summary = await office.toggl(first(), SECOND, ZERO)
    assert counts(summary) == (2, 0, 0, 0)
    assert summary["skipped"] == [{"line": 4, "reason": "The duration is zero."}]
    assert await office.entries() == [
        ("auth0|erin", "APOLLO", 61, None, "pairing"),
        ("auth0|carl", "ZEUS", 180, "Ops", ""),
    ]
    assert counts(await office.toggl(first(), SECOND, ZERO)) == (0, 0, 2, 0)
    assert counts(await office.toggl(SECOND, first(note="mended"))) == (0, 1, 1, 0)
    assert counts(await office.toggl(first(), SECOND, ZERO)) == (0, 1, 1, 0)
    assert len(await office.entries()) == 2


async def test_a_row_that_is_refused_is_told_and_nothing_is_saved(office: Office) -> None:
    summary = await office.toggl(ZERO, first("HERMES"), SECOND, code=1)
    assert counts(summary)[3] == 1
    assert [(it["line"], it["field"], it["by"]) for it in summary["errors"]] == [
        (3, "project", "service")
    ]
    assert await office.entries() == []
    skipped = await office.upload(
        office.export(ZERO, first("HERMES"), SECOND),
        *("--format", "toggl", "--on-error", "skip"),
        code=1,
    )
    assert counts(skipped) == (1, 0, 0, 1)
    assert len(await office.entries()) == 1


async def test_a_dry_run_saves_nothing(office: Office) -> None:
    path = office.export(first(), SECOND)
    summary = await office.upload(path, "--format", "toggl", "--dry-run")
    assert counts(summary)[3] == 0
    assert await office.entries() == []


async def test_an_answer_that_is_lost_ends_in_one_batch(office: Office) -> None:
    async with relay(office.environ["TIMESHEETS_URL"], lost_answers=1) as url:
        summary = await office.toggl(first(), SECOND, TIMESHEETS_URL=url)
    assert counts(summary) == (2, 0, 0, 0)
    assert (summary["batch"]["replayed"], summary["batch"]["attempts"]) == (True, 2)
    assert await office.database.fetchval("SELECT count(*) FROM batches") == 1


@asynccontextmanager
async def relay(url: str, lost_answers: int) -> AsyncIterator[str]:
    """A way to the service on which the first answers get lost."""
    port, left = urlsplit(url).port, lost_answers

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal left
        to_reader, to_writer = await asyncio.open_connection("127.0.0.1", port)
        up = asyncio.create_task(pump(reader, to_writer.write))
        if left:
            left -= 1
            await to_reader.read(1)
            writer.transport.abort()
        else:
            await pump(to_reader, writer.write)
        up.cancel()
        to_writer.close()
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    async with server:
        host, own_port = server.sockets[0].getsockname()
        yield f"http://{host}:{own_port}"


async def pump(reader: asyncio.StreamReader, write: Callable[[bytes], None]) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(64 << 10):
            write(data)


@pytest.mark.skipif(not EXPORTS, reason="EXPORTS_DIR names no directory of real exports")
async def test_each_row_of_real_exports_becomes_an_entry_or_is_told(office: Office) -> None:
    people, projects = office.directory / "people.csv", office.directory / "projects.csv"
    people.write_text(
        "name,person\nPeter Tester,erin@exampleco.com\npeter.test@email.test,erin@exampleco.com\n",
        encoding="utf-8",
    )
    names = ("Project without Client", "Project for Big Company", "Project A", "Real World Project")
    projects.write_text(
        "project,code\n" + "".join(f"{name},APOLLO\n" for name in names), encoding="utf-8"
    )
    maps = ("--people", people, "--project-map", projects, "--date-order", "mdy")
    for path in sorted(Path(EXPORTS or "").glob("*.csv")):  # noqa: ASYNC240 - a handful of names
        form = path.name.partition("_")[0]
        summary = await office.upload(path, "--format", form, *maps)
        taken = sum(counts(summary)[:3])
        assert taken + len(summary["skipped"]) == summary["rows"]["read"] > 0
        again = await office.upload(path, "--format", form, *maps)
        assert counts(again) == (0, 0, taken, 0)
