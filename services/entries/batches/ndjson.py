"""JSON objects, one a line."""

from __future__ import annotations

from collections.abc import Iterator
from time import perf_counter

import msgspec

from services.entries.batches.lines import MAX_ROW_BYTES, STEP_SECONDS, Block, LineCutter
from services.entries.batches.rows import Parsed, Row, has_unusual, staged_of

_decode = msgspec.json.Decoder(Row).decode
# A number that is too large, or too deep a nesting, is no different from broken JSON here.
_UNREADABLE = (msgspec.DecodeError, UnicodeError, RecursionError)


class NdjsonReader:
    def __init__(self) -> None:
        self._lines = LineCutter()

    def feed(self, data: bytes) -> Iterator[Parsed]:
        block = self._lines.cut(data)
        if block is not None:
            yield from _read(block)

    def finish(self) -> Iterator[Parsed]:
        block = self._lines.last()
        if block is not None:
            yield from _read(block)


def _read(block: Block) -> Iterator[Parsed]:
    unusual = has_unusual(block.data, block.text)
    parsed, until = Parsed(), perf_counter() + STEP_SECONDS
    for number, line in enumerate(block.lines, block.first):
        if line and not line.isspace():
            parsed.rows += 1
            _read_line(parsed, number, line, unusual=unusual)
        if perf_counter() > until:
            yield parsed
            parsed, until = Parsed(), perf_counter() + STEP_SECONDS
    yield parsed


def _read_line(parsed: Parsed, number: int, line: str, *, unusual: bool) -> None:
    try:
        staged = staged_of(number, _decode(line), unusual=unusual)
    except _UNREADABLE:
        staged = None
    if staged is not None:
        parsed.staged.append(staged)
    elif len(line) > MAX_ROW_BYTES:
        parsed.refuse(number, "too_long", f"The row is longer than {MAX_ROW_BYTES} bytes.")
    else:
        _look_again(parsed, number, line)


def _look_again(parsed: Parsed, number: int, line: str) -> None:
    try:
        given = msgspec.json.decode(line)
    except _UNREADABLE:
        parsed.refuse(number, "json", "This line is not JSON.")
        return
    if isinstance(given, dict):
        parsed.check(number, given)
    else:
        parsed.refuse(number, "json", "A JSON object is expected.")
