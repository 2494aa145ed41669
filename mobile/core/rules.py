"""The rules of the server that the app must know offline, in the server's own message.

The app ships alone, so this is a copy; a test holds it against the services.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

MAX_MINUTES_A_DAY = 1440
MAX_DAYS_AHEAD = 31
MAX_NOTE_LENGTH = 2000
MAX_TASK_LENGTH = 200
MAX_REASON_LENGTH = 1000
MAX_PAGE = 200

# The server lets begin what has begun anywhere on earth.
_EARLIEST_ZONE = timedelta(hours=14)


class Scope(StrEnum):
    """The permissions that matter to the app."""

    READ_TIMESHEETS = "read:timesheets"
    CREATE_TIMESHEETS = "create:timesheets"
    DELETE_TIMESHEETS = "delete:timesheets"
    APPROVE_TIMESHEETS = "approve:timesheets"
    MANAGE_TIMESHEETS = "manage:timesheets"
    READ_PEOPLE = "read:people"
    MANAGE_PEOPLE = "manage:people"
    READ_REPORTS = "read:reports"
    READ_AUDIT = "read:audit"


class State(StrEnum):
    """The state of a week; `UNKNOWN` is one that only a newer server knows."""

    OPEN = "open"
    SUBMITTED = "submitted"
    APPROVED = "approved"
    UNKNOWN = "unknown"


class ApprovalState(StrEnum):
    """The states of an approval; a state that a newer server adds is unknown."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    UNKNOWN = "unknown"


class AbsenceKind(StrEnum):
    """The kinds of absences; a kind that a newer server adds is unknown."""

    VACATION = "vacation"
    SICK = "sick"
    PARENTAL = "parental"
    UNPAID = "unpaid"
    TRAINING = "training"
    OTHER = "other"
    UNKNOWN = "unknown"


class LockReason(StrEnum):
    """The reasons for which a day cannot change; one that a newer server adds is unknown."""

    SUBMITTED = "submitted"
    APPROVED = "approved"
    CLOSED = "closed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Lock:
    """Why something cannot change, and what would unlock it."""

    reason: LockReason
    unlock: str


LOCKS = {
    LockReason.SUBMITTED: Lock(
        LockReason.SUBMITTED, "Withdraw the week, or wait until it is decided."
    ),
    LockReason.APPROVED: Lock(
        LockReason.APPROVED, "The manager or an administrator can reopen the week."
    ),
    LockReason.CLOSED: Lock(LockReason.CLOSED, "An administrator can move the closed period back."),
    LockReason.UNKNOWN: Lock(LockReason.UNKNOWN, "Update the app to change this week."),
}


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule that a field breaks; `code` is the server's, `message` its message."""

    field: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Draft:
    """The fields of an entry that a person sets. `billable` None is the project's default."""

    date: date
    project: str
    minutes: int
    task: str | None = None
    note: str = ""
    billable: bool | None = None


@dataclass(frozen=True, slots=True)
class EntryContext:
    """The context of a draft.

    `project_active` is None for an unknown project, `others` are the minutes of the day's other
    entries. `same_project`: the entry is on this project already. `shrinks`: it stays on its day
    and gains no minutes.
    """

    state: State
    closed_through: date | None
    others: int
    project_active: bool | None
    same_project: bool = False
    shrinks: bool = False
    note_required: bool = False


def latest_today(now: datetime) -> date:
    """The day that it is where days begin first."""
    return (now.astimezone(UTC) + _EARLIEST_ZONE).date()


def lock_of(day: date, state: State, closed_through: date | None) -> Lock | None:
    """Why entries of `day` cannot change; the state of the week comes before the period."""
    if state is State.UNKNOWN:
        return LOCKS[LockReason.UNKNOWN]
    if state is State.APPROVED:
        return LOCKS[LockReason.APPROVED]
    if state is State.SUBMITTED:
        return LOCKS[LockReason.SUBMITTED]
    if closed_through is not None and day <= closed_through:
        return LOCKS[LockReason.CLOSED]
    return None


def violations_of(draft: Draft, context: EntryContext, now: datetime) -> list[Violation]:
    """All that the server would refuse of the draft, but for a lock of its week."""
    return [
        *_date_violations(draft.date, context.closed_through, now),
        *_project_violations(draft.project, context),
        *_minutes_violations(draft.minutes, context.others),
        *_text_violations(draft, context),
    ]


def _date_violations(day: date, closed_through: date | None, now: datetime) -> list[Violation]:
    if closed_through is not None and day <= closed_through:
        return [Violation("date", "closed", f"The period through {closed_through} is closed.")]
    latest = latest_today(now) + timedelta(days=MAX_DAYS_AHEAD)
    if day > latest:
        message = f"At most {MAX_DAYS_AHEAD} days ahead, so until {latest}."
        return [Violation("date", "too_far_ahead", message)]
    return []


def shrinks(draft: Draft, present: Draft) -> bool:
    """Whether the entry stays on its day and gains no minutes: an ended project allows that."""
    return draft.date == present.date and draft.minutes <= present.minutes


def _project_violations(code: str, context: EntryContext) -> list[Violation]:
    # A project may be unknown to the app alone.
    if context.same_project and (context.project_active is None or context.shrinks):
        return []
    if context.project_active is None:
        return [Violation("project", "unknown_project", f"There is no project {code}.")]
    if not context.project_active:
        message = f"The project {code} is no longer active."
        return [Violation("project", "inactive_project", message)]
    return []


def _minutes_violations(minutes: int, others: int) -> list[Violation]:
    if not 1 <= minutes <= MAX_MINUTES_A_DAY:
        message = f"A whole number from 1 to {MAX_MINUTES_A_DAY}."
        return [Violation("minutes", "invalid", message)]
    if others + minutes <= MAX_MINUTES_A_DAY:
        return []
    left = MAX_MINUTES_A_DAY - others
    message = f"A day has 24 hours: {others} minutes are entered, {left} are left."
    return [Violation("minutes", "day_full", message)]


def _text_violations(draft: Draft, context: EntryContext) -> list[Violation]:
    if context.note_required and not draft.note.strip():
        return [Violation("note", "note_required", "This project requires a note.")]
    texts = (("note", draft.note, MAX_NOTE_LENGTH), ("task", draft.task or "", MAX_TASK_LENGTH))
    return [
        Violation(field, "invalid", f"At most {limit} characters.")
        for field, text, limit in texts
        if len(text) > limit
    ]


def can_submit(monday: date, state: State, now: datetime) -> bool:
    """Whether a week can be submitted: open, and begun somewhere on earth."""
    return state is State.OPEN and monday <= latest_today(now)
