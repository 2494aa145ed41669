"""NDJSON: one JSON object per line."""

from __future__ import annotations

from collections.abc import Iterator
from time import perf_counter

import msgspec

from services.entries.batches.readers.lines import (
    MAX_ROW_BYTES,
    STEP_SECONDS,
    Block,
    LineCutter,
)
from services.entries.batches.readers.rows import ParsedRows, Row, has_unusual, staged_row

_decode = msgspec.json.Decoder(Row).decode
# A number that is too large and nesting that is too deep count as broken JSON.
_UNREADABLE = (msgspec.DecodeError, UnicodeError, RecursionError)


class NdjsonReader:
    def __init__(self) -> None:
        self._lines = LineCutter()

    def feed(self, data: bytes) -> Iterator[ParsedRows]:
        block = self._lines.cut(data)
        if block is not None:
            yield from _read(block)

    def finish(self) -> Iterator[ParsedRows]:
        block = self._lines.last()
        if block is not None:
            yield from _read(block)


def _read(block: Block) -> Iterator[ParsedRows]:
    unusual = has_unusual(block.data, block.text)
    parsed, until = ParsedRows(), perf_counter() + STEP_SECONDS
    for number, line in enumerate(block.lines, block.first):
        if line and not line.isspace():
            parsed.rows += 1
            _read_line(parsed, number, line, unusual=unusual)
        if perf_counter() > until:
            yield parsed
            parsed, until = ParsedRows(), perf_counter() + STEP_SECONDS
    yield parsed


def _read_line(parsed: ParsedRows, number: int, line: str, *, unusual: bool) -> None:
    try:
        staged = staged_row(number, _decode(line), unusual=unusual)
    except _UNREADABLE:
        staged = None
    if staged is not None:
        parsed.valid.append(staged)
    elif len(line) > MAX_ROW_BYTES:
        parsed.reject(number, "too_long", f"The row is longer than {MAX_ROW_BYTES} bytes.")
    else:
        _explain(parsed, number, line)


def _explain(parsed: ParsedRows, number: int, line: str) -> None:
    try:
        fields = msgspec.json.decode(line)
    except _UNREADABLE:
        parsed.reject(number, "json", "This line is not JSON.")
        return
    if isinstance(fields, dict):
        parsed.validate(number, fields)
    else:
        parsed.reject(number, "json", "A JSON object is expected.")
