"""XLSX (Office Open XML, ECMA-376), written while it is sent: no rows in memory, no file.

Texts are typed as such, so that none is evaluated as a formula. The archive needs no ZIP64, which
SheetJS does not read of a stream: a sheet ends before it grows so large.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from io import RawIOBase
from itertools import repeat
from typing import IO, Any, NamedTuple
from xml.sax.saxutils import escape

MAX_ROWS = 1_048_576
MAX_SHEET_BYTES = 1_800_000_000
_EPOCH = date(1899, 12, 30).toordinal()
_EPOCH_MOMENT = datetime(1899, 12, 30, tzinfo=UTC)
_SECONDS_A_DAY = 86_400
# XML 1.0 has no way to write these.
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
# Excel reads such texts as an escaped character (ST_Xstring) unless the underscore is escaped.
_ESCAPED = re.compile("_(?=x[0-9A-Fa-f]{4}_)")

_EMPTY = {None, ""}
_SPECIAL = ("&", "<", ">", "_x", "  ", "| ", " |")
_TEXT_END = "</t></is></c>"

_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATED = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGED = "http://schemas.openxmlformats.org/package/2006"
_KIND = "application/vnd.openxmlformats-officedocument.spreadsheetml"

# Cell formats by their index in `_STYLES`.
_DATE, _MOMENT, _BOLD, _BOLD_NUMBER = 1, 2, 3, 4
_STYLES = (
    f'{_HEAD}<styleSheet xmlns="{_MAIN}">'
    '<numFmts count="1"><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd\\ hh:mm:ss"/></numFmts>'
    '<fonts count="2">'
    '<font><sz val="11"/><name val="Calibri"/></font>'
    '<font><b/><sz val="11"/><name val="Calibri"/></font>'
    "</fonts>"
    '<fills count="2"><fill><patternFill patternType="none"/></fill>'
    '<fill><patternFill patternType="gray125"/></fill></fills>'
    '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
    '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
    '<cellXfs count="5">'
    '<xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>'
    '<xf numFmtId="14" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>'
    '<xf numFmtId="164" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>'
    '<xf numFmtId="0" fontId="1" fillId="0" borderId="0" xfId="0" applyFont="1"/>'
    '<xf numFmtId="4" fontId="1" fillId="0" borderId="0" xfId="0" applyFont="1"'
    ' applyNumberFormat="1"/>'
    '</cellXfs><cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles>'
    "</styleSheet>"
)
_ROOT = (
    f'{_HEAD}<Relationships xmlns="{_PACKAGED}/relationships">'
    f'<Relationship Id="rId1" Type="{_RELATED}/officeDocument" Target="xl/workbook.xml"/>'
    "</Relationships>"
)


@dataclass(frozen=True, slots=True)
class SheetColumn:
    """A column: its header, its width in characters, and whether its numbers are added up."""

    name: str
    width: int = 12
    is_sum: bool = False


class _Output(RawIOBase):
    """Collects what the archive writes until it is taken."""

    def __init__(self) -> None:
        self._written = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        self._written += data
        return len(data)

    def take(self) -> bytes:
        taken, self._written = bytes(self._written), bytearray()
        return taken


class Spreadsheet:
    """Each method returns the bytes that are ready to be sent."""

    def __init__(
        self,
        title: str,
        columns: Sequence[SheetColumn],
        max_rows: int = MAX_ROWS,
        max_bytes: int = MAX_SHEET_BYTES,
    ) -> None:
        self._title = title
        self._columns = columns
        self._letters = [_letters(number) for number in range(1, len(columns) + 1)]
        self._starts = [f'<c r="{letters}' for letters in self._letters]
        self._summed = [index for index, column in enumerate(columns) if column.is_sum]
        self._sums: list[Decimal] = []
        self._max_rows = max_rows - 1  # the last row has the totals
        self._max_bytes = max_bytes
        self._output = _Output()
        self._archive = zipfile.ZipFile(
            self._output, "w", zipfile.ZIP_DEFLATED, compresslevel=1, strict_timestamps=False
        )
        self._sheets = 0
        self._sheet: IO[bytes] | None = None
        self._rows = 0
        self._size = 0

    def write(self, rows: Iterable[Sequence[Any]]) -> bytes:
        """Append rows; a sheet that is full is followed by another."""
        left = list(rows)
        while left:
            if self._sheet is None or self._rows >= self._max_rows or self._size > self._max_bytes:
                self._flush([self._begin_sheet()])
            fitting = left[: self._max_rows - self._rows]
            self._flush(self._lines(fitting))
            left = left[len(fitting) :]
        return self._output.take()

    def finish(self) -> bytes:
        """Write the totals row and the last parts of the workbook; return the last bytes."""
        if self._sheet is None:
            self._flush([self._begin_sheet()])
        self._end_sheet()
        for name, text in self._parts().items():
            self._archive.writestr(name, text)
        self._archive.close()
        return self._output.take()

    def _begin_sheet(self) -> str:
        self._end_sheet()
        self._sheets += 1
        self._sheet = self._archive.open(f"xl/worksheets/sheet{self._sheets}.xml", "w")
        self._rows, self._size = 1, 0
        self._sums = [Decimal(0)] * len(self._columns)
        widths = "".join(
            f'<col min="{number}" max="{number}" width="{column.width}" customWidth="1"/>'
            for number, column in enumerate(self._columns, start=1)
        )
        header = "".join(
            _text_cell(f"{letters}1", column.name, _BOLD)
            for letters, column in zip(self._letters, self._columns, strict=True)
        )
        return (
            f'{_HEAD}<worksheet xmlns="{_MAIN}"><sheetViews><sheetView workbookViewId="0">'
            '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/>'
            f'</sheetView></sheetViews><cols>{widths}</cols><sheetData><row r="1">{header}</row>'
        )

    def _lines(self, rows: Sequence[Sequence[Any]]) -> list[str]:
        """The rows as XML, from one template for all of them: an export has millions of cells."""
        first, self._rows = self._rows + 1, self._rows + len(rows)
        numbers = list(map(str, range(first, self._rows + 1)))
        columns = list(zip(*rows, strict=True))
        for index in self._summed:
            self._sums[index] += sum(columns[index])
        template, cells = '<row r="\0">', []
        for start, column in zip(self._starts, columns, strict=True):
            if (plain := _plain(column)) is not None:
                template += f'{start}\0"{plain.head}%s{plain.tail}'
                cells.append(plain.values)
            elif set(column) - _EMPTY:
                template += "%s"
                cells.append(
                    [
                        "" if value is None or value == "" else f'{start}{number}"{_content(value)}'
                        for number, value in zip(numbers, column, strict=True)
                    ]
                )
        template += "</row>"
        values = zip(*cells, strict=True) if cells else repeat(())
        return [
            template.replace("\0", number) % row
            for number, row in zip(numbers, values, strict=bool(cells))
        ]

    def _end_sheet(self) -> None:
        if self._sheet is None:
            return
        last = f"{self._letters[-1]}{self._rows}"
        self._flush(
            [
                self._totals() if self._summed else "",
                f'</sheetData><autoFilter ref="A1:{last}"/></worksheet>',
            ]
        )
        self._sheet.close()
        self._sheet = None

    def _totals(self) -> str:
        """A row that adds up the rows that are shown, with the sum of all as its value."""
        number = self._rows + 1
        cells = [_text_cell(f"A{number}", "Total", _BOLD)]
        for index in self._summed:
            letters = self._letters[index]
            cells.append(
                f'<c r="{letters}{number}" s="{_BOLD_NUMBER}">'
                f"<f>SUBTOTAL(109,{letters}2:{letters}{max(self._rows, 2)})</f>"
                f"<v>{self._sums[index]}</v></c>"
            )
        return f'<row r="{number}">{"".join(cells)}</row>'

    def _flush(self, lines: list[str]) -> None:
        if self._sheet is not None and lines:
            data = "".join(lines).encode()
            self._size += len(data)
            self._sheet.write(data)

    def _parts(self) -> dict[str, str]:
        """The parts that name the sheets; in an archive they may follow them."""
        numbers = range(1, self._sheets + 1)
        sheets = "".join(
            f'<sheet name="{escape(self._title)}{f" {n}" if n > 1 else ""}" sheetId="{n}"'
            f' r:id="rId{n}"/>'
            for n in numbers
        )
        related = "".join(
            f'<Relationship Id="rId{n}" Type="{_RELATED}/worksheet"'
            f' Target="worksheets/sheet{n}.xml"/>'
            for n in numbers
        )
        kinds = "".join(
            f'<Override PartName="/xl/worksheets/sheet{n}.xml"'
            f' ContentType="{_KIND}.worksheet+xml"/>'
            for n in numbers
        )
        return {
            "xl/workbook.xml": f'{_HEAD}<workbook xmlns="{_MAIN}" xmlns:r="{_RELATED}">'
            f"<sheets>{sheets}</sheets></workbook>",
            "xl/_rels/workbook.xml.rels": f'{_HEAD}<Relationships xmlns="{_PACKAGED}/'
            f'relationships">{related}<Relationship Id="rId{self._sheets + 1}"'
            f' Type="{_RELATED}/styles" Target="styles.xml"/></Relationships>',
            "xl/styles.xml": _STYLES,
            "_rels/.rels": _ROOT,
            "[Content_Types].xml": f'{_HEAD}<Types xmlns="{_PACKAGED}/content-types">'
            '<Default Extension="rels"'
            ' ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            '<Default Extension="xml" ContentType="application/xml"/>'
            f'<Override PartName="/xl/workbook.xml" ContentType="{_KIND}.sheet.main+xml"/>'
            f'<Override PartName="/xl/styles.xml" ContentType="{_KIND}.styles+xml"/>'
            f"{kinds}</Types>",
        }


def _letters(number: int) -> str:
    """The name of a column: A, ..., Z, AA."""
    letters = ""
    while number:
        number, digit = divmod(number - 1, 26)
        letters = chr(ord("A") + digit) + letters
    return letters


class _Plain(NamedTuple):
    """The cells of a column, none empty: what is before and after each value."""

    head: str
    values: Iterable[object]
    tail: str


def _plain(values: Sequence[Any]) -> _Plain | None:
    """A column of values of one type that need no escaping; None for others."""
    kinds = set(map(type, values))
    if len(kinds) != 1:
        return None
    kind = kinds.pop()
    if kind is str and "" not in values and not _is_special("|".join(values)):
        return _Plain(' t="inlineStr"><is><t>', values, _TEXT_END)
    if kind in (int, Decimal):
        return _Plain("><v>", values, "</v></c>")
    if kind is bool:
        return _Plain(' t="b"><v>', map(int, values), "</v></c>")
    if kind is date:
        days = [value.toordinal() - _EPOCH for value in values]
        return _Plain(f' s="{_DATE}"><v>', days, "</v></c>")
    if kind is datetime:
        return _Plain(f' s="{_MOMENT}"><v>', map(_serial, values), "</v></c>")
    return None


def _is_special(texts: str) -> bool:
    """Whether one of the texts, joined by "|", has a character that is escaped or white space
    that needs `xml:space`. One search in all texts is faster than one in each."""
    if not texts.isprintable() or texts.startswith(" ") or texts.endswith(" "):
        return True
    return any(special in texts for special in _SPECIAL)


def _content(value: object) -> str:
    if isinstance(value, datetime):
        return f' s="{_MOMENT}"><v>{_serial(value)}</v></c>'
    if isinstance(value, bool):
        return f' t="b"><v>{int(value)}</v></c>'
    if isinstance(value, int | Decimal):
        return f"><v>{value}</v></c>"
    if isinstance(value, date):
        return f' s="{_DATE}"><v>{value.toordinal() - _EPOCH}</v></c>'
    return _text(str(value))


def _text(text: str, style: str = "") -> str:
    """A text in which every character and white space is kept."""
    if "_x" in text:
        text = _ESCAPED.sub("_x005F_", text)
    # XML readers turn a bare carriage return into a line feed.
    text = escape(_UNWRITABLE.sub("\ufffd", text), {"\r": "&#13;"})
    return f'{style} t="inlineStr"><is><t xml:space="preserve">{text}{_TEXT_END}'


def _text_cell(reference: str, text: str, style: int) -> str:
    return f'<c r="{reference}"' + _text(text, f' s="{style}"')


def _serial(moment: datetime) -> float:
    """Days since the epoch of spreadsheets, in UTC, to the second.

    Not rounded: LibreOffice shows a moment that is a millisecond short as the second before.
    """
    since = moment - _EPOCH_MOMENT
    return since.days + since.seconds / _SECONDS_A_DAY
