"""The rules of entries and weeks, as pure functions: what may change, and if not, why.

The database enforces the same rules by constraints and triggers (migrations/), for requests that
run at the same time. tests/rules/ holds both, and the app's copy, against one table.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from libs.rules.calendar import Week, latest_today
from libs.rules.errors import WrongState
from libs.rules.locks import UNLOCK_CLOSED
from libs.rules.violations import RuleBroken, Violation
from services.entries.targets import Targets
from services.entries.violations import (
    closed_day,
    inactive_project,
    missing_note,
    unknown_project,
)

MAX_MINUTES_A_DAY = 1440
MAX_DAYS_AHEAD = 31
MAX_NOTE_LENGTH = 2000
MAX_TASK_LENGTH = 200


class State(StrEnum):
    """The state of a week."""

    OPEN = "open"
    SUBMITTED = "submitted"
    APPROVED = "approved"


class LockReason(StrEnum):
    """Why a day cannot be changed."""

    SUBMITTED = "submitted"
    APPROVED = "approved"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Lock:
    """Why an entry or a day cannot change, and what would unlock it."""

    reason: LockReason
    unlock: str


_LOCKS = {
    LockReason.SUBMITTED: Lock(
        LockReason.SUBMITTED, "Withdraw the week, or wait until it is decided."
    ),
    LockReason.APPROVED: Lock(
        LockReason.APPROVED, "The manager or an administrator can reopen the week."
    ),
    LockReason.CLOSED: Lock(LockReason.CLOSED, UNLOCK_CLOSED),
}


@dataclass(frozen=True, slots=True)
class Draft:
    """The fields of an entry that a caller sets. `billable` None is the project's default."""

    date: date
    project: str
    minutes: int
    task: str | None = None
    note: str = ""
    billable: bool | None = None


class Entry(NamedTuple):
    """A stored entry. A tuple, because lists and exports make many: it takes a fifth of the time
    of a frozen dataclass."""

    id: uuid.UUID
    person: str
    date: date
    project: str
    task: str | None
    minutes: int
    note: str
    billable: bool
    source: str
    external_id: str | None
    version: int
    created_at: datetime
    updated_at: datetime
    changed_by: str | None = None
    """The person who changed an uploaded entry after its client sent it."""

    @property
    def draft(self) -> Draft:
        """The entry as a caller would write it again."""
        return Draft(
            date=self.date,
            project=self.project,
            minutes=self.minutes,
            task=self.task or None,
            note=self.note,
            billable=self.billable,
        )

    @property
    def is_uploaded(self) -> bool:
        """Whether a batch wrote the entry."""
        return self.source.startswith("batch:")

    def matches(self, draft: Draft) -> bool:
        """Whether writing `draft` would change nothing. `billable` None matches both values."""
        if draft.billable is None:
            draft = replace(draft, billable=self.billable)
        return self.draft == draft


class Timesheet(NamedTuple):
    """A person's week. `minutes` has a figure for each day, Monday first.

    `targets` is what the week was measured by when it was submitted, None while it is open and
    for a person without a target. `late`: it was approved with a day in the closed period.
    `version` is 0 for a week that was never written. A tuple for the same reason as `Entry`.
    """

    person: str
    week: Week
    state: State = State.OPEN
    minutes: tuple[int, ...] = (0, 0, 0, 0, 0, 0, 0)
    submission_id: uuid.UUID | None = None
    reason: str | None = None
    version: int = 0
    targets: Targets | None = None
    late: bool = False

    def minutes_on(self, day: date) -> int:
        """The target of a day, in minutes."""
        return self.minutes[day.weekday()]


@dataclass(frozen=True, slots=True)
class ProjectRules:
    """The demands of a project on an entry. `billable` is its default on the day of the entry."""

    active: bool
    billable: bool = True
    note_required: bool = False


@dataclass(frozen=True, slots=True)
class EntryContext:
    """The context that decides whether an entry may be written: its week, day and project.

    `day_minutes` are the minutes of all entries of the day. `project` is None if there is no
    project of that code.
    """

    state: State
    closed_through: date | None
    day_minutes: int
    project: ProjectRules | None


