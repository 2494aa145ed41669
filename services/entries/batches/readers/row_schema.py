"""The fields of a row, with the message for everything that can be wrong with one."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields, post_load, validates_schema

from libs.rules.limits import MAX_PERSON_LENGTH
from libs.web.schemas import Day, Identifier, StrictSchema, Text, Truth, WholeNumber
from services.entries.batches.readers.hours import minutes_of
from services.entries.model import MAX_MINUTES_A_DAY, MAX_NOTE_LENGTH, MAX_TASK_LENGTH
from services.entries.schemas.common import ProjectCode

MAX_KEY_LENGTH = MAX_PERSON_LENGTH

_REQUIRED: dict[str, Any] = {
    "required": "This field is required.",
    "null": "This field is required.",
}


class Hours(fields.Field[int]):
    """Decimal hours or H:MM, as whole minutes."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:  # noqa: ARG002 - marshmallow names them
        try:
            minutes = minutes_of("" if isinstance(value, bool | dict | list) else value)
        except ValueError as error:
            raise ValidationError(str(error)) from error
        if not 1 <= minutes <= MAX_MINUTES_A_DAY:
            raise ValidationError(f"Between 1 and {MAX_MINUTES_A_DAY} minutes.")
        return minutes


class PersonName(Identifier):
    """A sub, which is compared byte for byte, an e-mail address or an external id."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        name = super()._deserialize(value, attr, data, **kwargs)
        return "" if name.isspace() else name


class Minutes(WholeNumber):
    """A whole number, or a float that is one: 90.0 is what pandas writes."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        return super()._deserialize(value, attr, data, **kwargs)


class RowSchema(StrictSchema):
    """A row, from the names and values of its fields."""

    error_messages = {**StrictSchema.error_messages, "unknown": "There is no such field."}

    external_id = Text(minimum=1, maximum=MAX_KEY_LENGTH, required=True, error_messages=_REQUIRED)
    person = PersonName(maximum=MAX_KEY_LENGTH, required=True, error_messages=_REQUIRED)
    date = Day(required=True, error_messages=_REQUIRED)
    project = ProjectCode(required=True, error_messages=_REQUIRED)
    minutes = Minutes(minimum=1, maximum=MAX_MINUTES_A_DAY, allow_none=True, load_default=None)
    hours = Hours(allow_none=True, load_default=None)
    task = Text(maximum=MAX_TASK_LENGTH, allow_none=True, load_default=None)
    note = Text(maximum=MAX_NOTE_LENGTH, allow_none=True, load_default=None)
    billable = Truth(allow_none=True, load_default=None)
    deleted = Truth(allow_none=True, load_default=None)

    @validates_schema(skip_on_field_errors=False)
    def check_duration(self, data: dict[str, Any], **_options: Any) -> None:
        """Require minutes or hours; where both are given, they agree."""
        minutes, hours = data.get("minutes"), data.get("hours")
        if "minutes" not in data or "hours" not in data:
            return  # one of them is invalid in itself
        if minutes is None and hours is None:
            raise ValidationError("Enter minutes or hours.", "minutes")
        if minutes is not None and hours is not None and minutes != hours:
            raise ValidationError("Minutes and hours differ.", "hours")

    @post_load
    def make(self, data: dict[str, Any], **_options: Any) -> dict[str, Any]:
        """One duration in minutes, and empty texts for columns that are missing."""
        hours = data.pop("hours")
        data.pop("deleted")
        minutes = data["minutes"] if hours is None else hours
        return {
            **data,
            "minutes": minutes,
            "task": data["task"] or None,
            "note": data["note"] or "",
        }


class DeletionSchema(StrictSchema):
    """A row with `deleted`; the fields of an entry are ignored."""

    USED = ("external_id", "person", "deleted")

    error_messages = RowSchema.error_messages

    external_id = Text(minimum=1, maximum=MAX_KEY_LENGTH, required=True, error_messages=_REQUIRED)
    person = PersonName(maximum=MAX_KEY_LENGTH, allow_none=True, load_default=None)
    deleted = Truth(required=True)

    @post_load
    def make(self, data: dict[str, Any], **_options: Any) -> dict[str, Any]:
        """The key of the entry to delete; other columns are ignored."""
        return {"external_id": data["external_id"], "person": data["person"]}
