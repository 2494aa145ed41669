"""XLSX (Office Open XML, ECMA-376), written while it is sent: no rows in memory, no file.

Texts are typed as such, so that none is evaluated as a formula.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from io import RawIOBase
from typing import IO, Any
from xml.sax.saxutils import escape

MAX_ROWS = 1_048_576
_EPOCH = date(1899, 12, 30).toordinal()
# XML 1.0 has no way to write these.
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")

_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATED = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGED = "http://schemas.openxmlformats.org/package/2006"
_KIND = "application/vnd.openxmlformats-officedocument.spreadsheetml"

_STYLES = (
    f'{_HEAD}<styleSheet xmlns="{_MAIN}">'
    '<fonts count="1"><font/></fonts><fills count="1"><fill/></fills>'
    '<borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs>'
    '<cellXfs count="2"><xf/><xf numFmtId="14" applyNumberFormat="1"/></cellXfs></styleSheet>'
)
_ROOT = (
    f'{_HEAD}<Relationships xmlns="{_PACKAGED}/relationships">'
    f'<Relationship Id="rId1" Type="{_RELATED}/officeDocument" Target="xl/workbook.xml"/>'
    "</Relationships>"
)


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

    def __init__(self, title: str, header: Sequence[str], max_rows: int = MAX_ROWS) -> None:
        self._title = title
        self._header = header
        self._max_rows = max_rows
        self._output = _Output()
        self._archive = zipfile.ZipFile(
            self._output, "w", zipfile.ZIP_DEFLATED, compresslevel=1, strict_timestamps=False
        )
        self._sheets = 0
        self._sheet: IO[bytes] | None = None
        self._rows = 0

    def write(self, rows: Iterable[Sequence[object]]) -> bytes:
        """Append rows; a sheet that is full is followed by another."""
        lines: list[str] = []
        for row in rows:
            if self._sheet is None or self._rows >= self._max_rows:
                self._flush(lines)
                lines = [self._begin_sheet()]
            lines.append(_row(row))
            self._rows += 1
        self._flush(lines)
        return self._output.take()

    def finish(self) -> bytes:
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
        self._sheet = self._archive.open(
            f"xl/worksheets/sheet{self._sheets}.xml", "w", force_zip64=True
        )
        self._rows = 1
        return f'{_HEAD}<worksheet xmlns="{_MAIN}"><sheetData>{_row(self._header)}'

    def _end_sheet(self) -> None:
        if self._sheet is not None:
            self._sheet.write(b"</sheetData></worksheet>")
            self._sheet.close()
            self._sheet = None

    def _flush(self, lines: list[str]) -> None:
        if self._sheet is not None and lines:
            self._sheet.write("".join(lines).encode())

    def _parts(self) -> dict[str, str]:
        """What tells of the sheets; in an archive it may stand behind them."""
        numbers = range(1, self._sheets + 1)
        sheets = "".join(
            f'<sheet name="{escape(self._title)} {n}" sheetId="{n}" r:id="rId{n}"/>'
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


def _row(values: Iterable[object]) -> str:
    return f"<row>{''.join(map(_cell, values))}</row>"


def _cell(value: object) -> str:
    if value is None or value == "":
        return "<c/>"
    if isinstance(value, bool):
        return f'<c t="b"><v>{int(value)}</v></c>'
    if isinstance(value, int):
        return f"<c><v>{value}</v></c>"
    if isinstance(value, date) and not isinstance(value, datetime):
        return f'<c s="1"><v>{value.toordinal() - _EPOCH}</v></c>'
    text = value.isoformat() if isinstance(value, datetime) else str(value)
    text = escape(_UNWRITABLE.sub("\ufffd", text))
    return f'<c t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>'
