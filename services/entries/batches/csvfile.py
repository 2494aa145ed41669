"""Comma-separated values with a header (RFC 4180), in UTF-8."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from time import perf_counter
from typing import Any

import msgspec

from libs.web.problems import FieldError, UnprocessableContent
from services.entries.batches.lines import (
    MAX_ROW_BYTES,
    STEP_SECONDS,
    Block,
    LineCutter,
    too_long,
    wrong_file,
)
from services.entries.batches.rows import (
    COLUMNS,
    REQUIRED,
    Parsed,
    Row,
    Staged,
    has_unusual,
    staged_of,
)

# More than there are names for; who has more does not send this kind of file.
MAX_COLUMNS = 64

_WHOLE_NUMBER = re.compile(r"-?[0-9]{1,9}")
_TRUTHS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


class CsvReader:
    """A row may span lines, within quotes; its number is that of the first."""

    def __init__(self) -> None:
        self._lines = LineCutter()
        self._columns: list[str] | None = None
        self._pending: list[str] = []
        self._pending_from = 1

    def feed(self, data: bytes) -> Iterator[Parsed]:
        block = self._lines.cut(data)
        if block is not None:
            yield from self._read(block)

    def finish(self) -> Iterator[Parsed]:
        block = self._lines.last()
        if block is not None:
            yield from self._read(block)
        if self._pending:
            words = f"A quote that opens on line {self._pending_from} is never closed."
            raise wrong_file("csv", words)
        if self._columns is None:
            raise wrong_file("empty", "The file is empty: a header is expected.")

    def _read(self, block: Block) -> Iterator[Parsed]:
        unusual = has_unusual(block.data, block.text)
        first = self._pending_from if self._pending else block.first
        lines = [*self._pending, *(f"{line}\n" for line in block.lines)]
        self._pending = []
        # Strict: what follows a closing quote is told, not guessed.
        records = csv.reader(iter(lines), strict=True)
        parsed, done, until = Parsed(), 0, perf_counter() + STEP_SECONDS
        while done < len(lines):
            number = first + done
            try:
                cells = next(records)
            except csv.Error as error:
                if "unexpected end of data" in str(error):
                    self._keep(lines[done:], number)
                    break
                parsed.rows += 1
                parsed.refuse(number, "csv", "This row is not CSV: check its quotes.")
            else:
                self._take(parsed, number, cells, unusual=unusual)
            done = records.line_num
            if perf_counter() > until:
                yield parsed
                parsed, until = Parsed(), perf_counter() + STEP_SECONDS
        yield parsed

    def _keep(self, lines: list[str], number: int) -> None:
        """Hold back a row whose quotes are still open."""
        if sum(map(len, lines)) > MAX_ROW_BYTES:
            raise too_long(number, " Is a quote never closed?")
        self._pending, self._pending_from = lines, number

    def _take(self, parsed: Parsed, number: int, cells: list[str], *, unusual: bool) -> None:
        if not any(cells):
            return  # a blank line, or one of commas alone, as spreadsheets leave them
        if self._columns is None:
            self._columns = _header(cells)
            return
        parsed.rows += 1
        if len(cells) != len(self._columns):
            words = f"{len(self._columns)} columns are expected, this row has {len(cells)}."
            parsed.refuse(number, "columns", words)
            return
        given = {
            name: cell
            for name, told in zip(self._columns, cells, strict=True)
            if (cell := told.strip())
        }
        staged = _staged(number, given, unusual=unusual)
        if staged is not None:
            parsed.staged.append(staged)
        else:
            parsed.check(number, _typed(given))


def _staged(number: int, given: Mapping[str, str], *, unusual: bool) -> Staged | None:
    try:
        return staged_of(number, msgspec.convert(given, Row, strict=False), unusual=unusual)
    except msgspec.ValidationError:
        return None


def _typed(given: Mapping[str, str]) -> dict[str, Any]:
    """Cells as the JSON values they stand for; what stands for none is left to the schema."""
    typed: dict[str, Any] = dict(given)
    minutes, billable = given.get("minutes", ""), given.get("billable", "").lower()
    if _WHOLE_NUMBER.fullmatch(minutes):
        typed["minutes"] = int(minutes)
    if billable in _TRUTHS:
        typed["billable"] = _TRUTHS[billable]
    return typed


def _header(cells: Sequence[str]) -> list[str]:
    if len(cells) > MAX_COLUMNS:
        raise wrong_file("columns", f"The header has {len(cells)} columns: too many.")
    names = [cell.strip().lower() for cell in cells]
    errors = [
        *(_unknown(name) for name in dict.fromkeys(names) if name not in COLUMNS),
        *(_repeated(name) for name in COLUMNS if names.count(name) > 1),
        *(_missing(name) for name in REQUIRED if name not in names),
    ]
    if "minutes" not in names and "hours" not in names:
        errors.append(_missing("minutes"))
    if errors:
        raise UnprocessableContent(errors)
    return names


def _unknown(name: str) -> FieldError:
    shown = "".join(part if part.isprintable() else "?" for part in name[:64])
    words = f"There is no column {shown!r}; there are {', '.join(COLUMNS)}."
    return FieldError(f"/{shown}", words, "unknown")


def _repeated(name: str) -> FieldError:
    return FieldError(f"/{name}", f"The column {name} is there more than once.", "repeated")


def _missing(name: str) -> FieldError:
    return FieldError(f"/{name}", f"The column {name} is missing.", "required")
