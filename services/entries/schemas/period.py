"""The closed period, and the rules for offline clients."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Annotated

import msgspec
from msgspec import Meta

from libs.rules.limits import MAX_REASON_LENGTH
from libs.web.schemas import Day, StrictSchema, Text


@dataclass(frozen=True, slots=True)
class Closing:
    """The last day to close; None opens every day again."""

    closed_through: date | None
    reason: str | None


class ClosingSchema(StrictSchema):
    """The body that moves the closed period."""

    makes = Closing

    closed_through = Day(
        required=True,
        allow_none=True,
        metadata={"description": "The last closed day; null opens all.", "example": "2026-10-31"},
    )
    reason = Text(
        minimum=1,
        maximum=MAX_REASON_LENGTH,
        allow_none=True,
        load_default=None,
        metadata={"description": "Required to open days again.", "example": "Late invoice"},
    )


class Limits(msgspec.Struct, frozen=True):
    """The limits that the rules use."""

    max_minutes_a_day: Annotated[int, Meta(description="Of one person.", examples=[1440])]
    max_days_ahead: Annotated[int, Meta(description="Of an entry's date.", examples=[31])]
    max_note_length: Annotated[int, Meta(description="In characters.", examples=[2000])]
    max_task_length: Annotated[int, Meta(description="In characters.", examples=[200])]
    max_page: Annotated[int, Meta(description="The greatest `limit`.", examples=[200])]


class RulesAnswer(msgspec.Struct, frozen=True):
    """The rules that apply to the caller."""

    limits: Annotated[Limits, Meta(description="The limits that the rules use.")]
    closed_through: Annotated[
        date | None, Meta(description="The last closed day.", examples=["2026-10-31"])
    ]
    scopes: Annotated[
        list[str], Meta(description="The scopes of the token.", examples=[["read:timesheets"]])
    ]
    target_minutes: Annotated[
        int | None, Meta(description="Of the current week; null: no target.", examples=[2400])
    ]
    targets: Annotated[
        list[int | None],
        Meta(description="Of each day of the current week, Monday first.", examples=[[480]]),
    ]
    has_contract: Annotated[
        bool,
        Meta(description="Whether a contract sets the target, so that the person cannot."),
    ]
    today: Annotated[
        date,
        Meta(
            description=(
                "The day that has begun at UTC+14, where days begin first: the latest day that "
                "anybody can call today. Limits on dates count from it."
            ),
            examples=["2026-11-24"],
        ),
    ]
