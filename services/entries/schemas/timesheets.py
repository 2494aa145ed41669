"""Weeks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from marshmallow import validates_schema
from msgspec import Meta

from libs.rules.calendar import Week
from libs.rules.limits import MAX_PERSON_LENGTH, MAX_REASON_LENGTH
from libs.web.schemas import Identifier, PageQuery, StrictSchema, Text, check_order
from services.entries.calendar import AbsenceKind
from services.entries.model import LockReason, State
from services.entries.schemas.calendar import AbsenceResource
from services.entries.schemas.common import WeekOrDay, person_field
from services.entries.schemas.entries import EntryAnswer


@dataclass(frozen=True, slots=True)
class TimesheetQuery:
    """The query of a list of weeks. Both weeks are included."""

    since: Week | None
    until: Week | None
    person: str | None
    limit: int
    cursor: str | None


class TimesheetQuerySchema(PageQuery):
    """The query parameters of a list of weeks."""

    makes = TimesheetQuery

    since = WeekOrDay(data_key="from", load_default=None)
    until = WeekOrDay(data_key="to", load_default=None)
    person = person_field()

    @validates_schema
    def check_range(self, data: dict[str, Any], **_options: Any) -> None:
        """Refuse a range whose last week is before its first."""
        check_order(data)


@dataclass(frozen=True, slots=True)
class PersonQuery:
    """The query parameter that names a person."""

    person: str | None


class PersonQuerySchema(StrictSchema):
    """The query parameter that names a person."""

    makes = PersonQuery
    person = person_field()


class NothingSchema(StrictSchema):
    """A body without members, which may be left out."""


@dataclass(frozen=True, slots=True)
class Submission:
    """`person` None: the caller."""

    person: str | None


class SubmissionSchema(StrictSchema):
    """The body that submits a week, which may be somebody else's."""

    makes = Submission
    person = Identifier(
        maximum=MAX_PERSON_LENGTH,
        allow_none=True,
        load_default=None,
        metadata={"description": "The person, if not the caller.", "example": "auth0|erin"},
    )


@dataclass(frozen=True, slots=True)
class Reopening:
    """The body that reopens somebody's week."""

    person: str
    reason: str


class ReopeningSchema(StrictSchema):
    """The body that reopens somebody's week."""

    makes = Reopening
    person = Identifier(
        maximum=MAX_PERSON_LENGTH,
        required=True,
        metadata={"description": "The `sub` of the person.", "example": "auth0|erin"},
    )
    reason = Text(
        minimum=1,
        maximum=MAX_REASON_LENGTH,
        required=True,
        metadata={"description": "Shown to the person.", "example": "Wrong project"},
    )


class DayAnswer(msgspec.Struct):
    """A day of a week."""

    date: Annotated[date, Meta(description="The day.", examples=["2026-11-23"])]
    minutes: Annotated[int, Meta(description="Minutes of all entries.", examples=[480])]
    target_minutes: Annotated[int | None, Meta(description="null: no target.", examples=[480])]
    holiday: Annotated[str | None, Meta(description="The holiday's name.", examples=[None])]
    absence: Annotated[AbsenceKind | None, Meta(description="Why off.", examples=[None])]
    can_edit: Annotated[bool, Meta(description="Whether it can change now.", examples=[True])]
    lock_reason: Annotated[
        LockReason | None, Meta(description="Why it cannot.", examples=["closed"])
    ]
    unlock: Annotated[
        str | None, Meta(description="The action that would unlock it.", examples=[None])
    ]


class TimesheetSummary(msgspec.Struct, kw_only=True):
    """A week without its entries and its history."""

    week: Annotated[str, Meta(description="The ISO week.", examples=["2026-W48"])]
    person: Annotated[str, Meta(description="The owner of the week.", examples=["auth0|erin"])]
    state: Annotated[State, Meta(description="The state of the week.", examples=["open"])]
    submission_id: Annotated[UUID | None, Meta(description="Set while submitted or approved.")]
    reason: Annotated[
        str | None, Meta(description="Why it was rejected or reopened.", examples=[None])
    ]
    total_minutes: Annotated[int, Meta(description="Minutes of all entries.", examples=[2400])]
    target_minutes: Annotated[int | None, Meta(description="null: no target.", examples=[2400])]
    by_day: Annotated[dict[date, int], Meta(description="Minutes of each of the seven days.")]
    by_project: Annotated[
        dict[str, int], Meta(description="Minutes of each project.", examples=[{"BIG-WEB": 2400}])
    ]
    days: Annotated[list[DayAnswer], Meta(description="Monday to Sunday.")]
    can_submit: Annotated[bool, Meta(description="Open, and has begun.", examples=[True])]
    can_withdraw: Annotated[bool, Meta(description="Submitted.", examples=[False])]
    version: Annotated[int, Meta(description="Counts the changes; 0: never written.")]


class StepAnswer(msgspec.Struct):
    """A line of a week's history."""

    event: Annotated[
        str,
        Meta(
            description="submitted, withdrawn, approved, rejected or reopened.",
            examples=["submitted"],
        ),
    ]
    at: Annotated[datetime, Meta(description="When.", examples=["2026-11-27T15:00:00Z"])]
    actor: Annotated[str, Meta(description="The `sub` of who did it.", examples=["auth0|erin"])]
    reason: Annotated[str | None, Meta(description="The reason given.", examples=[None])]
    submission_id: Annotated[UUID | None, Meta(description="The submission.")]
    total_minutes: Annotated[int, Meta(description="The total at that time.", examples=[2400])]


class TimesheetAnswer(TimesheetSummary, kw_only=True):
    """A week with its entries and its history."""

    entries: Annotated[list[EntryAnswer], Meta(description="Oldest day first.")]
    absences: Annotated[list[AbsenceResource], Meta(description="Those that touch the week.")]
    holidays: Annotated[
        dict[date, str], Meta(description="Names by day.", examples=[{"2026-12-25": "Christmas"}])
    ]
    history: Annotated[list[StepAnswer], Meta(description="Oldest step first.")]
