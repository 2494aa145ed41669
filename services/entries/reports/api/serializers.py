"""Rows of reports as JSON."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

import asyncpg
import msgspec
from msgspec import Meta

from libs.rules.calendar import Week
from services.entries.model import State


class WeekRow(msgspec.Struct):
    """A person's week."""

    person: Annotated[str, Meta(description="The `sub` of the person.", examples=["auth0|erin"])]
    name: Annotated[str | None, Meta(description="Name.", examples=["Erin Engineer"])]
    email: Annotated[str | None, Meta(description="E-mail.", examples=["erin@exampleco.com"])]
    employer: Annotated[
        str | None, Meta(description="Company of a contractor.", examples=["Agency Ltd"])
    ]
    kind: Annotated[
        str | None, Meta(description="employee or contractor.", examples=["contractor"])
    ]
    external_ids: Annotated[
        dict[str, str], Meta(description="Ids in other systems.", examples=[{"payroll": "4711"}])
    ]
    week: Annotated[str, Meta(description="ISO week.", examples=["2026-W48"])]
    state: Annotated[State, Meta(description="Its state now.", examples=["approved"])]
    submission_id: Annotated[UUID | None, Meta(description="The submission, unless it is open.")]
    total_minutes: Annotated[int, Meta(description="Minutes of all entries.", examples=[2400])]
    hours: Annotated[float, Meta(description="The same in hours.", examples=[40.0])]
    billable_minutes: Annotated[int, Meta(description="Billable minutes.", examples=[1800])]
    entries: Annotated[int, Meta(description="Number of entries.", examples=[10])]
    late: Annotated[bool, Meta(description="Approved after a day of it was closed.")]
    version: Annotated[int, Meta(description="Counts the changes.", examples=[7])]
    updated_at: Annotated[datetime, Meta(description="When it last changed.")]

    @property
    def monday(self) -> date:
        """The first day of the week."""
        return Week.parse(self.week).monday


def serialize_week(record: asyncpg.Record) -> WeekRow:
    """The week as a row of the report."""
    return WeekRow(
        **{
            **record,
            "external_ids": msgspec.json.decode(record["external_ids"] or "{}"),
            "hours": float(record["hours"]),
            "state": State(record["state"]),
        }
    )
