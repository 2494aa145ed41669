"""Uploads over real HTTP, to a service that works and to one that fails."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest

from batch.dates import DateRange
from batch.errors import ExitCode, InvalidInput
from batch.external_ids import ExternalIds
from batch.options import Mode, OnError
from tests.unit.batch.conftest import OURS, SECRET, Runner
from tests.unit.batch.converting import Write
from tests.unit.batch.service import (
    BatchService,
    cut_at_once,
    responds,
)


async def test_rows_arrive_unchanged(runner: Runner, service: BatchService, hours: Path) -> None:
    summary = await runner.upload(hours)
    assert summary.report is not None
    assert (summary.exit_code, summary.report.created, summary.sent) == (ExitCode.OK, 3, 3)
    assert service.entries["a1"] == {
        "external_id": "a1",
        "person": "carl@example.com",
        "date": "2026-11-23",
        "project": "BIG-WEB",
        "minutes": 90,
        "note": "sprint planning",
        "billable": True,
    }
    assert service.entries["a3"]["note"] == 'a "quoted", long 🔥 note'


async def test_the_same_file_twice_changes_nothing(runner: Runner, hours: Path) -> None:
    await runner.upload(hours)
    summary = await runner.upload(hours)
    assert summary.report is not None
    assert (summary.report.created, summary.report.unchanged) == (0, 3)
    assert summary.result is not None
    assert not summary.result.was_replayed


async def test_an_earlier_file_can_be_uploaded_again(
    runner: Runner, service: BatchService, hours: Path, write: Write
) -> None:
    other = write("other.csv", OURS.replace(",90,", ",60,"))
    await runner.upload(hours)
    await runner.upload(other)
    summary = await runner.upload(hours)
    assert summary.report is not None
    assert (summary.report.updated, service.entries["a1"]["minutes"]) == (1, 90)


async def test_a_rejected_file_can_be_uploaded_again(
    runner: Runner, service: BatchService, hours: Path
) -> None:
    service.unknown = {"BIG-SHOP"}
    assert (await runner.upload(hours)).exit_code is ExitCode.ROWS_FAILED
    service.unknown = set()
    assert (await runner.upload(hours)).exit_code is ExitCode.OK


async def test_an_upload_works_without_a_writable_journal(runner: Runner, hours: Path) -> None:
    runner.journal = replace(runner.journal, directory=hours / "not a folder")
    assert (await runner.upload(hours)).exit_code is ExitCode.OK


MIXED = (
    "external_id,person,date,project,minutes,note\n"
    'x1,a@x.test,2026-11-23,GONE,1,"one\ntwo"\n'
    "x2,a@x.test,2026-11-23,WEB,0,\n"
    "x3,a@x.test,2026-11-23,WEB,2,\n"
    "x4,a@x.test,2026-11-23,GONE,3,=1+1\n"
    "x5,a@x.test,2026-11-23,GONE,4,\n"
)


async def test_rejected_rows_are_reported_by_their_lines_in_the_file(
    runner: Runner, service: BatchService, write: Write
) -> None:
    service.unknown = {"GONE"}
    summary = await runner.upload(write("m.csv", MIXED), on_error=OnError.SKIP)
    assert [(it.line, it.field, it.by) for it in summary.failed_rows.kept] == [
        *((2, "project", "service"), (6, "project", "service"), (7, "project", "service")),
    ]
    assert (summary.exit_code, list(service.entries)) == (ExitCode.ROWS_FAILED, ["x3"])


async def test_failed_rows_are_written_to_a_file(
    runner: Runner, service: BatchService, write: Write, tmp_path: Path
) -> None:
    service.unknown = {"GONE"}
    path = write("m.csv", MIXED + "x6,=a@x.test,2026-11-2x,WEB,4,\n")
    await runner.upload(path, on_error=OnError.SKIP, errors=tmp_path / "errors.csv")
    with (tmp_path / "errors.csv").open(encoding="utf-8-sig", newline="") as file:
        kept = list(csv.DictReader(file))
    assert [(row["line"], row["field"]) for row in kept] == [
        *(("8", "date"), ("2", "project"), ("6", "project"), ("7", "project")),
    ]
    assert kept[1]["message"] == "There is no project GONE."
    assert '"note": "one\\ntwo"' in kept[1]["row"]
    assert '"external_id": "x4"' in kept[2]["row"]


async def test_nothing_is_sent_while_a_row_is_invalid(
    runner: Runner, service: BatchService, write: Write
) -> None:
    path = write("m.csv", OURS + "a4,a@x.test,yesterday,WEB,1,,,\n")
    summary = await runner.upload(path)
    assert (summary.exit_code, summary.result, service.keys) == (ExitCode.ROWS_FAILED, None, [])
    skipped = await runner.upload(path, on_error=OnError.SKIP)
    assert skipped.report is not None
    assert (skipped.exit_code, skipped.report.created) == (ExitCode.ROWS_FAILED, 3)


async def test_a_dry_run_reports_on_every_row_and_saves_none(
    runner: Runner, service: BatchService, write: Write
) -> None:
    service.unknown = {"GONE"}
    path = write("m.csv", MIXED + "x6,a@x.test,never,WEB,4,\n")
    summary = await runner.upload(path, mode=Mode.DRY_RUN)
    assert [it.line for it in summary.failed_rows.kept] == [8, 2, 6, 7]
    assert service.entries == {}
    await runner.upload(path, mode=Mode.DRY_RUN)
    assert len(set(service.keys)) == 2


async def test_a_file_without_working_time_needs_no_batch(
    runner: Runner, service: BatchService, write: Write
) -> None:
    path = write("z.csv", "person,date,project,hours\na@x.test,2026-11-23,Web site,0:00\n")
    summary = await runner.upload(path)
    assert (summary.exit_code, summary.counts.skipped) == (ExitCode.OK, 1)
    assert (summary.message, service.keys) == ("There was nothing to upload.", [])


async def test_a_row_that_was_set_to_zero_removes_its_entry(
    runner: Runner, service: BatchService, write: Write
) -> None:
    await runner.upload(write("before.csv", OURS))
    summary = await runner.upload(write("after.csv", OURS.replace(",90,", ",0,")))
    assert summary.report is not None
    assert (summary.report.removed, sorted(service.entries)) == (1, ["a2", "a3"])


DELETED = "external_id,person,date,project,minutes,deleted\na1,,,,,true\n"
DELETED += "a2,carl@example.com,2026-11-23,BIG-SHOP,30,\n"


async def test_deleted_rows_are_passed_on(
    runner: Runner, service: BatchService, hours: Path, write: Write
) -> None:
    await runner.upload(hours)
    summary = await runner.upload(write("deleted.csv", DELETED))
    assert summary.report is not None
    assert (summary.report.removed, sorted(service.entries)) == (1, ["a2", "a3"])


NOVEMBER = DateRange.parse("2026-11-01..2026-11-30")


async def test_a_complete_upload_removes_what_is_not_in_the_file(
    runner: Runner, service: BatchService, hours: Path, write: Write
) -> None:
    await runner.upload(hours)
    rest = write("rest.csv", OURS.replace("a2,", "b2,"))
    dry = await runner.upload(rest, complete=NOVEMBER, mode=Mode.DRY_RUN)
    assert dry.report is not None
    assert (dry.report.created, dry.report.removed, sorted(service.entries)) == (
        *(1, 1, ["a1", "a2", "a3"]),
    )
    summary = await runner.upload(rest, complete=NOVEMBER)
    assert summary.report is not None
    assert (summary.report.created, summary.report.removed) == (1, 1)
    assert sorted(service.entries) == ["a1", "a3", "b2"]


async def test_a_person_without_working_time_is_part_of_a_complete_file(
    runner: Runner, service: BatchService, hours: Path, write: Write
) -> None:
    await runner.upload(hours)
    rows = OURS.splitlines(keepends=True)
    zero = write("zero.csv", rows[0] + rows[1].replace(",90,", ",0,"))
    summary = await runner.upload(zero, complete=NOVEMBER)
    assert summary.report is not None
    assert (summary.report.removed, sorted(service.entries)) == (2, ["a3"])


async def test_a_complete_file_covers_people_without_rows_if_they_are_named(
    runner: Runner, service: BatchService, hours: Path, write: Write
) -> None:
    await runner.upload(hours)
    cem = write("cem.csv", OURS.splitlines()[0] + "\n" + OURS.splitlines()[3])
    await runner.upload(cem, complete=NOVEMBER)
    assert sorted(service.entries) == ["a1", "a2", "a3"]
    summary = await runner.upload(cem, complete=NOVEMBER, also=("carl@example.com", "new@x.test"))
    assert summary.report is not None
    assert (summary.report.removed, sorted(service.entries)) == (2, ["a3"])
    empty = write("empty.csv", OURS.splitlines()[0] + "\n")
    await runner.upload(empty, complete=NOVEMBER, also=("cem@example.com",))
    assert service.entries == {}


async def test_an_entry_that_cannot_be_removed_is_reported(
    runner: Runner, service: BatchService, hours: Path, write: Write
) -> None:
    await runner.upload(hours)
    service.locked = {"a2"}
    rest = write("rest.csv", OURS.replace("a2,", "b2,"))
    summary = await runner.upload(rest, complete=NOVEMBER)
    assert summary.exit_code is ExitCode.ROWS_FAILED
    (row,) = summary.failed_rows.kept
    assert (row.line, row.code) == (0, "approved")
    assert row.message.startswith("The entry a2 is not in the file and was not removed: ")


async def test_a_complete_upload_needs_every_row_to_be_valid(
    runner: Runner, service: BatchService, hours: Path, write: Write
) -> None:
    """The entry of an invalid row would be removed."""
    await runner.upload(hours)
    invalid = write("i.csv", OURS.replace(",30,", ",thirty,"))
    summary = await runner.upload(invalid, complete=NOVEMBER, on_error=OnError.SKIP)
    assert (summary.exit_code, summary.result, len(service.entries)) == (
        *(ExitCode.ROWS_FAILED, None, 3),
    )
    assert "without invalid rows" in summary.message
    dry = await runner.upload(invalid, complete=NOVEMBER, mode=Mode.DRY_RUN)
    assert any("count as removed in this dry run" in note for note in dry.notes)


async def test_rows_outside_of_the_complete_days_are_reported(runner: Runner, hours: Path) -> None:
    summary = await runner.upload(hours, complete=DateRange.parse("2026-11-23..2026-11-23"))
    assert any("1 row (line 4) outside of the days" in note for note in summary.notes)


async def test_a_file_that_changes_during_the_upload_is_not_sent(
    runner: Runner, service: BatchService, hours: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def meddle(_self: ExternalIds) -> None:
        hours.write_text(OURS.replace("a1", "b1"), encoding="utf-8")

    monkeypatch.setattr(ExternalIds, "sort", meddle)
    with pytest.raises(InvalidInput, match="changed"):
        await runner.upload(hours)
    assert service.keys == []


async def test_no_secret_is_logged(runner: Runner, service: BatchService, hours: Path) -> None:
    service.faults.extend([responds(401), cut_at_once, responds(503)])
    await runner.upload(hours)
    log = runner.log.getvalue() + repr(runner.settings)
    assert log.count("Retrying") == 2
    assert SECRET not in log
    assert not any(token.removeprefix("Bearer ") in log for token in service.tokens)


async def test_the_token_is_sent_to_no_other_host(
    runner: Runner, service: BatchService, write: Write
) -> None:
    service.unknown = {"GONE"}
    service.errors_are_at = "https://elsewhere.test/errors"
    summary = await runner.upload(write("m.csv", MIXED))
    assert summary.exit_code is ExitCode.ROWS_FAILED
    assert any("on another host" in note for note in summary.notes)
