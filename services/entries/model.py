"""The rules of entries and weeks, as pure functions: what may change, and if not, why.

Where two requests could cross, the database holds the same rules (migrations/); a test keeps
the figures of both equal.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from libs.rules.calendar import Week, latest_today
from libs.rules.violations import RuleBroken, Violation

MAX_MINUTES_A_DAY = 1440
MAX_DAYS_AHEAD = 31
MAX_NOTE_LENGTH = 2000
MAX_TASK_LENGTH = 200


class State(StrEnum):
    OPEN = "open"
    SUBMITTED = "submitted"
    APPROVED = "approved"


class LockReason(StrEnum):
    SUBMITTED = "submitted"
    APPROVED = "approved"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Lock:
    """Why something cannot change, and what would unlock it."""

    reason: LockReason
    unlock: str


_LOCKS = {
    LockReason.SUBMITTED: Lock(
        LockReason.SUBMITTED, "Withdraw the week, or wait until it is decided."
    ),
    LockReason.APPROVED: Lock(
        LockReason.APPROVED, "An administrator can reopen the week, giving a reason."
    ),
    LockReason.CLOSED: Lock(LockReason.CLOSED, "An administrator can move the closed period back."),
}


@dataclass(frozen=True, slots=True)
class Draft:
    """What a caller says of an entry. `billable` None means: as the project has it."""

    date: date
    project: str
    minutes: int
    task: str | None = None
    note: str = ""
    billable: bool | None = None


class Entry(NamedTuple):
    """An entry as it is stored. A tuple, because lists and exports make many: it costs a fifth of
    a frozen dataclass."""

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

    def says(self, draft: Draft) -> bool:
        """Whether the entry says just what the draft says, so that nothing has to change."""
        return draft == replace(
            draft,
            date=self.date,
            project=self.project,
            minutes=self.minutes,
            task=self.task,
            note=self.note,
            billable=self.billable if draft.billable is not None else None,
        )


class Timesheet(NamedTuple):
    """A person's week. `minutes` has a figure for each day, Monday first.

    `version` 0 means that nothing was ever written down for the week. A tuple as entries are:
    decisions come by the thousand.
    """

    person: str
    week: Week
    state: State = State.OPEN
    minutes: tuple[int, ...] = (0, 0, 0, 0, 0, 0, 0)
    submission_id: uuid.UUID | None = None
    reason: str | None = None
    version: int = 0

    def minutes_on(self, day: date) -> int:
        return self.minutes[day.weekday()]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What decides whether an entry may be written: the state of its day, week and project.

    `project_active` is None where there is no such project.
    """

    state: State
    closed_through: date | None
    day_minutes: int
    project_active: bool | None


class Locked(Exception):
    """What was asked would change something that cannot change now."""

    def __init__(self, lock: Lock) -> None:
        super().__init__(f"This cannot change: {_LOCKED[lock.reason]} {lock.unlock}")
        self.lock = lock


_LOCKED = {
    LockReason.SUBMITTED: "the week is submitted.",
    LockReason.APPROVED: "the week is approved.",
    LockReason.CLOSED: "the period is closed.",
}


class WrongState(Exception):
    """The week is not in the state from which this step leads."""

    def __init__(self, detail: str, state: State) -> None:
        super().__init__(detail)
        self.state = state


def lock_of(day: date, state: State, closed_through: date | None) -> Lock | None:
    """Why entries of `day` cannot change; the state of the week is the nearer reason."""
    if state is State.APPROVED:
        return _LOCKS[LockReason.APPROVED]
    if state is State.SUBMITTED:
        return _LOCKS[LockReason.SUBMITTED]
    if closed_through is not None and day <= closed_through:
        return _LOCKS[LockReason.CLOSED]
    return None


def check_change(day: date, state: State, closed_through: date | None) -> None:
    """Raises `Locked` where an entry of that day cannot be changed or removed."""
    lock = lock_of(day, state, closed_through)
    if lock is not None:
        raise Locked(lock)


