"""Absences, holidays and the calendar: queries, bodies and resources."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from marshmallow import fields
from msgspec import Meta

from libs.web.schemas import Day, PageQuery, StrictSchema, Text
from services.entries.calendar import (
    MAX_ABSENCE_NOTE_LENGTH,
    PORTIONS,
    AbsenceDraft,
    AbsenceKind,
)
from services.entries.model import LockReason
from services.entries.schemas.common import DayRangeSchema, person_field

MAX_HOLIDAY_NAME_LENGTH = 100


@dataclass(frozen=True, slots=True)
class RangeQuery:
    """Days from `since` to `until`, of `person` or of the caller."""

    since: date | None
    until: date | None
    person: str | None = None


class RangeQuerySchema(DayRangeSchema):
    """The query parameters of a calendar."""

    makes = RangeQuery
    person = person_field()


@dataclass(frozen=True, slots=True)
class HolidayQuery:
    """Days from `since` to `until`."""

    since: date | None
    until: date | None


class HolidayQuerySchema(DayRangeSchema):
    """The query parameters of a list of holidays."""

    makes = HolidayQuery


@dataclass(frozen=True, slots=True)
class AbsenceQuery:
    """A page of absences that touch the days from `since` to `until`."""

    since: date | None
    until: date | None
    person: str | None
    limit: int
    cursor: str | None


class AbsenceQuerySchema(DayRangeSchema, PageQuery):
    """The query parameters of a list of absences."""

    makes = AbsenceQuery
    person = person_field()


class Portion(fields.Float):
    """1 or 0.5, as a JSON number."""

    default_error_messages = {"invalid": "1 or 0.5 is expected."}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> float:
        if type(value) not in (int, float) or value not in PORTIONS:
            raise self.make_error("invalid")
        return float(value)


class AbsenceSchema(StrictSchema):
    """The body that saves an absence. Both days are included."""

    makes = AbsenceDraft
    first = Day(data_key="from", required=True, metadata={"description": "The first day."})
    last = Day(data_key="to", required=True, metadata={"description": "The last day."})
    kind = fields.Enum(
        AbsenceKind,
        by_value=True,
        required=True,
        error_messages={"unknown": f"One of {', '.join(AbsenceKind)} is expected."},
    )
    portion = Portion(load_default=1.0, metadata={"description": "1, or 0.5 for half days."})
    note = Text(maximum=MAX_ABSENCE_NOTE_LENGTH, load_default="")


@dataclass(frozen=True, slots=True)
class CompanyDay:
    """The body that saves a company day."""

    name: str


class CompanyDaySchema(StrictSchema):
    """The body that saves a company day."""

    makes = CompanyDay
    name = Text(
        minimum=1,
        maximum=MAX_HOLIDAY_NAME_LENGTH,
        required=True,
        metadata={"description": "The name of the day.", "example": "Company day"},
    )


class AbsenceResource(msgspec.Struct, frozen=True, kw_only=True):
    """An absence, and whether it can change."""

    id: Annotated[UUID, Meta(description="Chosen by the client.")]
    person: Annotated[str, Meta(description="The `sub` of the person.", examples=["auth0|erin"])]
    since: Annotated[date, Meta(description="The first day.", examples=["2026-12-28"])] = (
        msgspec.field(name="from")
    )
    until: Annotated[date, Meta(description="The last day.", examples=["2027-01-03"])] = (
        msgspec.field(name="to")
    )
    kind: Annotated[AbsenceKind, Meta(description="Why.", examples=["vacation"])]
    portion: Annotated[float, Meta(description="1, or 0.5 for half days.", examples=[1])]
    note: Annotated[str, Meta(description="A note.", examples=[""])]
    can_edit: Annotated[bool, Meta(description="Whether it can change now.", examples=[True])]
    lock_reason: Annotated[LockReason | None, Meta(description="Why not.", examples=[None])]
    unlock: Annotated[
        str | None, Meta(description="The action that would unlock it.", examples=[None])
    ]
    version: Annotated[int, Meta(description="Counts the changes.", examples=[1])]
    created_at: Annotated[datetime, Meta(description="When.", examples=["2026-11-23T09:00:00Z"])]
    updated_at: Annotated[datetime, Meta(description="When.", examples=["2026-11-23T09:00:00Z"])]


class Holiday(msgspec.Struct, frozen=True):
    """A holiday of the person's calendar, or a day off of the whole company."""

    date: Annotated[date, Meta(description="The day.", examples=["2026-12-25"])]
    name: Annotated[str, Meta(description="Its name.", examples=["Christmas Day"])]
    is_company_day: Annotated[
        bool, Meta(description="Whether the company set it.", examples=[False])
    ]


class CalendarDay(msgspec.Struct, frozen=True):
    """The target of a day, and the minutes worked."""

    date: Annotated[date, Meta(description="The day.", examples=["2026-12-24"])]
    target_minutes: Annotated[int | None, Meta(description="null: no target.", examples=[240])]
    holiday: Annotated[str | None, Meta(description="The holiday's name.", examples=[None])]
    absence: Annotated[AbsenceKind | None, Meta(description="Why off.", examples=["vacation"])]
    minutes: Annotated[int, Meta(description="Minutes of all entries.", examples=[240])]
