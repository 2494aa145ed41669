"""The closed period, and the rules that follow from it and others."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from marshmallow import Schema, fields, post_load

from libs.rules.limits import MAX_REASON_LENGTH
from libs.web.schemas import Day, StrictSchema, Text


@dataclass(frozen=True, slots=True)
class Closing:
    closed_through: date | None
    reason: str | None


class ClosingSchema(StrictSchema):
    closed_through = Day(required=True, allow_none=True)
    reason = Text(minimum=1, maximum=MAX_REASON_LENGTH, load_default=None)

    @post_load
    def make(self, data: dict[str, Any], **_options: Any) -> Closing:
        return Closing(**data)


class PeriodAnswer(Schema):
    closed_through = fields.Date(required=True, allow_none=True)


class LimitsAnswer(Schema):
    max_minutes_a_day = fields.Integer(required=True)
    max_days_ahead = fields.Integer(required=True)
    max_note_length = fields.Integer(required=True)
    max_task_length = fields.Integer(required=True)
    max_page = fields.Integer(required=True)


class RulesAnswer(Schema):
    limits = fields.Nested(LimitsAnswer, required=True)
    closed_through = fields.Date(required=True, allow_none=True)
    scopes = fields.List(fields.String(), required=True)
    target_minutes = fields.Integer(required=True)
    today = fields.Date(required=True)
