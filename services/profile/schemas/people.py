"""The directory."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any

import msgspec
from marshmallow import ValidationError, fields, post_load, validate
from msgspec import Meta

from libs.web.resources import answer_schema, page_schema
from libs.web.schemas import Day, PageQuery, StrictSchema, Text, Truth, WholeNumber
from services.profile.calendars import is_known_calendar
from services.profile.model import (
    MAX_MINUTES_A_DAY,
    MAX_TARGET_MINUTES,
    Contract,
    Kind,
)
from services.profile.schemas.common import (
    EMAIL,
    ContractTerms,
    Name,
    PersonBase,
    Sub,
    matches,
)

MAX_QUERY_LENGTH = 100
MAX_IDS = 20
SYSTEM = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}")
# ISO 3166: a country, or a country and a subdivision of it.
CALENDAR = re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,3})?")


@dataclass(frozen=True, slots=True)
class PeopleQuery:
    """The query of a list of people."""

    q: str
    manager: str | None
    kind: Kind | None
    active: bool | None
    email: str | None
    external_id: str | None
    duplicates: bool
    limit: int
    cursor: str | None


def _flag(default: bool | None, description: str) -> fields.Boolean:
    return fields.Boolean(
        load_default=default,
        truthy={"true"},
        falsy={"false"},
        error_messages={"invalid": "true or false is expected."},
        metadata={"description": description},
    )


_KINDS = f"One of {', '.join(Kind)} is expected."


class _EmailText(Text):
    """An e-mail address in a query, where a + that is not encoded arrives as a blank.

    No address has a blank: with the + restored, a program that does not encode it finds the
    person, and does not add them once more.
    """

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        return super()._deserialize(value, attr, data, **kwargs).replace(" ", "+")


class PeopleQuerySchema(PageQuery):
    """The query parameters of a list of people."""

    makes = PeopleQuery

    q = Text(
        maximum=MAX_QUERY_LENGTH,
        load_default="",
        metadata={"description": "Beginnings of words of the name, or of the e-mail."},
    )
    manager = Sub(load_default=None, metadata={"description": "Reports of this person."})
    kind = fields.Enum(Kind, by_value=True, load_default=None, error_messages={"unknown": _KINDS})
    active = _flag(None, "Only active, or only inactive people.")
    email = _EmailText(
        minimum=1,
        maximum=254,
        load_default=None,
        metadata={
            "description": "The whole address, in any case.",
            "example": "erin@exampleco.com",
        },
    )
    external_id = Text(
        minimum=1,
        maximum=300,
        load_default=None,
        metadata={
            "description": "An id in any system, or `system:id`.",
            "example": "payroll:4711",
        },
    )
    duplicates = _flag(False, "true: only those who signed in with an e-mail of another person.")


@dataclass(frozen=True, slots=True)
class PersonChanges:
    """The new values of a person's fields."""

    values: dict[str, Any]


class Moment(fields.AwareDateTime):
    """An RFC 3339 moment with an offset."""

    default_error_messages = {
        "invalid": "A moment like 2026-11-23T09:30:00Z is expected.",
        "invalid_awareness": "A moment with an offset like 2026-11-23T09:30:00Z is expected.",
    }

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime:
        moment = super()._deserialize(value, attr, data, **kwargs)
        # Beyond these years a moment in UTC may not be a datetime.
        if not 1970 <= moment.year <= 9998:
            raise self.make_error("invalid", input=value)
        return moment


