"""Entries."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from marshmallow import ValidationError, fields, post_load, validates_schema
from msgspec import Meta

from libs.rules.calendar import Week
from libs.rules.limits import MAX_REASON_LENGTH
from libs.service.fields import WeekField
from libs.web.schemas import Day, PageQuery, StrictSchema, Text, Truth, WholeNumber
from services.entries.model import (
    MAX_MINUTES_A_DAY,
    MAX_NOTE_LENGTH,
    MAX_TASK_LENGTH,
    Draft,
    LockReason,
)
from services.entries.schemas.common import DayRangeSchema, ProjectCode, person_field


@dataclass(frozen=True, slots=True)
class EntryQuery:
    """The query of a list of entries. Both days are included."""

    since: date | None
    until: date | None
    project: str | None
    person: str | None
    limit: int
    cursor: str | None


class EntryQuerySchema(DayRangeSchema, PageQuery):
    """The query parameters of a list of entries."""

    makes = EntryQuery

    project = ProjectCode(load_default=None)
    person = person_field()


class _EntryFields(StrictSchema):
    date = Day(required=True)
    project = ProjectCode(required=True)
    minutes = WholeNumber(minimum=1, maximum=MAX_MINUTES_A_DAY, required=True)
    task = Text(maximum=MAX_TASK_LENGTH, allow_none=True, load_default=None)
    note = Text(maximum=MAX_NOTE_LENGTH, load_default="")
    billable = Truth(
        allow_none=True,
        load_default=None,
        metadata={"description": "null or absent: the project's default."},
    )


def _without_empty_task(data: dict[str, Any]) -> dict[str, Any]:
    """An empty task is none."""
    return {**data, "task": None} if data.get("task") == "" else data


@dataclass(frozen=True, slots=True)
class NewEntry:
    """`id` None: the server makes one."""

    id: UUID | None
    draft: Draft


class NewEntrySchema(_EntryFields):
    """The body that creates an entry."""

    id = fields.UUID(load_default=None, error_messages={"invalid_uuid": "A UUID is expected."})

    @post_load
    def make(self, data: dict[str, Any], **_options: Any) -> NewEntry:
        """Turn the body into a `NewEntry`."""
        entry_id = data.pop("id")
        return NewEntry(entry_id, Draft(**_without_empty_task(data)))


class EntrySchema(_EntryFields):
    """The body that replaces an entry."""

    @post_load
    def make(self, data: dict[str, Any], **_options: Any) -> Draft:
        """Turn the body into a `Draft`."""
        return Draft(**_without_empty_task(data))


@dataclass(frozen=True, slots=True)
class EntryPatch:
    """The fields that are to change."""

    changes: dict[str, Any]


class EntryPatchSchema(_EntryFields):
    """The body that changes some fields of an entry; nothing has a default."""

    def __init__(self, **options: Any) -> None:
        super().__init__(partial=True, **options)

    @post_load
    def make(self, data: dict[str, Any], **_options: Any) -> EntryPatch:
        """Turn the body into an `EntryPatch`."""
        return EntryPatch(_without_empty_task(data))


@dataclass(frozen=True, slots=True)
class DeletionQuery:
    """`person` None: the caller. For somebody else there is a reason."""

    person: str | None
    reason: str


class DeletionQuerySchema(StrictSchema):
    """The query parameters of a deletion."""

    makes = DeletionQuery

    person = person_field()
    reason = Text(
        minimum=1,
        maximum=MAX_REASON_LENGTH,
        load_default="",
        metadata={"description": "Why an administrator deletes it.", "example": "Uploaded twice"},
    )

    @validates_schema
    def check_reason(self, data: dict[str, Any], **_options: Any) -> None:
        """Require a reason for another person's entry, and only for that."""
        if data["person"] and not data["reason"]:
            raise ValidationError("Missing data for required field.", "reason")
        if data["reason"] and not data["person"]:
            raise ValidationError("Missing data for required field.", "person")


@dataclass(frozen=True, slots=True)
class Copy:
    """The weeks to copy from and to."""

    from_week: Week
    to_week: Week


class CopySchema(StrictSchema):
    """The body that copies a week."""

    makes = Copy

    from_week = WeekField(required=True)
    to_week = WeekField(required=True)

    @validates_schema
    def check_weeks(self, data: dict[str, Any], **_options: Any) -> None:
        """Refuse to copy a week onto itself."""
        if data["from_week"] == data["to_week"]:
            raise ValidationError("A week cannot be copied onto itself.", "to_week")


class EntryAnswer(msgspec.Struct, gc=False):
    """An entry, and whether it can change. The fields of `Entry` come first, in their order:
    tests/unit/entries/test_resources.py. A struct is made and encoded in a third of the time of a
    dictionary."""

    id: Annotated[UUID, Meta(description="Given by the client or the server.")]
    person: Annotated[str, Meta(description="The owner of the entry.", examples=["auth0|erin"])]
    date: Annotated[date, Meta(description="The day of the work.", examples=["2026-11-23"])]
    project: Annotated[str, Meta(description="The project's code.", examples=["BIG-WEB"])]
    task: Annotated[str | None, Meta(description="The kind of work.", examples=["Design"])]
    minutes: Annotated[int, Meta(description="1 to 1440.", examples=[90])]
    note: Annotated[str, Meta(description="Free text.", examples=["Sprint planning"])]
    billable: Annotated[bool, Meta(description="Whether the customer pays.", examples=[True])]
    source: Annotated[str, Meta(description="`app`, `portal` or `batch:<client id>`.")]
    external_id: Annotated[str | None, Meta(description="The uploader's id.", examples=["4711"])]
    version: Annotated[int, Meta(description="Counts the changes.", examples=[1])]
    created_at: Annotated[datetime, Meta(description="When.", examples=["2026-11-23T16:00:00Z"])]
    updated_at: Annotated[datetime, Meta(description="When.", examples=["2026-11-23T16:00:00Z"])]
    changed_by: Annotated[
        str | None,
        Meta(
            description="The person who changed an uploaded entry since it was sent.",
            examples=[None],
        ),
    ]
    week: Annotated[str, Meta(description="The ISO week of the date.", examples=["2026-W48"])]
    can_edit: Annotated[bool, Meta(description="Whether it can change now.", examples=[True])]
    lock_reason: Annotated[
        LockReason | None, Meta(description="Why it cannot.", examples=["submitted"])
    ]
    unlock: Annotated[
        str | None, Meta(description="The action that would unlock it.", examples=[None])
    ]


class SkippedAnswer(msgspec.Struct):
    """An entry that was not copied."""

    id: Annotated[UUID, Meta(description="The entry.")]
    code: Annotated[str, Meta(description="The rule against it.", examples=["inactive_project"])]
    message: Annotated[str, Meta(description="The same for people.")]


class CopyAnswer(msgspec.Struct):
    """The result of copying the entries of the week."""

    items: Annotated[list[EntryAnswer], Meta(description="All copies in the week.")]
    skipped: Annotated[list[SkippedAnswer], Meta(description="Entries without a copy.")]
