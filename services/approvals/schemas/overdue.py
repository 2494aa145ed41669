"""Weeks that are over and not submitted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import msgspec
from msgspec import Meta

from libs.rules.calendar import Week
from libs.service.fields import WeekField
from libs.web.resources import answer_schema, page_schema
from libs.web.schemas import PageQuery
from services.approvals.model import DecisionRole


@dataclass(frozen=True, slots=True)
class OverdueQuery:
    """The query of a list of missing weeks."""

    week: Week | None
    limit: int
    cursor: str | None


class OverdueQuerySchema(PageQuery):
    """The query parameters of a list of missing weeks."""

    makes = OverdueQuery

    week = WeekField(load_default=None, metadata={"description": "Only of this week."})


class Overdue(msgspec.Struct, frozen=True):
    """A week that is over and not submitted."""

    person: Annotated[str, Meta(description="The `sub` of the person.", examples=["auth0|erin"])]
    person_name: Annotated[str, Meta(description="Their name.", examples=["Erin Employee"])]
    week: Annotated[str, Meta(description="The ISO week.", examples=["2026-W47"])]
    days_late: Annotated[
        int,
        Meta(
            description="Days since the week's Sunday, in the time zone where days end last.",
            examples=[3],
        ),
    ]
    approver: Annotated[
        str | None,
        Meta(description="The manager; null: only administrators.", examples=["auth0|maya"]),
    ]
    acting_for: Annotated[
        str | None, Meta(description="The manager whose delegate you are.", examples=[None])
    ]
    why: Annotated[
        DecisionRole,
        Meta(description="As what you decide it once submitted.", examples=["manager"]),
    ]


OverdueAnswer = answer_schema(Overdue)

OverduePage = page_schema(Overdue)
