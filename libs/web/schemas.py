"""Fields that several schemas are made of, and the words they refuse with."""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from typing import Any, ClassVar

from marshmallow import INCLUDE, RAISE, Schema, ValidationError, fields, post_load, validate

_is_day = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}").fullmatch

MAX_LIMIT = 200
# Of lists that are not given a range.
FIRST_DAY, LAST_DAY = date(1970, 1, 1), date(9998, 12, 31)
DEFAULT_LIMIT = 50


class StrictSchema(Schema):
    """A schema that refuses fields it does not know."""

    makes: ClassVar[type | None] = None
    """The class that the loaded values become, by their names; without one they stay a dict."""

    class Meta:
        """Options of marshmallow."""

        unknown = RAISE

    error_messages = {"type": "A JSON object is expected."}

    @post_load
    def _make(self, values: Any, **_options: Any) -> Any:
        return values if self.makes is None else self.makes(**values)


class Text(fields.String):
    """Text that PostgreSQL and a page can hold: no NUL, no control character but tab and line
    feed, no lone surrogate; composed (NFC), outer white space cut."""

    default_error_messages = {
        "invalid": "A text is expected.",
        "characters": "This text holds characters that cannot be stored.",
    }

    def __init__(self, *, minimum: int = 0, maximum: int, **options: Any) -> None:
        message = (
            f"Between {minimum} and {maximum} characters."
            if minimum
            else (f"At most {maximum} characters.")
        )
        super().__init__(
            validate=validate.Length(min=minimum or None, max=maximum, error=message), **options
        )

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        # Printable text holds none, and isprintable() is quicker than a look at each character.
        if not text.isprintable() and any(_is_forbidden(character) for character in text):
            raise self.make_error("characters")
        return unicodedata.normalize("NFC", text).strip()


class Identifier(fields.String):
    """A key that another system gave out, such as a `sub`: compared byte for byte, so neither
    trimmed nor composed; without characters that PostgreSQL or JSON cannot hold."""

    default_error_messages = {
        "invalid": "A text is expected.",
        "characters": "This text holds characters that cannot be stored.",
    }

    def __init__(self, *, maximum: int, **options: Any) -> None:
        message = f"Between 1 and {maximum} characters."
        super().__init__(validate=validate.Length(min=1, max=maximum, error=message), **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        if not text.isprintable() and any(_is_forbidden(character) for character in text):
            raise self.make_error("characters")
        return text


class WholeNumber(fields.Integer):
    """A JSON number without a fraction; neither true nor "8"."""

    default_error_messages = {"invalid": "A whole number is expected."}

    def __init__(self, *, minimum: int, maximum: int, **options: Any) -> None:
        super().__init__(
            validate=validate.Range(
                minimum, maximum, error=f"A whole number from {minimum} to {maximum}."
            ),
            **options,
        )

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        if type(value) is not int:
            raise self.make_error("invalid")
        return value


class Digits(fields.Integer):
    """A whole number in a query: ASCII digits only, where int() would also take "+5" and "1_0"."""

    default_error_messages = {"invalid": "A whole number is expected."}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        if not isinstance(value, str) or not (value.isascii() and value.isdecimal()):
            raise self.make_error("invalid")
        return int(value[:20])


class Truth(fields.Boolean):
    """JSON's true or false, nothing that merely looks like it."""

    default_error_messages = {"invalid": "true or false is expected."}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:
        if type(value) is not bool:
            raise self.make_error("invalid")
        return value


class Day(fields.Date):
    """A calendar day, `2026-11-23`, without a zone; between 1970 and 9998, so that a week
    before or after it is still a date."""

    default_error_messages = {
        "invalid": "A day like 2026-11-23 is expected.",
        "range": "A day from 1970-01-01 to 9998-12-31 is expected.",
    }

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> date:
        if not isinstance(value, str) or not _is_day(value):
            raise self.make_error("invalid")
        try:
            day = date.fromisoformat(value)
        except ValueError as error:
            raise self.make_error("invalid") from error
        if not 1970 <= day.year <= 9998:
            raise self.make_error("range")
        return day


def check_order(data: dict[str, Any]) -> None:
    """Raise ValidationError if the range from `since` to `until` ends before it begins."""
    if data["since"] and data["until"] and data["since"] > data["until"]:
        raise ValidationError("from is later than to.", "from")


class PageQuery(StrictSchema):
    """The parameters of every list."""

    limit = Digits(
        load_default=DEFAULT_LIMIT,
        validate=validate.Range(1, MAX_LIMIT, error=f"A whole number from 1 to {MAX_LIMIT}."),
        metadata={"description": "The maximum number of items."},
    )
    cursor = Text(
        maximum=1024,
        load_default=None,
        metadata={"description": "The end of the previous page: `next` of that page."},
    )


class PageAnswer(Schema):
    """A page of a list; what lists add is `items`."""

    next = fields.String(required=True, allow_none=True)


class FieldErrorAnswer(Schema):
    """One field of a request that was refused, and why."""

    pointer = fields.String(required=True)
    message = fields.String(required=True)
    code = fields.String(required=True)
    location = fields.String(required=True)


class ProblemAnswer(Schema):
    """RFC 9457. A refusal may carry members of its own beside these."""

    class Meta:
        """Members that are not named here are kept."""

        unknown = INCLUDE

    type = fields.String(required=True)
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    detail = fields.String(required=True)
    instance = fields.String(required=True)
    request_id = fields.String(required=True)
    errors = fields.List(fields.Nested(FieldErrorAnswer))


def _is_forbidden(character: str) -> bool:
    category = unicodedata.category(character)
    return (category == "Cc" and character not in "\t\n\r") or category == "Cs"