def check_draft(
    draft: Draft, around: Surroundings, now: datetime, replaced: Entry | None = None
) -> None:
    """Whether `draft` may be written, in the place of `replaced` where there is such an entry.

    Raises `Locked` where the week is not open, `RuleBroken` with all else that is wrong.
    """
    lock = lock_of(draft.date, around.state, around.closed_through)
    if lock is not None and lock.reason is not LockReason.CLOSED:
        raise Locked(lock)
    same_day = replaced is not None and replaced.date == draft.date
    others = around.day_minutes - (replaced.minutes if replaced and same_day else 0)
    same_project = replaced is not None and replaced.project == draft.project
    violations = [
        *_date_violations(draft.date, around.closed_through, now),
        *([] if same_project else _project_violations(draft.project, around.project_active)),
        *_minutes_violations(draft.minutes, others),
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
        words = f"At most {MAX_DAYS_AHEAD} days ahead, so until {latest}."
        return [Violation("date", "too_far_ahead", words)]
    return []


def _project_violations(code: str, active: bool | None) -> list[Violation]:
    if active is None:
        return [unknown_project(code)]
    return [] if active else [inactive_project(code)]


def _minutes_violations(minutes: int, others: int) -> list[Violation]:
    return [full_day(others)] if others + minutes > MAX_MINUTES_A_DAY else []


def closed_day(closed_through: date) -> Violation:
    return Violation("date", "closed", f"The period through {closed_through} is closed.")


def unknown_project(code: str) -> Violation:
    return Violation("project", "unknown_project", f"There is no project {code}.")


def inactive_project(code: str) -> Violation:
    return Violation("project", "inactive_project", f"The project {code} is no longer active.")


def full_day(others: int) -> Violation:
    """`others` are the minutes that the day holds without the entry in question."""
    left = MAX_MINUTES_A_DAY - others
    words = f"A day has 24 hours: {others} minutes are entered, {left} are left."
    return Violation("minutes", "day_full", words)


def submit(sheet: Timesheet, submission_id: uuid.UUID, now: datetime) -> Timesheet:
    """An empty week can be submitted (nothing worked), one that has not begun cannot."""
    if sheet.state is not State.OPEN:
        raise WrongState(f"The week is {sheet.state} already.", sheet.state)
    if sheet.week.monday > latest_today(now):
        raise WrongState("The week has not begun.", sheet.state)
    return sheet._replace(state=State.SUBMITTED, submission_id=submission_id, reason=None)


def withdraw(sheet: Timesheet) -> Timesheet:
    if sheet.state is not State.SUBMITTED:
        raise WrongState(
            f"Only a submitted week can be withdrawn; it is {sheet.state}.", sheet.state
        )
    return sheet._replace(state=State.OPEN, submission_id=None)


def decide(
    sheet: Timesheet, submission_id: uuid.UUID, reason: str | None, *, approved: bool
) -> Timesheet | None:
    """The week as the decision leaves it, or None where the decision came too late.

    A decision names its submission: it never lands on a later one.
    """
    if sheet.state is not State.SUBMITTED or sheet.submission_id != submission_id:
        return None
    if approved:
        return sheet._replace(state=State.APPROVED)
    return sheet._replace(state=State.OPEN, submission_id=None, reason=reason)


def reopen(sheet: Timesheet, reason: str) -> Timesheet:
    if sheet.state is not State.APPROVED:
        raise WrongState(
            f"Only an approved week can be reopened; it is {sheet.state}.", sheet.state
        )
    return sheet._replace(state=State.OPEN, submission_id=None, reason=reason)


def copied_id(entry_id: uuid.UUID, to_week: Week) -> uuid.UUID:
    """The id of an entry's copy in another week: copying twice finds the copy there already."""
    return uuid.uuid5(entry_id, str(to_week))


def copied_draft(entry: Entry, from_week: Week, to_week: Week) -> Draft:
    """The same work on the same day of another week."""
    return Draft(
        date=entry.date + (to_week.monday - from_week.monday),
        project=entry.project,
        minutes=entry.minutes,
        task=entry.task,
        note=entry.note,
        billable=entry.billable,
    )


def check_closing(closed_through: date | None, present: date | None, reason: str | None) -> None:
    """A period closes without a word; to open days again takes a reason."""
    earlier = present is not None and (closed_through is None or closed_through < present)
    if earlier and not reason:
        words = f"The period is closed through {present}; to open days again give a reason."
        raise RuleBroken(Violation("reason", "required", words))