class Locked(Exception):
    """The entry or the week cannot change now."""

    def __init__(self, lock: Lock, detail: str | None = None) -> None:
        super().__init__(detail or f"This cannot change: {_LOCKED[lock.reason]} {lock.unlock}")
        self.lock = lock


_LOCKED = {
    LockReason.SUBMITTED: "the week is submitted.",
    LockReason.APPROVED: "the week is approved.",
    LockReason.CLOSED: "the period is closed.",
}


class PeriodClosed(Locked):
    """The week has a day in the closed period, so what was approved of it stands."""

    def __init__(self, closed_through: date) -> None:
        detail = f"The period through {closed_through} is closed. Move it back first."
        super().__init__(_LOCKS[LockReason.CLOSED], detail)


def lock_of(day: date, state: State, closed_through: date | None) -> Lock | None:
    """Why entries of `day` cannot change, or None. The week's state comes before the period."""
    if state is State.APPROVED:
        return _LOCKS[LockReason.APPROVED]
    if state is State.SUBMITTED:
        return _LOCKS[LockReason.SUBMITTED]
    if closed_through is not None and day <= closed_through:
        return _LOCKS[LockReason.CLOSED]
    return None


def check_change(day: date, state: State, closed_through: date | None) -> None:
    """Raise `Locked` if an entry of that day cannot be changed or deleted."""
    lock = lock_of(day, state, closed_through)
    if lock is not None:
        raise Locked(lock)


def patched(entry: Entry, changes: Mapping[str, Any]) -> Draft:
    """The entry with these fields changed. A new project brings its own billable default, unless
    the change names `billable`."""
    draft = replace(entry.draft, **changes)
    if draft.project != entry.project and "billable" not in changes:
        return replace(draft, billable=None)
    return draft


def with_billable(draft: Draft, context: EntryContext) -> Draft:
    """The draft with the project's default in place of None."""
    if draft.billable is not None:
        return draft
    return replace(draft, billable=context.project is not None and context.project.billable)


def check_draft(
    draft: Draft, context: EntryContext, now: datetime, replaced: Entry | None = None
) -> None:
    """Check whether `draft` may be written as a new entry, or in place of `replaced`.

    Raises `Locked` if the week is not open, `RuleBroken` with everything else that is wrong.
    """
    lock = lock_of(draft.date, context.state, context.closed_through)
    if lock is not None and lock.reason is not LockReason.CLOSED:
        raise Locked(lock)
    same_day = replaced is not None and replaced.date == draft.date
    others = context.day_minutes - (replaced.minutes if replaced and same_day else 0)
    violations = [
        *_date_violations(draft.date, context.closed_through, now),
        *_project_violations(draft, context.project, replaced),
        *_minutes_violations(draft.minutes, others),
        *_note_violations(draft, context.project),
    ]
    if violations:
        raise RuleBroken(*violations)


def latest_day(now: datetime) -> date:
    """The last day on which an entry may lie."""
    return latest_today(now) + timedelta(days=MAX_DAYS_AHEAD)


def _date_violations(day: date, closed_through: date | None, now: datetime) -> list[Violation]:
    if closed_through is not None and day <= closed_through:
        return [closed_day(closed_through)]
    latest = latest_day(now)
    if day > latest:
        message = f"At most {MAX_DAYS_AHEAD} days ahead, so until {latest}."
        return [Violation("date", "too_far_ahead", message)]
    return []


def _project_violations(
    draft: Draft, project: ProjectRules | None, replaced: Entry | None
) -> list[Violation]:
    if project is None:
        return [unknown_project(draft.project)]
    kept = replaced if replaced is not None and replaced.project == draft.project else None
    if project.active or (kept is not None and _shrinks(draft, kept)):
        return []
    return [inactive_project(draft.project)]


def _note_violations(draft: Draft, project: ProjectRules | None) -> list[Violation]:
    if project is None or draft.note or not project.note_required:
        return []
    return [missing_note()]


