"""JSON lines: one object per row."""

import json
from collections.abc import Iterator
from typing import Any

from batch.rows import CellError, InvalidRow, Record


def is_json(first_line: str) -> bool:
    """Whether a file that begins like this is JSON lines."""
    return first_line.lstrip().startswith("{")


def read_json_lines(lines: Iterator[str]) -> Iterator[Record | InvalidRow]:
    """The records of a file of JSON lines; empty lines are skipped."""
    for number, text in enumerate(lines, start=1):
        if text.strip():
            yield _read(number, text)


class _RepeatedName(ValueError):
    pass


def _read(line: int, text: str) -> Record | InvalidRow:
    try:
        found = json.loads(text, object_pairs_hook=_unique)
    except _RepeatedName as error:
        return InvalidRow(line, (CellError(str(error)[:80], "This name appears twice."),))
    except (ValueError, RecursionError):
        return InvalidRow(line, (CellError("row", "This line is not JSON."),), {"": text[:200]})
    if not isinstance(found, dict):
        return InvalidRow(line, (CellError("row", "This line is not a JSON object."),))
    nested = {name.lower() for name, value in found.items() if isinstance(value, dict | list)}
    cells = {name.lower(): _cell(value) for name, value in found.items()}
    return Record(line, cells, nested=frozenset(nested))


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _value in pairs]
        raise _RepeatedName(next(name for name in names if names.count(name) > 1))
    return found


def _cell(value: object) -> str:
    if value is None or isinstance(value, dict | list):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value).strip()
