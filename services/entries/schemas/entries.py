"""Entries."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from marshmallow import Schema, ValidationError, fields, post_load, validates_schema

from libs.rules.calendar import Week
from libs.service.fields import WeekField
from libs.web.schemas import Day, PageAnswer, PageQuery, StrictSchema, Text, Truth, WholeNumber
from services.entries.model import (
    MAX_MINUTES_A_DAY,
    MAX_NOTE_LENGTH,
    MAX_TASK_LENGTH,
    Draft,
)
from services.entries.schemas.common import LockAnswer, ProjectCode, check_order, person_field


@dataclass(frozen=True, slots=True)
class EntryQuery:
    since: date | None
    until: date | None
    project: str | None
    person: str | None
    limit: int
    cursor: str | None


class EntryQuerySchema(PageQuery):
    since = Day(data_key="from", load_default=None, metadata={"description": "First day."})
    until = Day(data_key="to", load_default=None, metadata={"description": "Last day."})
    project = ProjectCode(load_default=None)
    person = person_field()

    @validates_schema
    def check_range(self, data: dict[str, Any], **_options: Any) -> None:
        check_order(data)

    @post_load
    def make(self, data: dict[str, Any], **_options: Any) -> EntryQuery:
        return EntryQuery(**data)


class _EntryFields(StrictSchema):
    date = Day(required=True)
    project = ProjectCode(required=True)
    minutes = WholeNumber(minimum=1, maximum=MAX_MINUTES_A_DAY, required=True)
    task = Text(maximum=MAX_TASK_LENGTH, allow_none=True, load_default=None)
    note = Text(maximum=MAX_NOTE_LENGTH, load_default="")
    billable = Truth(
        allow_none=True,
        load_default=None,
        metadata={"description": "Without it: as the project has it."},
    )


@dataclass(frozen=True, slots=True)
class NewEntry:
    """`id` None: the server makes one."""

    id: UUID | None
    draft: Draft


class NewEntrySchema(_EntryFields):
    id = fields.UUID(load_default=None, error_messages={"invalid_uuid": "A UUID is expected."})

    @post_load
    def make(self, data: dict[str, Any], **_options: Any) -> NewEntry:
        return NewEntry(data.pop("id"), Draft(**data))


class EntrySchema(_EntryFields):
    @post_load
    def make(self, data: dict[str, Any], **_options: Any) -> Draft:
        return Draft(**data)


@dataclass(frozen=True, slots=True)
class EntryPatch:
    """The fields that are to change."""

    changes: dict[str, Any]


class EntryPatchSchema(_EntryFields):
    def __init__(self, **options: Any) -> None:
        super().__init__(partial=True, **options)

    @post_load
    def make(self, data: dict[str, Any], **_options: Any) -> EntryPatch:
        return EntryPatch(data)


@dataclass(frozen=True, slots=True)
class Copy:
    from_week: Week
    to_week: Week


class CopySchema(StrictSchema):
    from_week = WeekField(required=True)
    to_week = WeekField(required=True)

    @validates_schema
    def check_weeks(self, data: dict[str, Any], **_options: Any) -> None:
        if data["from_week"] == data["to_week"]:
            raise ValidationError("A week cannot be copied onto itself.", "to_week")

    @post_load
    def make(self, data: dict[str, Any], **_options: Any) -> Copy:
        return Copy(**data)


class EntryAnswer(LockAnswer):
    id = fields.UUID(required=True)
    person = fields.String(required=True)
    date = fields.Date(required=True)
    week = fields.String(required=True)
    project = fields.String(required=True)
    task = fields.String(required=True, allow_none=True)
    minutes = fields.Integer(required=True, strict=True)
    note = fields.String(required=True)
    billable = fields.Boolean(required=True)
    source = fields.String(required=True)
    external_id = fields.String(required=True, allow_none=True)
    version = fields.Integer(required=True, strict=True)
    created_at = fields.DateTime(required=True)
    updated_at = fields.DateTime(required=True)


class EntryPage(PageAnswer):
    items = fields.List(fields.Nested(EntryAnswer), required=True)


class SkippedAnswer(Schema):
    id = fields.UUID(required=True)
    code = fields.String(required=True)
    message = fields.String(required=True)


class CopyAnswer(Schema):
    items = fields.List(fields.Nested(EntryAnswer), required=True)
    skipped = fields.List(fields.Nested(SkippedAnswer), required=True)
