"""The uploader as a program, with the real service: from an export to entries."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.e2e.agency import Agency, counts
from tests.support.client import Service

pytestmark = pytest.mark.slow

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


def first(project: str = "APOLLO", note: str = "pairing") -> str:
    return FIRST.format(project=project, note=note)


async def toggl(agency: Agency, *rows: str, code: int = 0, **environ: str) -> Any:
    path = agency.write("export.csv", TOGGL + "".join(rows))
    return await agency.upload(path, "--format", "toggl", code=code, **environ)


async def test_an_export_becomes_entries_and_corrections_change_them(agency: Agency) -> None:
    summary = await toggl(agency, first(), SECOND, ZERO)
    assert counts(summary) == (2, 0, 0, 0)
    assert summary["skipped"] == [{"line": 4, "reason": "The duration is zero."}]
    assert await agency.entries() == [
        ("auth0|erin", "APOLLO", 61, None, "pairing"),
        ("auth0|carl", "ZEUS", 180, "Ops", ""),
    ]
    assert counts(await toggl(agency, first(), SECOND, ZERO)) == (0, 0, 2, 0)
    assert counts(await toggl(agency, SECOND, first(note="corrected"))) == (0, 1, 1, 0)
    assert counts(await toggl(agency, first(), SECOND, ZERO)) == (0, 1, 1, 0)
    assert len(await agency.entries()) == 2


async def test_a_rejected_row_is_reported_and_nothing_is_saved(agency: Agency) -> None:
    summary = await toggl(agency, ZERO, first("HERMES"), SECOND, code=1)
    assert counts(summary)[3] == 1
    assert [(it["line"], it["field"], it["by"]) for it in summary["errors"]] == [
        (3, "project", "service")
    ]
    assert await agency.entries() == []
    skipped = await agency.upload(
        agency.write("export.csv", TOGGL + ZERO + first("HERMES") + SECOND),
        *("--format", "toggl", "--on-error", "skip"),
        code=1,
    )
    assert counts(skipped) == (1, 0, 0, 1)
    assert len(await agency.entries()) == 1


async def test_a_batch_is_undone(agency: Agency) -> None:
    await toggl(agency, first())
    summary = await toggl(agency, first(note="wrong"), SECOND)
    undone = await agency.call("undo", summary["batch"]["id"])
    assert undone == {"removed": 1, "restored": 1, "kept": 0}
    assert await agency.entries() == [("auth0|erin", "APOLLO", 61, None, "pairing")]
    assert await agency.call("undo", summary["batch"]["id"]) == undone


async def test_a_dry_run_saves_nothing(agency: Agency) -> None:
    path = agency.write("export.csv", TOGGL + first() + SECOND)
    summary = await agency.upload(path, "--format", "toggl", "--dry-run")
    assert counts(summary)[3] == 0
    assert await agency.entries() == []


async def test_a_lost_response_ends_in_one_batch(agency: Agency) -> None:
    async with relay(agency.environ["TIMESHEETS_URL"], lost_responses=1) as url:
        summary = await toggl(agency, first(), SECOND, TIMESHEETS_URL=url)
    assert counts(summary) == (2, 0, 0, 0)
    assert (summary["batch"]["replayed"], summary["batch"]["attempts"]) == (True, 2)
    assert await agency.database.fetchval("SELECT count(*) FROM batches") == 1


async def test_a_persons_own_correction_is_kept(agency: Agency, entries: Service) -> None:
    await toggl(agency, first())
    erin = entries.caller("erin")
    (entry,) = (await erin.get("/v1/entries?from=2026-11-23&to=2026-11-23")).json["items"]
    corrected = await erin.patch(f"/v1/entries/{entry['id']}", {"minutes": 45})
    assert corrected.status == 200, corrected.json
    assert counts(await toggl(agency, first())) == (0, 0, 1, 0)
    summary = await toggl(agency, first(note="changed"), code=1)
    assert [(row["line"], row["code"]) for row in summary["errors"]] == [(2, "changed_by_person")]
    assert any("The person's version was kept" in note for note in summary["notes"])
    assert await agency.minutes() == 45


async def test_an_id_of_another_person_is_reported(agency: Agency) -> None:
    head = "external_id,person,date,project,minutes\n0,"
    rows = (head, "@exampleco.com,2026-11-23,APOLLO,480\n")
    erin, carl = (agency.write(f"{name}.csv", name.join(rows)) for name in ("erin", "carl"))
    await agency.upload(erin, "--format", "ours")
    summary = await agency.upload(carl, "--format", "ours", code=1)
    assert [row["code"] for row in summary["errors"]] == ["other_person"]
    assert any("unique across all people" in note for note in summary["notes"])
    assert [person for person, *_ in await agency.entries()] == ["auth0|erin"]


async def test_an_entry_of_a_locked_week_is_not_removed_but_reported(
    agency: Agency, entries: Service
) -> None:
    await toggl(agency, first(), SECOND)
    submitted = await entries.caller("erin").post("/v1/timesheets/2026-W48/submit")
    assert submitted.status == 200, submitted.json
    moved = first().replace("2026-11-23", "2026-11-15")
    path = agency.write("moved.csv", TOGGL + moved + SECOND)
    complete = ("--format", "toggl", "--complete", "2026-11-01..2026-11-30")
    summary = await agency.upload(path, *complete, code=1)
    assert [(row["line"], row["code"]) for row in summary["errors"]] == [(0, "submitted")]
    assert "is not in the file and was not removed" in summary["errors"][0]["message"]
    assert summary["errors"][0]["message"].startswith("The entry auto-")
    skipped = await agency.upload(path, *complete, "--on-error", "skip", code=1)
    assert (counts(skipped), skipped["batch"]["removed"]) == ((1, 0, 1, 1), 0)
    assert await agency.minutes() == 61 + 180 + 61


async def test_a_complete_upload_covers_people_without_rows_if_they_are_named(
    agency: Agency,
) -> None:
    await toggl(agency, first(), SECOND)
    path = agency.write("moved.csv", TOGGL + SECOND)
    complete = ("--format", "toggl", "--complete", "2026-11-01..2026-11-30")
    also = ("--also", "erin@exampleco.com", "--also", "nobody@agency.example")
    assert (await agency.upload(path, *complete))["batch"]["removed"] == 0
    assert (await agency.upload(path, *complete, *also))["batch"]["removed"] == 1
    assert [person for person, *_ in await agency.entries()] == ["auth0|carl"]


async def test_deleted_rows_remove_their_entries(agency: Agency) -> None:
    head = "external_id,person,date,project,minutes,deleted\n"
    rows = "a,erin@exampleco.com,2026-11-23,APOLLO,60,\nb,erin@exampleco.com,2026-11-24,ZEUS,30,\n"
    await agency.upload(agency.write("all.csv", head + rows), "--format", "ours")
    deleted = agency.write("deleted.csv", f"{head}a,,,,,true\nnever,,,,,true\n")
    summary = await agency.upload(deleted, "--format", "ours")
    assert (counts(summary), summary["batch"]["removed"]) == ((0, 0, 1, 0), 1)
    assert await agency.minutes() == 30


@asynccontextmanager
async def relay(url: str, lost_responses: int) -> AsyncIterator[str]:
    """A proxy that loses the first responses."""
    port, left = urlsplit(url).port, lost_responses

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
async def test_each_row_of_real_exports_becomes_an_entry_or_is_reported(agency: Agency) -> None:
    people, projects = agency.directory / "people.csv", agency.directory / "projects.csv"
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
        file_format = path.name.partition("_")[0]
        summary = await agency.upload(path, "--format", file_format, *maps)
        rows = summary["rows"]
        assert sum(counts(summary)[:3]) == rows["sent"]
        assert rows["ready"] + rows["skipped"] == rows["read"] > 0
        again = await agency.upload(path, "--format", file_format, *maps)
        assert counts(again) == (0, 0, rows["sent"], 0)
