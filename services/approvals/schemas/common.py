"""Fields and shapes that several resources share."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, ValidationError, fields

from services.approvals.model import Week

MAX_PERSON_LENGTH = 255


class WeekField(fields.Field[Week]):
    """An ISO week, `2026-W48`."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Week:
        if not isinstance(value, str):
            raise ValidationError("A week like 2026-W48 is expected.")
        try:
            return Week.parse(value)
        except ValueError as error:
            raise ValidationError(str(error)) from error


class PageAnswer(Schema):
    next = fields.String(required=True, allow_none=True)
