"""The rules of entries as a table: what may be written, and if not, why.

Each implementation of the rules is held against it: the model, the API, uploads, the database
and the app. It is Monday 23 November 2026, noon in UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from services.entries.model import State

DAY, NEXT_DAY = date(2026, 11, 17), date(2026, 11, 18)
"""Two days of the week 2026-W47, which is over."""
OTHER_WEEK = date(2026, 11, 24)
"""A day of 2026-W48."""
LAST_AHEAD, TOO_FAR = date(2026, 12, 25), date(2026, 12, 26)
DAY_BEFORE = date(2026, 11, 16)

ACTIVE, INTERNAL, ENDED, STRICT, NONE = "ACTIVE", "INTERNAL", "ENDED", "STRICT", "NONE"
"""Codes of projects. INTERNAL is not billable, STRICT requires a note, NONE does not exist."""
PROJECTS = {ACTIVE: True, INTERNAL: False, ENDED: True, STRICT: True}
"""With their billable default."""


@dataclass(frozen=True, slots=True)
class Values:
    """The entry that is written. `billable` None is the project's default."""

    date: date = DAY
    project: str = ACTIVE
    minutes: int = 60
    billable: bool | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Written:
    """The entry is as it was to be."""

    billable: bool


@dataclass(frozen=True, slots=True)
class Deleted:
    """The entry is gone."""


@dataclass(frozen=True, slots=True)
class Locked:
    """409 with this `lock_reason`."""

    reason: str


@dataclass(frozen=True, slots=True)
class Broken:
    """422 with these fields and codes."""

    codes: frozenset[tuple[str, str]]


Outcome = Written | Deleted | Locked | Broken


@dataclass(frozen=True, slots=True)
class Case:
    """`before` is the entry, None for a new one; `after` is None if it is to be deleted.

    `state` and `other_state` are those of 2026-W47 and 2026-W48. `others` are the minutes of
    other entries on the day that is written to.
    """

    before: Values | None
    after: Values | None
    state: State = State.OPEN
    other_state: State = State.OPEN
    closed_through: date | None = None
    others: int = 0

    def state_of(self, day: date) -> State:
        if DAY_BEFORE <= day < OTHER_WEEK:
            return self.state
        return self.other_state if day == OTHER_WEEK else State.OPEN


def broken(*codes: tuple[str, str]) -> Broken:
    return Broken(frozenset(codes))


NEW = Values()
ENTRY = Values(billable=True)
ENDED_ENTRY = Values(project=ENDED, billable=True)
YES, NO = Written(billable=True), Written(billable=False)
SUBMITTED, APPROVED, CLOSED = Locked("submitted"), Locked("approved"), Locked("closed")
FULL, OVER = broken(("minutes", "day_full")), broken(("date", "closed"))
OVER_AND_DONE = broken(("date", "closed"), ("project", "inactive_project"))
INACTIVE, UNKNOWN = (
    broken(("project", "inactive_project")),
    broken(("project", "unknown_project")),
)

