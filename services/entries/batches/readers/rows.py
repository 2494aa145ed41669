"""One row of a file: decoded by a struct if it is valid, explained by a schema if it is not.

The struct is the fast path for the many valid rows. The schema checks whatever the struct rejects
and has the last word: it has the error messages, and it accepts rows that merely need cleaning.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from itertools import islice
from typing import Annotated, Any

import msgspec
from marshmallow import ValidationError

from services.entries.batches.model import RowError, StagedRow
from services.entries.batches.readers.hours import minutes_of
from services.entries.batches.readers.row_schema import MAX_KEY_LENGTH, RowSchema
from services.entries.model import MAX_MINUTES_A_DAY, MAX_NOTE_LENGTH, MAX_TASK_LENGTH
from services.entries.schemas.common import MAX_CODE_LENGTH, PROJECT_CODE

Key = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_KEY_LENGTH)]
Code = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_CODE_LENGTH)]
Minutes = Annotated[int, msgspec.Meta(ge=1, le=MAX_MINUTES_A_DAY)]
Task = Annotated[str, msgspec.Meta(max_length=MAX_TASK_LENGTH)]
Note = Annotated[str, msgspec.Meta(max_length=MAX_NOTE_LENGTH)]

FIRST_YEAR, LAST_YEAR = 1970, 9998
MAX_NAME_LENGTH = 64
MAX_ERRORS_PER_ROW = 20

_ROW = RowSchema()
_CODES = {
    "This field is required.": "required",
    "This field cannot be null.": "null",
    "There is no such field.": "unknown",
    "Minutes and hours differ.": "contradiction",
}
# Characters that a text cannot contain, and the bytes that cannot encode one in CSV or JSON.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_USUAL = b"\t\n\r" + bytes(byte for byte in range(0x20, 0x100) if byte not in b"\\\x7f")


class Row(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A row whose fields have valid types and lengths; the characters of texts are not checked."""

    external_id: Key
    person: Key
    date: date
    project: Code
    minutes: Minutes | None = None
    hours: float | str | None = None
    task: Task | None = None
    note: Note | None = None
    billable: bool | None = None


COLUMNS = Row.__struct_fields__
REQUIRED = ("external_id", "person", "date", "project")


@dataclass(slots=True)
class ParsedRows:
    """The rows of some lines; `rows` counts the invalid ones too."""

    valid: list[StagedRow] = field(default_factory=list)
    errors: list[RowError] = field(default_factory=list)
    rows: int = 0

    def validate(self, line: int, fields: Mapping[str, Any]) -> None:
        """Load a row by the schema, which reports every invalid field."""
        try:
            self.valid.append(StagedRow(line, **_ROW.load(fields)))
        except ValidationError as error:
            self.errors += [
                RowError(line, _printable(name), _CODES.get(messages[0], "invalid"), messages[0])
                for name, messages in islice(error.messages_dict.items(), MAX_ERRORS_PER_ROW)
            ]

    def reject(self, line: int, code: str, message: str) -> None:
        self.errors.append(RowError(line, "", code, message))


def has_unusual(data: bytes, text: str) -> bool:
    """Whether a text in the data may contain forbidden characters or is not composed (NFC)."""
    if data.translate(None, _USUAL):
        return True
    if text.isascii():
        return False
    return _FORBIDDEN.search(text) is not None or not unicodedata.is_normalized("NFC", text)


def staged_row(line: int, row: Row, *, unusual: bool) -> StagedRow | None:
    """The row without outer white space, or None for one that the schema has to check."""
    minutes, day = row.minutes, row.date
    if row.hours is not None:
        minutes = _agreed(row.hours, minutes)
    if not minutes or not FIRST_YEAR <= day.year <= LAST_YEAR or not _is_code(row.project):
        return None
    external_id, person = row.external_id.strip(), row.person.strip()
    task = row.task.strip() if row.task is not None else ""
    note = row.note.strip() if row.note is not None else ""
    if not external_id or not person or (unusual and _is_unusual(external_id, person, task, note)):
        return None
    return StagedRow(
        line, external_id, person, day, row.project, minutes, task or None, note, row.billable
    )


@lru_cache(maxsize=1024)
def _is_code(project: str) -> bool:
    """Cached, because a file names few projects and matching takes longer than decoding a row."""
    return PROJECT_CODE.fullmatch(project) is not None


def _is_unusual(*texts: str) -> bool:
    whole = "\n".join(texts)
    return _FORBIDDEN.search(whole) is not None or not unicodedata.is_normalized("NFC", whole)


def _agreed(hours: float | str, minutes: int | None) -> int | None:
    try:
        parsed = minutes_of(hours)
    except ValueError:
        return None
    return parsed if minutes in (None, parsed) and 1 <= parsed <= MAX_MINUTES_A_DAY else None


def _printable(name: object) -> str:
    """The field's name with unprintable characters replaced."""
    shown = "".join(part if part.isprintable() else "?" for part in str(name)[:MAX_NAME_LENGTH])
    return "" if shown == "_schema" else shown
