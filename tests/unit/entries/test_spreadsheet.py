"""Workbooks that openpyxl reads, and with it pandas."""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, date, datetime
from decimal import Decimal

from openpyxl import Workbook, load_workbook

from services.entries.reports.spreadsheet import SheetColumn, Spreadsheet

COLUMNS = [
    SheetColumn("day"),
    SheetColumn("minutes", width=9, is_sum=True),
    SheetColumn("hours", is_sum=True),
    SheetColumn("billable"),
    SheetColumn("note", width=50),
    SheetColumn("at", width=20),
]
AT = datetime(2026, 11, 23, 12, 30, 15, tzinfo=UTC)
ROWS = [
    (date(2026, 11, 23), 90, Decimal("1.50"), True, "=1+1", AT),
    (date(2026, 11, 24), 20, Decimal("0.33"), False, "a <b> & _x000D_ \x00", None),
]


def workbook_of(data: bytes, *, values: bool = True) -> Workbook:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
    return load_workbook(io.BytesIO(data), data_only=values)


def test_cells_have_the_types_of_their_values() -> None:
    sheet = Spreadsheet("Entries", COLUMNS)
    book = workbook_of(sheet.write(ROWS) + sheet.finish())
    header, first, second, totals = map(list, book["Entries"].values)
    assert header == ["day", "minutes", "hours", "billable", "note", "at"]
    assert list(map(str, first)) == [
        "2026-11-23 00:00:00",
        "90",
        "1.5",
        "True",
        "=1+1",
        "2026-11-23 12:30:15",
    ]
    assert second[1:] == [20, 0.33, False, "a <b> & _x005F_x000D_ \ufffd", None]
    assert totals[:3] == ["Total", 110, 1.83]
    cells = book["Entries"]
    kinds = [cells.cell(2, number).data_type for number in range(1, 7)]
    assert kinds == ["d", "n", "n", "b", "s", "d"]


def test_a_column_may_mix_values_of_any_type() -> None:
    columns = [SheetColumn(name) for name in "abcdefg"]
    rows = [
        (None, 0, "", "100 %s", True, " two  spaces ", None),
        (1, None, None, "%", 7, "a\r\nb", None),
        ("x", Decimal("0.5"), "", "100%", False, "1 | 2", None),
    ]
    sheet = Spreadsheet("Entries", columns)
    _, *read = workbook_of(sheet.write(rows) + sheet.finish())["Entries"].values
    expected = [tuple(None if value == "" else value for value in row) for row in rows]
    assert [list(map(repr, row)) for row in read] == [
        [repr(0.5) if isinstance(value, Decimal) else repr(value) for value in row]
        for row in expected
    ]
    empty = Spreadsheet("Entries", columns)
    book = workbook_of(empty.write([(None,) * 7] * 3) + empty.finish())
    assert book["Entries"].auto_filter.ref == "A1:G4"


def test_a_sheet_is_made_to_be_read() -> None:
    sheet = Spreadsheet("Entries", COLUMNS)
    book = workbook_of(sheet.write(ROWS) + sheet.finish(), values=False)
    cells = book["Entries"]
    assert cells.freeze_panes == "A2"
    assert cells.auto_filter.ref == "A1:F3"
    assert (cells.column_dimensions["B"].width, cells.column_dimensions["E"].width) == (9, 50)
    assert all(cells.cell(1, number).font.b for number in range(1, 7))
    assert cells["B4"].value == "=SUBTOTAL(109,B2:B3)"
    assert cells["A2"].is_date
    assert cells["F2"].is_date


def test_a_full_sheet_is_followed_by_another() -> None:
    sheet = Spreadsheet("Rows", [SheetColumn("number")], max_rows=4)
    book = workbook_of(b"".join(sheet.write([(n,)]) for n in range(5)) + sheet.finish())
    assert {name: [row[0] for row in book[name].values] for name in book.sheetnames} == {
        "Rows": ["number", 0, 1],
        "Rows 2": ["number", 2, 3],
        "Rows 3": ["number", 4],
    }


def test_a_sheet_ends_before_it_needs_zip64() -> None:
    sheet = Spreadsheet("Rows", [SheetColumn("text")], max_bytes=1000)
    data = b"".join(sheet.write([("x" * 600,)]) for _ in range(3)) + sheet.finish()
    assert len(workbook_of(data).sheetnames) == 3
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert all(entry.create_version <= 20 for entry in archive.infolist())


def test_an_empty_workbook_has_a_header() -> None:
    book = workbook_of(Spreadsheet("Entries", COLUMNS).finish())
    assert next(iter(book["Entries"].values)) == tuple(column.name for column in COLUMNS)
