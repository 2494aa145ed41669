"""Fields and shapes that several resources share."""

from __future__ import annotations

import re
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from libs.rules.calendar import Week
from libs.service.fields import WeekField
from libs.web.schemas import Day, Text
from services.entries.model import (
    LockReason,
)

MAX_PERSON_LENGTH = 255
MAX_CODE_LENGTH = 32
PROJECT_CODE = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._-]{{0,{MAX_CODE_LENGTH - 1}}}")


class WeekOrDay(WeekField):
    """An ISO week, or a day that stands for the week it lies in."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Week:
        if isinstance(value, str) and "W" in value:
            return super()._deserialize(value, attr, data, **kwargs)
        return Week.of(Day().deserialize(value, attr, data, **kwargs))


class ProjectCode(fields.String):
    """Letters, digits, dots, dashes and underscores, 32 at most, as fit into an address."""

    def __init__(self, **options: Any) -> None:
        words = "Letters, digits, dot, dash and underscore, at most 32."
        super().__init__(
            validate=validate.Regexp(PROJECT_CODE.pattern + r"\Z", error=words), **options
        )


def person_field(**options: Any) -> Text:
    return Text(
        minimum=1,
        maximum=MAX_PERSON_LENGTH,
        load_default=None,
        metadata={"description": "The `sub` of somebody else; asks for manage:timesheets."},
        **options,
    )


def check_order(data: dict[str, Any]) -> None:
    """Raises ValidationError where a range ends before it begins."""
    if data["since"] and data["until"] and data["since"] > data["until"]:
        raise ValidationError("from is later than to.", "from")


class LockAnswer(Schema):
    can_edit = fields.Boolean(required=True)
    lock_reason = fields.Enum(LockReason, by_value=True, required=True, allow_none=True)
    unlock = fields.String(required=True, allow_none=True)
