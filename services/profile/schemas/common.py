"""Fields that several schemas share, and the parts of answers that several resources share."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import Annotated, Any

import msgspec
from marshmallow import ValidationError, fields
from msgspec import Meta

from libs.web.schemas import Text
from services.profile.model import MAX_NAME_LENGTH, Kind
from services.profile.names import is_presentable

# Neither control characters nor lone surrogates: PostgreSQL cannot hold the one nor JSON the other.
_HIDDEN = r"\x00-\x1f\x7f-\x9f\ud800-\udfff"

# As libs.auth reads it from a token: byte for byte, neither trimmed nor normalised.
SUB = re.compile(rf"[^{_HIDDEN}]{{1,255}}")
SUB_MESSAGE = "The `sub` of a person, 1 to 255 characters."
EMAIL = re.compile(rf"(?=.{{3,254}}\Z)[^@\s{_HIDDEN}]{{1,64}}@[^@\s{_HIDDEN}]+")


def matches(pattern: re.Pattern[str], message: str) -> Callable[[str], None]:
    """A validator; unlike marshmallow's own it puts no Python pattern on the API page."""

    def check(value: str) -> None:
        if pattern.fullmatch(value) is None:
            raise ValidationError(message)

    return check


class Sub(fields.String):
    """The issuer's identifier of a person."""

    def __init__(self, **options: Any) -> None:
        super().__init__(validate=matches(SUB, SUB_MESSAGE), **options)


class Name(Text):
    """A name on one line, without characters that disguise it."""

    default_error_messages = {"characters": "A name can't contain control characters."}

    def __init__(self, **options: Any) -> None:
        super().__init__(minimum=1, maximum=MAX_NAME_LENGTH, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        name = super()._deserialize(value, attr, data, **kwargs)
        if name and not is_presentable(name):
            raise self.make_error("characters")
        return name


class Delegate(msgspec.Struct, frozen=True, rename={"since": "from", "until": "to"}):
    """Somebody who decides weeks in a manager's place."""

    person: Annotated[str, Meta(description="Their `sub`.", examples=["auth0|marco"])]
    name: Annotated[str | None, Meta(description="Their name.", examples=["Marco Manager"])]
    since: Annotated[date, Meta(description="First day.", examples=["2026-12-21"])]
    until: Annotated[date, Meta(description="Last day.", examples=["2027-01-06"])]


class ContractTerms(msgspec.Struct, frozen=True, rename={"valid_from": "from"}):
    """The minutes a person is to work from a day on, until the next contract."""

    valid_from: Annotated[date, Meta(description="First day.", examples=["2026-11-01"])]
    minutes: Annotated[
        tuple[int, ...],
        Meta(
            description="Minutes of each weekday, Monday first.",
            examples=[[480, 480, 480, 480, 480, 0, 0]],
        ),
    ]
    weekly_minutes: Annotated[int, Meta(description="Their sum.", examples=[2400])]
    calendar: Annotated[
        str | None,
        Meta(
            description="Holiday calendar, a code of the `holidays` library; null: none.",
            examples=["DE-BY"],
        ),
    ]


class PersonBase(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of a person that the directory and the own profile share."""

    person: Annotated[str, Meta(description="The `sub`.", examples=["auth0|erin"])]
    name: Annotated[str, Meta(description="The name shown to others.", examples=["Erin Example"])]
    email: Annotated[
        str | None, Meta(description="The e-mail address.", examples=["erin@exampleco.com"])
    ]
    kind: Annotated[Kind, Meta(description="The kind of employment.", examples=["employee"])]
    employer: Annotated[
        str | None, Meta(description="The company that employs them.", examples=["ExampleCo"])
    ]
    manager: Annotated[
        str | None,
        Meta(
            description="The `sub` of the person who approves their weeks.", examples=["auth0|maya"]
        ),
    ]
    manager_name: Annotated[
        str | None, Meta(description="The manager's name.", examples=["Maya Manager"])
    ]
    active: Annotated[bool, Meta(description="Whether the person may sign in.", examples=[True])]
    since: Annotated[date | None, Meta(description="First day.", examples=["2026-01-01"])]
    until: Annotated[date | None, Meta(description="Last day.", examples=["2027-12-31"])]
    contract: Annotated[
        ContractTerms | None, Meta(description="The contract that holds today; null: none.")
    ]
    delegate: Annotated[Delegate | None, Meta(description="The person who stands in for them.")]
    version: Annotated[int, Meta(description="Counts the changes.", examples=[3])]
