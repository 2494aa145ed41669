"""Approvals and their history."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from marshmallow import Schema, fields, post_load, validate

from libs.rules.calendar import Week
from libs.rules.limits import MAX_PERSON_LENGTH
from libs.service.fields import WeekField
from libs.web.schemas import PageAnswer, PageQuery, Text
from services.approvals.chain import StepKind
from services.approvals.model import (
    Flag,
    State,
    Why,
)

NO_FLAGS = "none"
FLAGS = (NO_FLAGS, *(flag.value for flag in Flag))


@dataclass(frozen=True, slots=True)
class ApprovalQuery:
    """`flags` () is for those without any."""

    state: State | None
    person: str | None
    week: Week | None
    flags: tuple[Flag, ...] | None
    limit: int
    cursor: str | None


class ApprovalQuerySchema(PageQuery):
    state = fields.Enum(
        State,
        by_value=True,
        load_default=None,
        error_messages={"unknown": f"One of {', '.join(State)} is expected."},
    )
    person = Text(
        minimum=1,
        maximum=MAX_PERSON_LENGTH,
        load_default=None,
        metadata={"description": "The `sub` of whoever submitted."},
    )
    week = WeekField(load_default=None)
    flags = fields.String(
        load_default=None,
        validate=validate.OneOf(FLAGS, error=f"One of {', '.join(FLAGS)} is expected."),
        metadata={"description": "Those with this flag; `none`: those without any."},
    )

    @post_load
    def make(self, data: dict[str, Any], **_options: Any) -> ApprovalQuery:
        flag = data.pop("flags")
        flags = None if flag is None else () if flag == NO_FLAGS else (Flag(flag),)
        return ApprovalQuery(flags=flags, **data)


class ApprovalSummary(Schema):
    id = fields.UUID(required=True)
    submission_id = fields.UUID(required=True)
    person = fields.String(required=True)
    person_name = fields.String(required=True, allow_none=True)
    week = fields.String(required=True)
    state = fields.Enum(State, by_value=True, required=True)
    total_minutes = fields.Integer(required=True, strict=True)
    by_day = fields.Dict(keys=fields.Date(), values=fields.Integer(strict=True), required=True)
    by_project = fields.Dict(
        keys=fields.String(), values=fields.Integer(strict=True), required=True
    )
    submitted_at = fields.DateTime(required=True)
    decided_by = fields.String(required=True, allow_none=True)
    decided_at = fields.DateTime(required=True, allow_none=True)
    reason = fields.String(required=True, allow_none=True)
    approver = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "The manager; null: it lies with the administrators."},
    )
    acting_for = fields.String(required=True, allow_none=True)
    why = fields.Enum(Why, by_value=True, required=True, allow_none=True)
    flags = fields.List(fields.Enum(Flag, by_value=True), required=True)
    reopened = fields.Boolean(required=True)
    version = fields.Integer(required=True, strict=True)


class ApprovalPage(PageAnswer):
    items = fields.List(fields.Nested(ApprovalSummary), required=True)
    overdue = fields.Integer(
        required=True,
        strict=True,
        allow_none=True,
        metadata={
            "description": "How many weeks of /v1/approvals/overdue; null after the first page."
        },
    )


class SubmittedEntryAnswer(Schema):
    id = fields.UUID(required=True)
    date = fields.Date(required=True)
    project = fields.String(required=True)
    task = fields.String(required=True, allow_none=True)
    minutes = fields.Integer(required=True, strict=True)
    note = fields.String(required=True)
    billable = fields.Boolean(required=True)
    source = fields.String(required=True)


class StepAnswer(Schema):
    submission_id = fields.UUID(required=True)
    person = fields.String(required=True)
    week = fields.String(required=True)
    number = fields.Integer(required=True, strict=True)
    event = fields.Enum(StepKind, by_value=True, required=True)
    at = fields.DateTime(required=True)
    actor = fields.String(required=True)
    acting_for = fields.String(required=True, allow_none=True)
    why = fields.Enum(Why, by_value=True, required=True, allow_none=True)
    reason = fields.String(required=True, allow_none=True)
    total_minutes = fields.Integer(required=True, strict=True)
    by_day = fields.Dict(keys=fields.Date(), values=fields.Integer(strict=True), required=True)
    by_project = fields.Dict(
        keys=fields.String(), values=fields.Integer(strict=True), required=True
    )
    previous = fields.String(
        required=True, metadata={"description": "The SHA-256 of the row before."}
    )
    sha256 = fields.String(
        required=True,
        metadata={
            "description": (
                "Of all other members as JSON in UTF-8, ordered by name, without white space."
            )
        },
    )


class ApprovalAnswer(ApprovalSummary):
    entries = fields.List(fields.Nested(SubmittedEntryAnswer), required=True)
    history = fields.List(fields.Nested(StepAnswer), required=True)


class HistoryAnswer(PageAnswer):
    items = fields.List(fields.Nested(StepAnswer), required=True)
