"""Weeks, days and entries as the person sees them: the local copy with the outbox laid over it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime
from enum import StrEnum

from mobile.core.changes import WEEK_KINDS, Change, ChangeKind
from mobile.core.rules import Draft, Lock, State
from mobile.core.weeks import Week
from mobile.core.wire import CalendarDay, Entry, Json, Timesheet

_EARLIEST = datetime.min.replace(tzinfo=UTC)


class Sync(StrEnum):
    """Whether the server has a change: yes, not yet, or refused."""

    SYNCED = "synced"
    WAITING = "waiting"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class EntryView:
    """An entry with its pending changes. `seq` is the number of its failed change."""

    id: str
    draft: Draft
    sync: Sync = Sync.SYNCED
    lock: Lock | None = None
    source: str = "app"
    seq: int | None = None
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class DayView:
    """`target_minutes` is the day's own target, None if only the week has one or none has."""

    date: date
    minutes: int
    entries: tuple[EntryView, ...]
    lock: Lock | None
    target_minutes: int | None = None
    holiday: str | None = None
    absence: str | None = None

    @property
    def is_off(self) -> bool:
        """A holiday or an absence that leaves no target."""
        return (self.holiday is not None or self.absence is not None) and not self.target_minutes


@dataclass(frozen=True, slots=True)
class WeekView:
    """`known` is False until the week's entries have been read from the server.

    `waiting` says that the state is the requested one and the server does not know it yet.
    """

    week: Week
    state: State
    reason: str | None
    target_minutes: int | None
    days: tuple[DayView, ...]
    known: bool
    waiting: bool
    can_submit: bool

    @property
    def total_minutes(self) -> int:
        """The minutes of all days."""
        return sum(day.minutes for day in self.days)

    @property
    def missing_minutes(self) -> int:
        """The minutes short of the target; 0 without one."""
        return max(0, (self.target_minutes or 0) - self.total_minutes)

    @property
    def lock(self) -> Lock | None:
        """Why nothing in the week can change, None if something can."""
        locks = [day.lock for day in self.days]
        return locks[0] if all(locks) else None

    @property
    def empty_workdays(self) -> int:
        """The number of workdays from Monday to Friday without an entry."""
        return sum(day.minutes == 0 and not day.is_off for day in self.days[:5])

    @property
    def doubts(self) -> tuple[int, int]:
        """The warnings before submitting: (working days without hours, minutes missing)."""
        if self.target_minutes is None:
            return 0, 0
        return self.empty_workdays if self.missing_minutes else 0, self.missing_minutes


@dataclass(frozen=True, slots=True)
class WeekSummary:
    """One line of "my months"."""

    week: Week
    state: State
    reason: str | None
    total_minutes: int
    target_minutes: int | None
    waiting: bool = False


def draft_body(draft: Draft) -> Json:
    """The JSON of a PUT."""
    return {**asdict(draft), "date": draft.date.isoformat()}


def draft_of(body: Json) -> Draft:
    """The draft in a change or in the server's version of an entry."""
    return Draft(
        date=date.fromisoformat(body["date"]),
        project=body["project"],
        minutes=body["minutes"],
        task=body.get("task"),
        note=body.get("note", ""),
        billable=body.get("billable"),
    )


def overlay(entry_id: str, entry: Entry | None, changes: list[Change]) -> EntryView | None:
    """The entry after its changes, None if they delete it.

    A failed change shows the entered values; a failed deletion leaves the entry in place.
    """
    view = entry_view(entry) if entry is not None else None
    for change in changes:
        failed = change.failure is not None
        sync = Sync.FAILED if failed else Sync.WAITING
        seq = change.seq if failed else None
        if change.kind is ChangeKind.PUT:
            source = view.source if view is not None else "app"
            created = view.created_at if view is not None else change.created_at
            view = EntryView(
                entry_id, draft_of(change.body), sync, source=source, seq=seq, created_at=created
            )
        elif not failed:
            view = None
        elif view is not None:
            view = replace(view, sync=sync, seq=seq)
    first_failed = next((change.seq for change in changes if change.failure is not None), None)
    if view is not None and first_failed is not None:
        return replace(view, sync=Sync.FAILED, seq=first_failed)
    return view


def entry_view(entry: Entry) -> EntryView:
    """An entry as the server has it."""
    draft = Draft(entry.date, entry.project, entry.minutes, entry.task, entry.note, entry.billable)
    return EntryView(entry.id, draft, source=entry.source, created_at=entry.created_at)


def day_view(
    day: date, entries: list[EntryView], lock: Lock | None, calendar: CalendarDay | None
) -> DayView:
    """A day with its entries in the order in which they were made."""
    mine = [replace(entry, lock=lock) for entry in entries if entry.draft.date == day]
    mine.sort(key=lambda entry: (entry.created_at or _EARLIEST, entry.id))
    return DayView(
        date=day,
        minutes=sum(entry.draft.minutes for entry in mine),
        entries=tuple(mine),
        lock=lock,
        target_minutes=calendar.target_minutes if calendar is not None else None,
        holiday=calendar.holiday if calendar is not None else None,
        absence=calendar.absence if calendar is not None else None,
    )


def state_of(
    week: str, timesheet: Timesheet | None, changes: Iterable[Change]
) -> tuple[State, bool]:
    """The state after the pending changes, and whether there are any."""
    state, waiting = (timesheet.state if timesheet is not None else State.OPEN), False
    for change in changes:
        if change.kind in WEEK_KINDS and change.target == week and change.failure is None:
            state = State.SUBMITTED if change.kind is ChangeKind.SUBMIT else State.OPEN
            waiting = True
    return state, waiting
