"""Reports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from marshmallow import Schema, fields, post_load

from libs.web.schemas import PageQuery
from services.entries.model import State, Week
from services.entries.schemas.common import PageAnswer, WeekField


@dataclass(frozen=True, slots=True)
class MissingWeekQuery:
    week: Week
    limit: int
    cursor: str | None


class MissingWeekQuerySchema(PageQuery):
    week = WeekField(required=True)

    @post_load
    def make(self, data: dict[str, Any], **_options: Any) -> MissingWeekQuery:
        return MissingWeekQuery(**data)


class MissingAnswer(Schema):
    person = fields.String(required=True)
    name = fields.String(required=True)
    manager = fields.String(required=True, allow_none=True)
    state = fields.Enum(State, by_value=True, required=True)
    total_minutes = fields.Integer(required=True, strict=True)
    target_minutes = fields.Integer(required=True, strict=True)


class MissingPage(PageAnswer):
    week = fields.String(required=True)
    items = fields.List(fields.Nested(MissingAnswer), required=True)
