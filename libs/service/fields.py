"""Fields of requests that several services know."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields

from libs.rules.calendar import Week


class WeekField(fields.Field[Week]):
    """An ISO week, `2026-W48`."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Week:
        if not isinstance(value, str):
            raise ValidationError("A week like 2026-W48 is expected.")
        try:
            return Week.parse(value)
        except ValueError as error:
            raise ValidationError(str(error)) from error
