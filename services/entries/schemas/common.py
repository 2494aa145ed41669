"""Fields that several requests share."""

from __future__ import annotations

import re
from typing import Any

from marshmallow import fields, validate, validates_schema

from libs.rules.calendar import Week
from libs.rules.limits import MAX_PERSON_LENGTH
from libs.service.fields import WeekField
from libs.web.schemas import Day, Identifier, StrictSchema, check_order

MAX_CODE_LENGTH = 32
PROJECT_CODE = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._-]{{0,{MAX_CODE_LENGTH - 1}}}")


class WeekOrDay(WeekField):
    """An ISO week, or a day that stands for the week it lies in."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Week:
        if isinstance(value, str) and "W" in value:
            return super()._deserialize(value, attr, data, **kwargs)
        return Week.of(Day().deserialize(value, attr, data, **kwargs))


class ProjectCode(fields.String):
    """Up to 32 letters, digits, dots, dashes and underscores: safe in a URL."""

    def __init__(self, **options: Any) -> None:
        message = "Letters, digits, dot, dash and underscore, at most 32."
        super().__init__(
            validate=validate.Regexp(PROJECT_CODE.pattern + r"\Z", error=message), **options
        )


def person_field(**options: Any) -> Identifier:
    """A query parameter that names another person."""
    return Identifier(
        maximum=MAX_PERSON_LENGTH,
        load_default=None,
        metadata={"description": "The `sub` of another person. Requires manage:timesheets."},
        **options,
    )


class DayRangeSchema(StrictSchema):
    """The days that a query names, from `since` to `until`; both may be missing."""

    since = Day(data_key="from", load_default=None, metadata={"description": "First day."})
    until = Day(data_key="to", load_default=None, metadata={"description": "Last day."})

    @validates_schema
    def check_range(self, data: dict[str, Any], **_options: Any) -> None:
        """Refuse a range whose last day is before its first."""
        check_order(data)