class PersonSchema(StrictSchema):
    """The body that replaces a person."""

    name = Name(required=True)
    email = fields.String(
        load_default=None,
        allow_none=True,
        validate=matches(EMAIL, "An e-mail address is expected."),
        metadata={"description": "No two active people have the same."},
    )
    kind = fields.Enum(
        Kind, by_value=True, load_default=Kind.EMPLOYEE, error_messages={"unknown": _KINDS}
    )
    employer = Text(minimum=1, maximum=200, load_default=None, allow_none=True)
    manager = Sub(
        load_default=None,
        allow_none=True,
        metadata={"description": "Approves the person's weeks; null: administrators do."},
    )
    active = Truth(
        load_default=True,
        metadata={"description": "false: every service refuses the person within seconds."},
    )
    since = Day(
        load_default=None,
        allow_none=True,
        metadata={"description": "First day; no week before it is missing."},
    )
    until = Day(
        load_default=None,
        allow_none=True,
        metadata={"description": "Last day; no week after it is missing."},
    )
    # Left out, these two stay as they are.
    target_minutes = WholeNumber(
        minimum=0,
        maximum=MAX_TARGET_MINUTES,
        allow_none=True,
        metadata={"description": "Weekly target where no contract holds; null: none."},
    )
    revoked_before = Moment(
        allow_none=True,
        metadata={
            "description": "Tokens issued earlier are refused.",
            "example": "2026-11-23T09:30:00Z",
        },
    )
    uploaders = fields.List(
        Text(minimum=1, maximum=255),
        load_default=list,
        validate=validate.Length(max=MAX_IDS, error=f"At most {MAX_IDS}."),
        metadata={"description": "The client ids that may upload hours for this person."},
    )
    external_ids = fields.Dict(
        keys=fields.String(
            validate=matches(SYSTEM, "Letters, digits, dot, dash and underscore, at most 32.")
        ),
        values=Text(minimum=1, maximum=255),
        load_default=dict,
        validate=validate.Length(max=MAX_IDS, error=f"At most {MAX_IDS}."),
        metadata={
            "description": (
                "The person's ids in other systems, unique among active people; replaced as a "
                "whole."
            )
        },
    )

    @post_load
    def make(self, data: dict[str, Any], **_options: Any) -> PersonChanges:
        """Turn the body into `PersonChanges`; a name in `uploaders` counts once."""
        if "uploaders" in data:
            data["uploaders"] = tuple(dict.fromkeys(data["uploaders"]))
        return PersonChanges(data)


_check_form = matches(CALENDAR, "A country or a subdivision of it like DE-BY is expected.")


def check_calendar(code: str) -> None:
    """Raise ValidationError unless holidays are known for the code."""
    _check_form(code)
    if not is_known_calendar(code):
        raise ValidationError(f"There is no holiday calendar {code}.")


class ContractSchema(StrictSchema):
    """The body that replaces a contract."""

    minutes = fields.List(
        WholeNumber(minimum=0, maximum=MAX_MINUTES_A_DAY),
        required=True,
        validate=validate.Length(equal=7, error="Seven numbers, Monday first."),
        metadata={
            "description": "Minutes of each weekday, Monday first.",
            "example": [480, 480, 480, 480, 480, 0, 0],
        },
    )
    calendar = fields.String(
        load_default=None,
        allow_none=True,
        validate=check_calendar,
        metadata={"description": "Holiday calendar; null: none.", "example": "DE-BY"},
    )

    @post_load
    def make(self, data: dict[str, Any], **_options: Any) -> ContractBody:
        """Turn the body into a `ContractBody`."""
        return ContractBody(tuple(data["minutes"]), data["calendar"])


@dataclass(frozen=True, slots=True)
class ContractBody:
    """A contract without its first day, which the address has."""

    minutes: tuple[int, ...]
    calendar: str | None

    def beginning(self, day: date) -> Contract:
        """The contract of this body from `day` on."""
        return Contract(day, self.minutes, self.calendar)


class Person(PersonBase, frozen=True, kw_only=True):
    """A person in the directory."""

    target_minutes: Annotated[
        int | None,
        Meta(description="Weekly target where no contract holds; null: none.", examples=[2400]),
    ]
    uploaders: Annotated[
        tuple[str, ...],
        Meta(
            description="Client ids that may upload hours for this person.",
            examples=[["batch-nightly"]],
        ),
    ]
    external_ids: Annotated[
        dict[str, str], Meta(description="Ids in other systems.", examples=[{"payroll": "4711"}])
    ]
    revoked_before: Annotated[
        datetime | None,
        Meta(description="Tokens issued earlier are refused.", examples=["2026-11-23T09:30:00Z"]),
    ]
    same_email_as: Annotated[
        str | None,
        Meta(
            description=(
                "The `sub` of another active person who has the e-mail with which this one signed "
                "in: probably the same human being with two accounts."
            ),
            examples=[None],
        ),
    ]
    created_at: Annotated[
        datetime, Meta(description="When added.", examples=["2026-01-01T08:00:00Z"])
    ]
    updated_at: Annotated[
        datetime, Meta(description="When last changed.", examples=["2026-11-23T09:30:00Z"])
    ]


class Contracts(msgspec.Struct, frozen=True):
    """The contracts of a person, oldest first."""

    items: list[ContractTerms]
    next: Annotated[str | None, Meta(description="Always null: all are listed.")] = None


PersonAnswer = answer_schema(Person)
PeoplePage = page_schema(Person)
ContractAnswer = answer_schema(ContractTerms)
ContractsAnswer = answer_schema(Contracts)
