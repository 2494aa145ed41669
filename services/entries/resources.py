"""Resources of the API whose fields are columns too: each is declared once, here."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

import msgspec
from msgspec import Meta


class Project(msgspec.Struct, frozen=True):
    """A project. Name, customer and billable default are those of today."""

    code: Annotated[str, Meta(description="Unique, never changes.", examples=["BIG-WEB"])]
    name: Annotated[str, Meta(description="For people.", examples=["Website"])]
    customer: Annotated[str, Meta(description="The customer who pays.", examples=["Big Company"])]
    active: Annotated[bool, Meta(description="false: takes no new work.", examples=[True])]
    billable: Annotated[bool, Meta(description="The default of entries.", examples=[True])]
    tasks: Annotated[
        tuple[str, ...],
        Meta(description="Suggestions of clients for `task`.", examples=[["Design", "Support"]]),
    ]
    note_required: Annotated[
        bool, Meta(description="Whether each entry needs a note.", examples=[False])
    ]
    version: Annotated[int, Meta(description="Counts the changes.", examples=[1])]
    created_at: Annotated[datetime, Meta(description="When.", examples=["2026-11-23T09:00:00Z"])]
    updated_at: Annotated[datetime, Meta(description="When.", examples=["2026-11-23T09:00:00Z"])]


class PeriodStep(msgspec.Struct, frozen=True):
    """A change of the closed period."""

    closed_through: Annotated[
        date | None, Meta(description="The last closed day.", examples=["2026-10-31"])
    ]
    actor: Annotated[str, Meta(description="The `sub` of who did it.", examples=["auth0|ada"])]
    reason: Annotated[str | None, Meta(description="The reason given.", examples=["Payroll"])]
    at: Annotated[datetime, Meta(description="When.", examples=["2026-11-02T09:00:00Z"])]


class Period(msgspec.Struct, frozen=True):
    """The closed period and how it came to be."""

    closed_through: Annotated[
        date | None,
        Meta(description="The last closed day; null: nothing is closed.", examples=["2026-10-31"]),
    ]
    history: Annotated[list[PeriodStep], Meta(description="The last 100 changes, newest first.")]
