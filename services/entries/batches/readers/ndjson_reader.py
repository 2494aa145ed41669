"""NDJSON: one JSON object per line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from time import perf_counter
from typing import Any

import msgspec

from services.entries.batches.model import UnreadableFile
from services.entries.batches.readers.lines import (
    MAX_ROW_BYTES,
    STEP_SECONDS,
    Block,
    Reader,
)
from services.entries.batches.readers.rows import ParsedRows, Row, has_unusual

_decoder = msgspec.json.Decoder(Row)
# A number that is too large and nesting that is too deep count as broken JSON.
_UNREADABLE = (msgspec.DecodeError, UnicodeError, RecursionError, ValueError)
# A name whose colon does not follow at once.
_SPACED_NAME = re.compile(r'"[ \t\r]+:')


class NdjsonReader(Reader):
    """Reads rows from JSON objects, one per line."""

    def __init__(self) -> None:
        super().__init__()
        self._rows = 0

    def _check_end(self) -> None:
        if not self._rows:
            raise UnreadableFile.because("empty", "The file is empty: no row was found.")

    def _read(self, block: Block) -> Iterator[ParsedRows]:
        unusual, lines = has_unusual(block.data, block.text), block.lines
        rows = _decode_together(block, len(lines)) or map(_decode_line, lines)
        parsed, until = ParsedRows(), perf_counter() + STEP_SECONDS
        for number, (line, row) in enumerate(zip(lines, rows, strict=True), block.first):
            if row is not None and parsed.accept(number, row, unusual=unusual):
                parsed.rows += 1
            elif line and not line.isspace():
                parsed.rows += 1
                _explain(parsed, number, line)
            if perf_counter() > until:
                self._rows += parsed.rows
                yield parsed
                parsed, until = ParsedRows(), perf_counter() + STEP_SECONDS
        self._rows += parsed.rows
        yield parsed


def _decode_together(block: Block, lines: int) -> list[Row] | None:
    """The row of each line, or None if a line may be empty, broken or repeat a name.

    The decoder takes rows that share a line or span several: so there are as many rows as lines,
    and each line end is between two of them. No row contains an object or a text with a line end.
    """
    text = block.text
    ends = text.count("}\n{")
    if ends != lines - 1 and ends + text.count("}\r\n{") != lines - 1:
        return None
    try:
        rows = _decoder.decode_lines(block.data)
    except _UNREADABLE:
        return None
    fields = sum(map(Row.number_of_fields, rows))
    return rows if len(rows) == lines and has_unique_names(text, fields) else None


def _decode_line(line: str) -> Row | None:
    try:
        row = _decoder.decode(line)
    except _UNREADABLE:
        return None
    return row if has_unique_names(line, row.number_of_fields()) else None


def has_unique_names(text: str, fields: int) -> bool:
    """Whether counting proves that objects of so many different names in all repeat none.

    A colon follows each name, so there are as many colons as names, and more if texts contain
    some. Then those that follow a quote at once are counted, which texts rarely contain.
    """
    if text.count(":") == fields:
        return True
    return text.count('":') == fields and _SPACED_NAME.search(text) is None


def _explain(parsed: ParsedRows, number: int, line: str) -> None:
    """Check a row by the schema, which reports its errors."""
    if len(line) > MAX_ROW_BYTES:
        parsed.reject(number, "too_long", f"The row is longer than {MAX_ROW_BYTES} bytes.")
        return
    try:
        msgspec.json.decode(line)  # stricter than json: no NaN, no bare control characters
        fields = json.loads(line, object_pairs_hook=_without_repeated_names)
    except _RepeatedName as error:
        message = f"The name {error.name!r} is repeated."
        parsed.reject(number, "json", message, error.external_id)
    except _UNREADABLE:
        parsed.reject(number, "json", "This line is not JSON.")
    else:
        if isinstance(fields, dict):
            parsed.validate(number, fields)
        else:
            parsed.reject(number, "json", "A JSON object is expected.")


class _RepeatedName(Exception):
    """A name occurs twice in an object; `external_id` is that of the row, if it has one."""

    def __init__(self, name: str, external_id: str) -> None:
        super().__init__(name)
        self.name = name[:64]
        self.external_id = external_id


def _without_repeated_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    repeated = None
    for name, value in pairs:
        if name in fields:
            repeated = name
        fields[name] = value
    if repeated is not None:
        own = fields.get("external_id") if repeated != "external_id" else None
        raise _RepeatedName(repeated, own if isinstance(own, str) else "")
    return fields