TABLE: dict[str, tuple[Case, Outcome]] = {
    # A new entry.
    "new": (Case(None, NEW), YES),
    "new, project not billable": (Case(None, Values(project=INTERNAL)), NO),
    "new, billable named": (Case(None, Values(project=INTERNAL, billable=True)), YES),
    "new, not billable named": (Case(None, Values(billable=False)), NO),
    "new, week submitted": (Case(None, NEW, State.SUBMITTED), SUBMITTED),
    "new, week approved": (Case(None, NEW, State.APPROVED), APPROVED),
    "new, week approved and day closed": (
        Case(None, NEW, State.APPROVED, closed_through=DAY),
        APPROVED,
    ),
    "new, day closed": (Case(None, NEW, closed_through=DAY), OVER),
    "new, day before closed": (Case(None, NEW, closed_through=DAY_BEFORE), YES),
    "new, project ended": (Case(None, Values(project=ENDED)), INACTIVE),
    "new, project unknown": (Case(None, Values(project=NONE)), UNKNOWN),
    "new, day closed and project ended": (
        Case(None, Values(project=ENDED), closed_through=DAY),
        OVER_AND_DONE,
    ),
    "new, fills the day": (Case(None, NEW, others=1380), YES),
    "new, one minute too many": (Case(None, NEW, others=1381), FULL),
    "new, last day ahead": (Case(None, Values(date=LAST_AHEAD)), YES),
    "new, too far ahead": (Case(None, Values(date=TOO_FAR)), broken(("date", "too_far_ahead"))),
    "new, note missing": (Case(None, Values(project=STRICT)), broken(("note", "note_required"))),
    "new, note given": (Case(None, Values(project=STRICT, note="why")), YES),
    # A change on the same day.
    "change": (Case(ENTRY, Values(minutes=90)), YES),
    "change, week submitted": (Case(ENTRY, Values(minutes=90), State.SUBMITTED), SUBMITTED),
    "change, week approved": (Case(ENTRY, Values(minutes=90), State.APPROVED), APPROVED),
    "change, day closed": (Case(ENTRY, Values(minutes=90), closed_through=DAY), CLOSED),
    "change, fills the day": (Case(ENTRY, Values(minutes=90), others=1350), YES),
    "change, one minute too many": (Case(ENTRY, Values(minutes=91), others=1350), FULL),
    "change, shrinks on a full day": (Case(ENTRY, Values(minutes=30), others=1380), YES),
    "change to a project not billable": (Case(ENTRY, Values(project=INTERNAL)), NO),
    "change to a project that ended": (Case(ENTRY, Values(project=ENDED)), INACTIVE),
    "change to a project unknown": (Case(ENTRY, Values(project=NONE)), UNKNOWN),
    "change to billable, project not": (
        Case(Values(project=INTERNAL, billable=False), Values(project=INTERNAL, billable=True)),
        YES,
    ),
    "change on an ended project, shrinks": (
        Case(ENDED_ENTRY, Values(project=ENDED, minutes=30)),
        YES,
    ),
    "change on an ended project, other note": (
        Case(ENDED_ENTRY, Values(project=ENDED, note="why")),
        YES,
    ),
    "change on an ended project, grows": (
        Case(ENDED_ENTRY, Values(project=ENDED, minutes=61)),
        INACTIVE,
    ),
    "change away from an ended project": (Case(ENDED_ENTRY, Values(minutes=90)), YES),
    # A move.
    "move within the week": (Case(ENTRY, Values(date=NEXT_DAY)), YES),
    "move to a full day": (Case(ENTRY, Values(date=NEXT_DAY), others=1381), FULL),
    "move onto a closed day": (
        Case(Values(date=NEXT_DAY, billable=True), NEW, closed_through=DAY),
        OVER,
    ),
    "move off a closed day": (Case(ENTRY, Values(date=NEXT_DAY), closed_through=DAY), CLOSED),
    "move on an ended project": (
        Case(ENDED_ENTRY, Values(date=NEXT_DAY, project=ENDED)),
        INACTIVE,
    ),
    "move to another week": (Case(ENTRY, Values(date=OTHER_WEEK)), YES),
    "move to a submitted week": (
        Case(ENTRY, Values(date=OTHER_WEEK), other_state=State.SUBMITTED),
        SUBMITTED,
    ),
    "move to an approved week": (
        Case(ENTRY, Values(date=OTHER_WEEK), other_state=State.APPROVED),
        APPROVED,
    ),
    "move out of a submitted week": (
        Case(ENTRY, Values(date=OTHER_WEEK), State.SUBMITTED),
        SUBMITTED,
    ),
    "move out of an approved week": (
        Case(ENTRY, Values(date=OTHER_WEEK), State.APPROVED),
        APPROVED,
    ),
    "move out of a submitted week into an approved one": (
        Case(ENTRY, Values(date=OTHER_WEEK), State.SUBMITTED, State.APPROVED),
        SUBMITTED,
    ),
    "move off a closed day into a submitted week": (
        Case(ENTRY, Values(date=OTHER_WEEK), other_state=State.SUBMITTED, closed_through=DAY),
        CLOSED,
    ),
    # The entry stays the same.
    "the same, week submitted": (Case(ENTRY, NEW, State.SUBMITTED), YES),
    "the same, week approved and day closed": (
        Case(ENTRY, NEW, State.APPROVED, closed_through=DAY),
        YES,
    ),
    "the same, project ended": (Case(ENDED_ENTRY, Values(project=ENDED)), YES),
    # A deletion.
    "delete": (Case(ENTRY, None), Deleted()),
    "delete, project ended": (Case(ENDED_ENTRY, None), Deleted()),
    "delete, week submitted": (Case(ENTRY, None, State.SUBMITTED), SUBMITTED),
    "delete, week approved": (Case(ENTRY, None, State.APPROVED), APPROVED),
    "delete, day closed": (Case(ENTRY, None, closed_through=DAY), CLOSED),
}
