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
from marshmallow import Schema, ValidationError
from msgspec import UNSET, UnsetType

from services.entries.batches.model import RowError, StagedDeletion, StagedRow
from services.entries.batches.readers.hours import minutes_of
from services.entries.batches.readers.row_schema import (
    MAX_KEY_LENGTH,
    DeletionSchema,
    RowSchema,
)
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

_ROW, _DELETION = RowSchema(), DeletionSchema()
_CODES = {
    "This field is required.": "required",
    "Enter minutes or hours.": "required",
    "This field cannot be null.": "null",
    "There is no such field.": "unknown",
    "Minutes and hours differ.": "contradiction",
}
# The own constructor of a named tuple is a Python function, which takes three times as long.
_new = tuple.__new__
# Characters that a text cannot contain, and the bytes that cannot encode one in CSV or JSON.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_USUAL = b"\t\n\r" + bytes(byte for byte in range(0x20, 0x100) if byte not in b"\\\x7f")


class Row(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A row whose fields have valid types and lengths; the characters of texts are not checked."""

    external_id: Key
    person: Key
    date: date
    project: Code
    minutes: Minutes | UnsetType | None = UNSET
    hours: float | str | UnsetType | None = UNSET
    task: Task | UnsetType | None = UNSET
    note: Note | UnsetType | None = UNSET
    billable: bool | UnsetType | None = UNSET
    deleted: bool | UnsetType | None = UNSET

    def number_of_fields(self, unset: UnsetType = UNSET) -> int:
        """The number of fields in the row, with those that are null."""
        return (
            4
            + (self.minutes is not unset)
            + (self.hours is not unset)
            + (self.task is not unset)
            + (self.note is not unset)
            + (self.billable is not unset)
            + (self.deleted is not unset)
        )


COLUMNS = Row.__struct_fields__
REQUIRED = ("external_id", "person", "date", "project")
# The other columns of our own export, whose files can be uploaded as they are.
EXPORT_COLUMNS = frozenset(
    {
        "id",
        "name",
        "email",
        "employer",
        "kind",
        "external_ids",
        "week",
        "state",
        "project_name",
        "customer",
        "source",
        "version",
        "updated_at",
    }
)
EXPORT_MARKS = frozenset({"id", "state", "version"})


@dataclass(slots=True)
class ParsedRows:
    """The rows of some lines; `rows` counts the invalid ones too."""

    valid: list[StagedRow] = field(default_factory=list)
    deletions: list[StagedDeletion] = field(default_factory=list)
    errors: list[RowError] = field(default_factory=list)
    rows: int = 0

    def accept(self, line: int, row: Row, *, unusual: bool) -> bool:
        """Take a row that is valid; False if the schema has to check it."""
        if row.deleted:
            return False
        staged = _staged_row(line, row, unusual=unusual)
        if staged is None:
            return False
        self.valid.append(staged)
        return True

    def validate(self, line: int, fields: Mapping[str, Any]) -> None:
        """Load a row by its schema, which reports every invalid field."""
        if is_export(fields):
            fields = _own_fields(fields)
        if fields.get("deleted") is True:
            self._load(line, _DELETION, {key: fields[key] for key in _deletion_keys(fields)})
        else:
            self._load(line, _ROW, fields)

    def _load(self, line: int, schema: Schema, fields: Mapping[str, Any]) -> None:
        try:
            loaded: Any = schema.load(fields)
        except ValidationError as error:
            external_id = _external_id(fields)
            self.errors += [
                RowError(
                    line,
                    _printable(name),
                    _CODES.get(messages[0], "invalid"),
                    messages[0],
                    external_id,
                )
                for name, messages in islice(error.messages_dict.items(), MAX_ERRORS_PER_ROW)
            ]
            return
        if schema is _DELETION:
            self.deletions.append(StagedDeletion(line, **loaded))
        else:
            self.valid.append(StagedRow(line, **loaded))

    def reject(self, line: int, code: str, message: str, external_id: str = "") -> None:
        """Note that a row is refused."""
        self.errors.append(RowError(line, "", code, message, external_id))


def has_unusual(data: bytes, text: str) -> bool:
    """Whether a text in the data may contain forbidden characters or is not composed (NFC)."""
    if data.translate(None, _USUAL):
        return True
    if text.isascii():
        return False
    return _FORBIDDEN.search(text) is not None or not unicodedata.is_normalized("NFC", text)


def is_export(names: Mapping[str, Any] | frozenset[str]) -> bool:
    """Whether these are the columns of our own export."""
    return set(names) >= EXPORT_MARKS


def _own_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of an exported row that a row has. Entries that were not uploaded have no
    external_id: their id is one."""
    own = {name: value for name, value in fields.items() if name not in EXPORT_COLUMNS}
    if not own.get("external_id"):
        own["external_id"] = fields["id"]
    return own


def _deletion_keys(fields: Mapping[str, Any]) -> list[str]:
    """A deletion needs no other field; those of a row are ignored, unknown ones are not."""
    return [key for key in fields if key in DeletionSchema.USED or key not in COLUMNS]


def _staged_row(line: int, row: Row, *, unusual: bool) -> StagedRow | None:
    """The row without outer white space, or None for one that the schema has to check.

    The person stays as it is, because a `sub` is compared byte for byte.
    """
    minutes, day = row.minutes or None, row.date
    if row.hours is not UNSET and row.hours is not None:
        minutes = _agreed(row.hours, minutes)
    if not minutes or not FIRST_YEAR <= day.year <= LAST_YEAR or not _is_code(row.project):
        return None
    external_id, person = row.external_id.strip(), row.person
    task = row.task.strip() if row.task else ""
    note = row.note.strip() if row.note else ""
    if not external_id or person.isspace():
        return None
    if unusual and (_FORBIDDEN.search(person) or _is_unusual(external_id, task, note)):
        return None
    billable = None if row.billable is UNSET else row.billable
    fields = (line, external_id, person, day, row.project, minutes, task or None, note, billable)
    return _new(StagedRow, fields)


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


def _external_id(fields: Mapping[str, Any]) -> str:
    """The external_id of an invalid row, or an empty text."""
    value = fields.get("external_id")
    if not isinstance(value, str) or _FORBIDDEN.search(value):
        return ""
    return unicodedata.normalize("NFC", value).strip()[:MAX_KEY_LENGTH]


def _printable(name: object) -> str:
    """The field's name with unprintable characters replaced."""
    shown = "".join(part if part.isprintable() else "?" for part in str(name)[:MAX_NAME_LENGTH])
    return "" if shown == "_schema" else shown
