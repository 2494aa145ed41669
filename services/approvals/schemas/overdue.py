"""Weeks that are over and not submitted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from marshmallow import Schema, fields, post_load

from libs.rules.calendar import Week
from libs.service.fields import WeekField
from libs.web.schemas import PageAnswer, PageQuery
from services.approvals.model import (
    Why,
)


@dataclass(frozen=True, slots=True)
class OverdueQuery:
    week: Week | None
    limit: int
    cursor: str | None


class OverdueQuerySchema(PageQuery):
    week = WeekField(load_default=None, metadata={"description": "Only of this week."})

    @post_load
    def make(self, data: dict[str, Any], **_options: Any) -> OverdueQuery:
        return OverdueQuery(**data)


class MissingAnswer(Schema):
    person = fields.String(required=True)
    person_name = fields.String(required=True)
    week = fields.String(required=True)
    days_late = fields.Integer(
        required=True,
        strict=True,
        metadata={"description": "Since the week's Sunday, where days end last."},
    )
    approver = fields.String(required=True, allow_none=True)
    acting_for = fields.String(required=True, allow_none=True)
    why = fields.Enum(Why, by_value=True, required=True)


class OverduePage(PageAnswer):
    items = fields.List(fields.Nested(MissingAnswer), required=True)
