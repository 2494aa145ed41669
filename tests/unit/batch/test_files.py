"""Files as people bring them: encodings, delimiters, workbooks, and files that are cut off."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from datetime import date, time, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from batch.errors import InvalidInput
from tests.unit.batch.converting import TOGGL, Write, convert

ROW = "A,a@x.test,,WEB,,Prüfung,No,2026-03-16,09:00:00,2026-03-16,10:00:00,01:00:00,,\n"
OURS = "person;date;project;hours;note\na@x.test;2026-11-23;WEB;1,25;Prüfung\n"

WriteBytes = Callable[[bytes], Path]


@pytest.fixture
def write_bytes(tmp_path: Path) -> WriteBytes:
    def make(content: bytes) -> Path:
        path = tmp_path / "f.csv"
        path.write_bytes(content)
        return path

    return make


def test_a_file_of_windows_is_read_and_reported(write_bytes: WriteBytes) -> None:
    path = write_bytes(OURS.encode("cp1252"))
    found = convert(path, "ours")
    assert [(row.minutes, row.note) for row in found.rows] == [(75, "Prüfung")]
    assert any("cp1252" in note for note in found.notes)
    assert convert(path, "ours", encoding="cp1252").notes == []


def test_the_given_encoding_is_not_doubted(write_bytes: WriteBytes) -> None:
    with pytest.raises(InvalidInput, match=r"line 2 is not utf-8.*--encoding"):
        convert(write_bytes(OURS.encode("cp1252")), "ours", encoding="utf-8")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig"])
def test_unicode_text_of_excel_is_read(write_bytes: WriteBytes, encoding: str) -> None:
    text = OURS.replace(";", "\t").replace("\n", "\r\n")
    mark = "\ufeff" if encoding in ("utf-16-le", "utf-16-be") else ""
    found = convert(write_bytes((mark + text).encode(encoding)), "ours")
    assert [(row.minutes, row.note) for row in found.rows] == [(75, "Prüfung")]
    assert found.notes == []


def test_a_cut_off_utf_16_file_is_rejected(write_bytes: WriteBytes) -> None:
    with pytest.raises(InvalidInput, match="not utf-16"):
        convert(write_bytes(OURS.encode("utf-16")[:-1]), "ours")


@pytest.mark.parametrize("first", ["sep=;", '"sep=;"'])
def test_the_delimiter_that_excel_declares_is_used(write: Write, first: str) -> None:
    text = (TOGGL[1:] + ROW).replace(",", ";").replace("Prüfung", "one, two")
    found = convert(write("t.csv", f"{first}\n{text}A;a@x.test;;WEB;;;No;never\n"), "toggl")
    assert [row.note for row in found.rows] == ["one, two"]
    assert found.failed[0][:2] == (4, "date")


def test_lines_above_the_column_names_are_skipped(write: Write) -> None:
    found = convert(write("t.csv", f"\nHours of March\n\n{TOGGL[1:]}{ROW}x\n"), "toggl")
    assert len(found.rows) == 1
    assert found.failed[0][0] == 6
    assert "Lines above the column names, not read: 3." in found.notes


HEAD = ["User", "Email", "Project", "Description", "Start date", "Start time"]
HEAD += ["End date", "End time", "Duration"]


def workbook(path: Path, *rows: list[object], title: str = "", sheets: int = 1) -> Path:
    book = openpyxl.Workbook()
    sheet: Any = book.active
    for row in ([[title]] if title else []) + [list(HEAD), *rows]:
        sheet.append(row)
    for number in range(1, sheets):
        book.create_sheet(f"Notes {number}")
    book.save(path)
    return path


def test_a_workbook_is_read(tmp_path: Path) -> None:
    day = date(2026, 3, 9)
    path = workbook(
        tmp_path / "t.xlsx",
        ["A", "a@x.test", "WEB", "text", "2026-03-09", "09:00:00", "2026-03-09", "11:00", "02:00"],
        ["A", "a@x.test", "WEB", "typed", day, time(9), day, time(10, 30), timedelta(hours=1.5)],
        ["A", "a@x.test", "WEB", 7, day, time(9), day, time(9, 15), 0.25],
        [],
        ["A", "a@x.test", "WEB", None, "2026-03-xx", time(9)],
    )
    found = convert(path, "toggl")
    assert [(row.date, row.minutes, row.note) for row in found.rows] == [
        ("2026-03-09", 120, "text"),
        ("2026-03-09", 90, "typed"),
        ("2026-03-09", 15, "7"),
    ]
    assert [line for line, _, _ in found.failed] == [6]
    assert found.notes == []


def test_only_the_first_sheet_is_read_below_its_title(tmp_path: Path) -> None:
    cells: list[object] = ["A", "a@x.test", "WEB", "", "2026-03-09", "9:00", "", "", 1]
    path = workbook(tmp_path / "t.xlsx", cells, title="March", sheets=2)
    found = convert(path, "toggl")
    assert [row.minutes for row in found.rows] == [60]
    assert "Of several worksheets only Sheet was read." in found.notes
    assert "Lines above the column names, not read: 1." in found.notes


def test_a_damaged_workbook_is_rejected(tmp_path: Path) -> None:
    path = workbook(tmp_path / "t.xlsx")
    whole = path.read_bytes()
    path.write_bytes(whole[:-30])
    with pytest.raises(InvalidInput, match="is a ZIP archive but not an Excel workbook"):
        convert(path, "toggl")
    path.write_bytes(whole.replace(b"xl/worksheets/sheet1.xml", b"xl/worksheets/sheet9.xml"))
    with pytest.raises(InvalidInput, match="no visible worksheet"):
        convert(path, "toggl")


def test_a_workbook_that_unpacks_to_too_much_is_rejected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("batch.workbook.MAX_UNPACKED", 1000)
    with pytest.raises(InvalidInput, match="too large when unpacked"):
        convert(workbook(tmp_path / "t.xlsx"), "toggl")


def test_a_last_row_that_lacks_cells_and_a_line_break_is_cut_off(write: Write) -> None:
    cut = ROW[: ROW.rindex(":00:00") - 1]
    assert cut.endswith(",0")
    found = convert(write("t.csv", TOGGL + cut), "toggl")
    assert found.rows == []
    ((line, field, message),) = found.failed
    assert (line, field) == (2, "row")
    assert "cut off" in message


def test_rows_that_are_all_short_are_not_cut_off(write: Write) -> None:
    short = ROW.removesuffix(",,\n") + "\n"
    found = convert(write("t.csv", TOGGL + short + short.rstrip()), "toggl")
    assert (len(found.rows), found.failed) == (2, [])


def test_lines_are_those_of_the_file_although_notes_span_lines(write: Write) -> None:
    path = write(
        "h.csv",
        "person,date,project,minutes,note\r\n"
        'a@x.test,2026-11-23,WEB,1,"one\r\ntwo"\r\n'
        "\r\n"
        "a@x.test,2026-11-23,WEB,x,\r\n"
        'a@x.test,2026-11-23,WEB,1,"closed" too early\r\n'
        "a@x.test,2026-11-23,WEB,2,,extra\r\n",
    )
    found = convert(path, "ours")
    assert [(line, field) for line, field, _ in found.failed] == [
        *((5, "minutes"), (6, "row"), (7, "row")),
    ]
    assert [row.note for row in found.rows] == ["one\r\ntwo"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"\n\n", "empty"),
        (
            b'person,date,project,minutes,note\na,2026-11-23,P,1,"open\nb,2026-11-23,P,1,\n',
            "line 2",
        ),
        (b"person,date\0", "NUL"),
        (b"person,person,date,project,minutes\n", "twice"),
        (b"person,date,project,minutes\n" + b"x" * (1 << 20) + b"\n", "line 2 is longer"),
        (b"a," * 2000 + b"\n", "more than 1000 columns"),
        (b"\x1f\x8b\x08\0" + b"rubbish" * 9, "cannot be read"),
        (gzip.compress(OURS.encode(), mtime=0)[:-4], "cut off"),
        (gzip.compress(OURS.encode(), mtime=0)[:-9] + b"\0" * 9, "cannot be read"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", r"old kind \(\.xls\): save it as \.xlsx"),
        (b"%PDF-1.7", "PDF"),
        (b"<html><table>", "HTML"),
        (b"PK\x03\x04....", "ZIP archive"),
    ],
)
def test_a_file_that_is_invalid_as_a_whole_is_rejected(
    write_bytes: WriteBytes, content: bytes, message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        convert(write_bytes(content), "ours")