def _shrinks(draft: Draft, replaced: Entry) -> bool:
    """Whether the entry stays on its day and gains no minutes."""
    return draft.date == replaced.date and draft.minutes <= replaced.minutes


def _minutes_violations(minutes: int, others: int) -> list[Violation]:
    return [full_day(others)] if others + minutes > MAX_MINUTES_A_DAY else []


def full_day(others: int) -> Violation:
    """`others` are the minutes of the day's other entries."""
    left = MAX_MINUTES_A_DAY - others
    message = f"A day has 24 hours: {others} minutes are entered, {left} are left."
    return Violation("minutes", "day_full", message)


def submit(
    sheet: Timesheet, submission_id: uuid.UUID, now: datetime, targets: Targets | None = None
) -> Timesheet:
    """The week as submitted, measured by `targets` from now on. An empty week can be submitted,
    one that has not begun cannot."""
    if sheet.state is not State.OPEN:
        raise WrongState(f"The week is {sheet.state} already.", sheet.state)
    if sheet.week.monday > latest_today(now):
        raise WrongState("The week has not begun.", sheet.state)
    return sheet._replace(
        state=State.SUBMITTED, submission_id=submission_id, reason=None, targets=targets
    )


def withdraw(sheet: Timesheet) -> Timesheet:
    """The submitted week as open. Raises `WrongState`."""
    if sheet.state is not State.SUBMITTED:
        raise WrongState(
            f"Only a submitted week can be withdrawn; it is {sheet.state}.", sheet.state
        )
    return _opened(sheet, reason=None)


def decide(
    sheet: Timesheet,
    submission_id: uuid.UUID,
    reason: str | None,
    *,
    approved: bool,
    closed_through: date | None = None,
) -> Timesheet | None:
    """The week after the decision, or None if the decision came too late: it applies to the
    submission that it names, never to a later one."""
    if sheet.state is not State.SUBMITTED or sheet.submission_id != submission_id:
        return None
    if approved:
        return sheet._replace(state=State.APPROVED, late=has_closed_day(sheet.week, closed_through))
    return _opened(sheet, reason)


def reopen(sheet: Timesheet, reason: str, closed_through: date | None = None) -> Timesheet:
    """The approved week as open. Raises `WrongState`, `PeriodClosed`."""
    if sheet.state is not State.APPROVED:
        raise WrongState(
            f"Only an approved week can be reopened; it is {sheet.state}.", sheet.state
        )
    if closed_through is not None and has_closed_day(sheet.week, closed_through):
        raise PeriodClosed(closed_through)
    return _opened(sheet, reason)


def has_closed_day(week: Week, closed_through: date | None) -> bool:
    """Whether the closed period reaches into the week."""
    return closed_through is not None and week.monday <= closed_through


def _opened(sheet: Timesheet, reason: str | None) -> Timesheet:
    return sheet._replace(
        state=State.OPEN, submission_id=None, reason=reason, targets=None, late=False
    )


def copied_id(entry_id: uuid.UUID, to_week: Week) -> uuid.UUID:
    """The id of an entry's copy in another week, so that copying twice makes one copy."""
    return uuid.uuid5(entry_id, str(to_week))


def copied_draft(entry: Entry, from_week: Week, to_week: Week) -> Draft:
    """The same work on the same day of another week."""
    return replace(entry.draft, date=entry.date + (to_week.monday - from_week.monday))


def check_closing(
    closed_through: date | None, present: date | None, reason: str | None, now: datetime
) -> None:
    """Raise `RuleBroken` if the day is not over in UTC, or if days are opened without a reason."""
    latest = now.astimezone(UTC).date() - timedelta(days=1)
    if closed_through is not None and closed_through > latest:
        message = f"A period can be closed through {latest} at the latest."
        raise RuleBroken(Violation("closed_through", "not_over", message))
    earlier = present is not None and (closed_through is None or closed_through < present)
    if earlier and not reason:
        message = f"The period is closed through {present}; give a reason to open days again."
        raise RuleBroken(Violation("reason", "required", message))
