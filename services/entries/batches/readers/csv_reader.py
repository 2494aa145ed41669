"""Comma-separated values with a header (RFC 4180), in UTF-8."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from time import perf_counter
from typing import Any

import msgspec

from libs.rules.violations import Violation
from services.entries.batches.model import UnreadableFile
from services.entries.batches.readers.lines import (
    MAX_ROW_BYTES,
    STEP_SECONDS,
    Block,
    Reader,
    row_too_long,
)
from services.entries.batches.readers.rows import (
    COLUMNS,
    EXPORT_COLUMNS,
    REQUIRED,
    ParsedRows,
    Row,
    has_unusual,
    is_export,
)
from services.entries.csv_cells import unguarded

# Several times as many as there are names.
MAX_COLUMNS = 64

_WHOLE_NUMBER = re.compile(r"(-?[0-9]{1,9})(?:\.0{1,20})?")
# Columns in which our export guards against formulas.
GUARDED = ("external_id", "task", "note")
_BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


class CsvReader(Reader):
    """A row may span lines within quotes; its number is that of the first one."""

    def __init__(self) -> None:
        super().__init__()
        self._columns: list[str] | None = None
        self._is_export = False
        self._pending: list[str] = []
        self._pending_from = 1

    def _check_end(self) -> None:
        if self._pending:
            raise UnreadableFile.because(
                "csv", f"A quote that opens on line {self._pending_from} is never closed."
            )
        if self._columns is None:
            raise UnreadableFile.because("empty", "The file is empty: a header is expected.")

    def _read(self, block: Block) -> Iterator[ParsedRows]:
        unusual = has_unusual(block.data, block.text)
        first = self._pending_from if self._pending else block.first
        lines = [*self._pending, *(f"{line}\n" for line in block.lines)]
        self._pending = []
        # Strict: text after a closing quote is an error.
        records = csv.reader(iter(lines), strict=True)
        parsed, done, until = ParsedRows(), 0, perf_counter() + STEP_SECONDS
        while done < len(lines):
            number = first + done
            try:
                cells = next(records)
            except csv.Error as error:
                if "unexpected end of data" in str(error):
                    self._keep(lines[done:], number)
                    break
                parsed.rows += 1
                parsed.reject(number, "csv", "This row is not CSV: check its quotes.")
            else:
                self._read_row(parsed, number, cells, unusual=unusual)
            done = records.line_num
            if perf_counter() > until:
                yield parsed
                parsed, until = ParsedRows(), perf_counter() + STEP_SECONDS
        yield parsed

    def _keep(self, lines: list[str], number: int) -> None:
        """Hold back a row whose quotes are still open."""
        if sum(map(len, lines)) > MAX_ROW_BYTES:
            raise row_too_long(number, " Is a quote never closed?")
        self._pending, self._pending_from = lines, number

    def _read_row(
        self, parsed: ParsedRows, number: int, cells: list[str], *, unusual: bool
    ) -> None:
        if not any(cells):
            return  # a blank line, or one of commas alone, as spreadsheets leave them
        if self._columns is None:
            self._columns = _header(cells)
            self._is_export = is_export(frozenset(self._columns))
            return
        parsed.rows += 1
        if len(cells) != len(self._columns):
            message = f"{len(self._columns)} columns are expected, this row has {len(cells)}."
            parsed.reject(number, "columns", message)
            return
        fields = {
            name: text
            for name, cell in zip(self._columns, cells, strict=True)
            if (text := cell.strip())
        }
        if self._is_export:
            fields = _exported(fields)
        row = _row_of(fields)
        if row is None or not parsed.accept(number, row, unusual=unusual):
            parsed.validate(number, _typed(fields))


def _row_of(fields: Mapping[str, str]) -> Row | None:
    try:
        return msgspec.convert(fields, Row, strict=False)
    except msgspec.ValidationError:
        return None


def _exported(fields: Mapping[str, str]) -> dict[str, str]:
    """The fields of a row in a row of our own export."""
    own = {
        name: unguarded(cell) if name in GUARDED else cell
        for name, cell in fields.items()
        if name not in EXPORT_COLUMNS
    }
    own.setdefault("external_id", fields["id"])
    return own


def _typed(fields: Mapping[str, str]) -> dict[str, Any]:
    """Cells as JSON values; other texts are left to the schema."""
    typed: dict[str, Any] = dict(fields)
    if match := _WHOLE_NUMBER.fullmatch(fields.get("minutes", "")):
        typed["minutes"] = int(match[1])
    for name in ("billable", "deleted"):
        text = fields.get(name, "").lower()
        if text in _BOOLEANS:
            typed[name] = _BOOLEANS[text]
    return typed


def _header(cells: Sequence[str]) -> list[str]:
    if len(cells) > MAX_COLUMNS:
        raise UnreadableFile.because("columns", f"The header has {len(cells)} columns: too many.")
    names = [cell.strip().lower() for cell in cells]
    known = {*COLUMNS, *EXPORT_COLUMNS} if is_export(frozenset(names)) else set(COLUMNS)
    violations = [
        *(_unknown(name) for name in dict.fromkeys(names) if name not in known),
        *(_repeated(name) for name in COLUMNS if names.count(name) > 1),
        *(_missing(name) for name in REQUIRED if name not in names),
    ]
    if "minutes" not in names and "hours" not in names:
        violations.append(_missing("minutes"))
    if violations:
        raise UnreadableFile(violations)
    return names


def _unknown(name: str) -> Violation:
    shown = "".join(part if part.isprintable() else "?" for part in name[:64])
    message = f"There is no column {shown!r}; there are {', '.join(COLUMNS)}."
    return Violation(shown, "unknown", message)


def _repeated(name: str) -> Violation:
    return Violation(name, "repeated", f"The column {name} is there more than once.")


def _missing(name: str) -> Violation:
    return Violation(name, "required", f"The column {name} is missing.")
