"""Fields and shapes that several resources share."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from marshmallow import Schema, ValidationError, fields

from libs.web.schemas import Text
from services.profile.model import MAX_NAME_LENGTH

# Neither control characters nor lone surrogates: PostgreSQL cannot hold the one nor JSON the other.
_HIDDEN = r"\x00-\x1f\x7f-\x9f\ud800-\udfff"

# As libs.auth takes it out of a token: to the letter, neither trimmed nor composed anew.
SUB = re.compile(rf"[^{_HIDDEN}]{{1,255}}")
SUB_WORDS = "The `sub` of a person, 1 to 255 characters."
EMAIL = re.compile(rf"(?=.{{3,254}}\Z)[^@\s{_HIDDEN}]{{1,64}}@[^@\s{_HIDDEN}]+")


def is_all(pattern: re.Pattern[str], words: str) -> Callable[[str], None]:
    """A validator; unlike marshmallow's own it puts no Python pattern on the API page."""

    def check(value: str) -> None:
        if pattern.fullmatch(value) is None:
            raise ValidationError(words)

    return check


class Sub(fields.String):
    """Who somebody is for the issuer."""

    def __init__(self, **options: Any) -> None:
        super().__init__(validate=is_all(SUB, SUB_WORDS), **options)


class Name(Text):
    def __init__(self, **options: Any) -> None:
        super().__init__(minimum=1, maximum=MAX_NAME_LENGTH, **options)


class DelegateAnswer(Schema):
    person = fields.String(required=True)
    name = fields.String(required=True)
    since = fields.Date(data_key="from", required=True)
    until = fields.Date(data_key="to", required=True)
