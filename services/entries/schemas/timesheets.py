"""Weeks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from marshmallow import Schema, fields, post_load, validates_schema

from libs.rules.calendar import Week
from libs.rules.limits import MAX_PERSON_LENGTH, MAX_REASON_LENGTH
from libs.web.schemas import PageAnswer, PageQuery, StrictSchema, Text
from services.entries.model import (
    State,
)
from services.entries.schemas.common import LockAnswer, WeekOrDay, check_order, person_field
from services.entries.schemas.entries import EntryAnswer


@dataclass(frozen=True, slots=True)
class TimesheetQuery:
    since: Week | None
    until: Week | None
    person: str | None
    limit: int
    cursor: str | None


class TimesheetQuerySchema(PageQuery):
    since = WeekOrDay(data_key="from", load_default=None)
    until = WeekOrDay(data_key="to", load_default=None)
    person = person_field()

    @validates_schema
    def check_range(self, data: dict[str, Any], **_options: Any) -> None:
        check_order(data)

    @post_load
    def make(self, data: dict[str, Any], **_options: Any) -> TimesheetQuery:
        return TimesheetQuery(**data)


@dataclass(frozen=True, slots=True)
class PersonQuery:
    person: str | None


class PersonQuerySchema(StrictSchema):
    person = person_field()

    @post_load
    def make(self, data: dict[str, Any], **_options: Any) -> PersonQuery:
        return PersonQuery(**data)


@dataclass(frozen=True, slots=True)
class Reopening:
    person: str
    reason: str


class ReopeningSchema(StrictSchema):
    person = Text(minimum=1, maximum=MAX_PERSON_LENGTH, required=True)
    reason = Text(minimum=1, maximum=MAX_REASON_LENGTH, required=True)

    @post_load
    def make(self, data: dict[str, Any], **_options: Any) -> Reopening:
        return Reopening(**data)


class DayAnswer(LockAnswer):
    date = fields.Date(required=True)
    minutes = fields.Integer(required=True, strict=True)


class TimesheetSummary(Schema):
    week = fields.String(required=True)
    person = fields.String(required=True)
    state = fields.Enum(State, by_value=True, required=True)
    submission_id = fields.UUID(required=True, allow_none=True)
    reason = fields.String(required=True, allow_none=True)
    total_minutes = fields.Integer(required=True, strict=True)
    target_minutes = fields.Integer(required=True, strict=True)
    by_day = fields.Dict(keys=fields.Date(), values=fields.Integer(strict=True), required=True)
    by_project = fields.Dict(
        keys=fields.String(), values=fields.Integer(strict=True), required=True
    )
    days = fields.List(fields.Nested(DayAnswer), required=True)
    can_submit = fields.Boolean(required=True)
    can_withdraw = fields.Boolean(required=True)
    version = fields.Integer(required=True, strict=True)


class TimesheetPage(PageAnswer):
    items = fields.List(fields.Nested(TimesheetSummary), required=True)


class StepAnswer(Schema):
    event = fields.String(required=True)
    at = fields.DateTime(required=True)
    actor = fields.String(required=True)
    reason = fields.String(required=True, allow_none=True)
    submission_id = fields.UUID(required=True, allow_none=True)
    total_minutes = fields.Integer(required=True, strict=True)


class TimesheetAnswer(TimesheetSummary):
    entries = fields.List(fields.Nested(EntryAnswer), required=True)
    history = fields.List(fields.Nested(StepAnswer), required=True)
