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

_decode = msgspec.json.Decoder(Row).decode
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
        unusual = has_unusual(block.data, block.text)
        parsed, until = ParsedRows(), perf_counter() + STEP_SECONDS
        for number, line in enumerate(block.lines, block.first):
            if line and not line.isspace():
                self._rows += 1
                parsed.rows += 1
                _read_line(parsed, number, line, unusual=unusual)
            if perf_counter() > until:
                yield parsed
                parsed, until = ParsedRows(), perf_counter() + STEP_SECONDS
        yield parsed


def _read_line(parsed: ParsedRows, number: int, line: str, *, unusual: bool) -> None:
    """Fast path: a valid row in which no name is repeated."""
    try:
        row = _decode(line)
    except _UNREADABLE:
        row = None
    if (
        row is not None
        and has_unique_names(line, row.number_of_fields())
        and parsed.accept(number, row, unusual=unusual)
    ):
        return
    if len(line) > MAX_ROW_BYTES:
        parsed.reject(number, "too_long", f"The row is longer than {MAX_ROW_BYTES} bytes.")
    else:
        _explain(parsed, number, line)


def has_unique_names(line: str, fields: int) -> bool:
    """Whether counting proves that an object of so many different names repeats none.

    A colon follows each name, so there are as many colons as names, and more if texts contain
    some. Then those that follow a quote at once are counted, which texts rarely contain.
    """
    if line.count(":") == fields:
        return True
    return line.count('":') == fields and _SPACED_NAME.search(line) is None


def _explain(parsed: ParsedRows, number: int, line: str) -> None:
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
