"""One row of a file: checked by a struct where nothing is wrong, told in words where it is.

The struct is the quick way for the many rows that are right. Whatever it refuses the schema looks
at once more and has the last word: it knows the words, and it takes what merely needs cleaning.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from itertools import islice
from typing import Annotated, Any, NamedTuple

import msgspec
from marshmallow import ValidationError

from services.entries.batches.hours import minutes_of
from services.entries.model import MAX_MINUTES_A_DAY, MAX_NOTE_LENGTH, MAX_TASK_LENGTH
from services.entries.schemas.batches import MAX_KEY_LENGTH, RowSchema
from services.entries.schemas.common import MAX_CODE_LENGTH, PROJECT_CODE

Key = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_KEY_LENGTH)]
Code = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_CODE_LENGTH)]
Minutes = Annotated[int, msgspec.Meta(ge=1, le=MAX_MINUTES_A_DAY)]
Task = Annotated[str, msgspec.Meta(max_length=MAX_TASK_LENGTH)]
Note = Annotated[str, msgspec.Meta(max_length=MAX_NOTE_LENGTH)]

FIRST_YEAR, LAST_YEAR = 1970, 9998
MAX_NAME_LENGTH = 64
MAX_MISTAKES_OF_A_ROW = 20

_ROW = RowSchema()
_CODES = {
    "This field is required.": "required",
    "This field cannot be null.": "null",
    "There is no such field.": "unknown",
    "Minutes and hours differ.": "contradiction",
}
# What a text may not hold; and the bytes that cannot stand for it, in CSV or in JSON.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_USUAL = b"\t\n\r" + bytes(byte for byte in range(0x20, 0x100) if byte not in b"\\\x7f")


class Row(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A JSON row that is right in itself, but for the characters of its texts."""

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


class Staged(NamedTuple):
    """A row as it goes to the database."""

    line: int
    external_id: str
    person: str
    date: date
    project: str
    minutes: int
    task: str | None
    note: str
    billable: bool | None


class Mistake(NamedTuple):
    """What is wrong with a row; `field` is empty where it cannot be read at all."""

    line: int
    field: str
    code: str
    message: str


@dataclass(slots=True)
class Parsed:
    """What some lines came to; `rows` counts them all, the wrong ones too."""

    staged: list[Staged] = field(default_factory=list)
    mistakes: list[Mistake] = field(default_factory=list)
    rows: int = 0

    def check(self, line: int, given: Mapping[str, Any]) -> None:
        """Take a row by the schema, which tells every field that is wrong."""
        try:
            self.staged.append(Staged(line, **_ROW.load(given)))
        except ValidationError as error:
            told = error.messages_dict
            self.mistakes += [
                Mistake(line, _printable(name), _CODES.get(words[0], "invalid"), words[0])
                for name, words in islice(told.items(), MAX_MISTAKES_OF_A_ROW)
            ]

    def refuse(self, line: int, code: str, message: str) -> None:
        self.mistakes.append(Mistake(line, "", code, message))


def has_unusual(data: bytes, text: str) -> bool:
    """Whether some text in there may hold what cannot be stored, or is not composed (NFC)."""
    if data.translate(None, _USUAL):
        return True
    if text.isascii():
        return False
    return _FORBIDDEN.search(text) is not None or not unicodedata.is_normalized("NFC", text)


def staged_of(line: int, row: Row, *, unusual: bool) -> Staged | None:
    """The row without outer white space, or None for one that the schema should look at."""
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
    return Staged(
        line, external_id, person, day, row.project, minutes, task or None, note, row.billable
    )


@lru_cache(maxsize=1024)
def _is_code(project: str) -> bool:
    """Remembered, as a file names few: to look each time takes longer than reading the row. `Code`
    bounds what is remembered."""
    return PROJECT_CODE.fullmatch(project) is not None


def _is_unusual(*texts: str) -> bool:
    whole = "\n".join(texts)
    return _FORBIDDEN.search(whole) is not None or not unicodedata.is_normalized("NFC", whole)


def _agreed(hours: float | str, minutes: int | None) -> int | None:
    try:
        told = minutes_of(hours)
    except ValueError:
        return None
    return told if minutes in (None, told) and 1 <= told <= MAX_MINUTES_A_DAY else None


def _printable(name: object) -> str:
    """A field's name as an error may show it."""
    shown = "".join(part if part.isprintable() else "?" for part in str(name)[:MAX_NAME_LENGTH])
    return "" if shown == "_schema" else shown
