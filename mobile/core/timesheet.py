"""The person's own weeks as they are on this device, and what can be done to them offline."""

from __future__ import annotations

import unicodedata
import uuid
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from datetime import date
from enum import StrEnum

from mobile.core.clock import Clock
from mobile.core.outbox import ENTRY_KINDS, WEEK_KINDS, Change, ChangeKind, Outbox
from mobile.core.rules import (
    DEFAULT_TARGET_MINUTES,
    Draft,
    EntryContext,
    Lock,
    State,
    Violation,
    can_submit,
    lock_of,
    violations_of,
)
from mobile.core.store import Store
from mobile.core.weeks import Week
from mobile.core.wire import Entry, Json, Rules, Timesheet, read

# How long what cannot be taken back from the server can still be undone here.
UNDO_SECONDS = 5.0
RULES = "rules"


class Sync(StrEnum):
    SYNCED = "synced"
    WAITING = "waiting"
    FAILED = "failed"


class Invalid(Exception):
    """The server would refuse this."""

    def __init__(self, violations: list[Violation]) -> None:
        super().__init__("; ".join(violation.message for violation in violations))
        self.violations = violations


class Locked(Exception):
    def __init__(self, lock: Lock) -> None:
        super().__init__(lock.unlock)
        self.lock = lock


@dataclass(frozen=True, slots=True)
class EntryView:
    """An entry as the person sees it. `seq` is that of its change in failure."""

    id: str
    draft: Draft
    sync: Sync = Sync.SYNCED
    lock: Lock | None = None
    source: str = "app"
    seq: int | None = None


@dataclass(frozen=True, slots=True)
class DayView:
    date: date
    minutes: int
    entries: tuple[EntryView, ...]
    lock: Lock | None


@dataclass(frozen=True, slots=True)
class WeekView:
    """`known` is False while the server's entries of the week were never read.

    `waiting` tells that the state is what the person asked for, and the server has yet to hear it.
    """

    week: Week
    state: State
    reason: str | None
    target_minutes: int
    days: tuple[DayView, ...]
    known: bool
    waiting: bool
    can_submit: bool

    @property
    def total_minutes(self) -> int:
        return sum(day.minutes for day in self.days)

    @property
    def lock(self) -> Lock | None:
        """Why nothing in the week can change, if so."""
        locks = [day.lock for day in self.days]
        return locks[0] if all(locks) else None

    @property
    def empty_workdays(self) -> int:
        return sum(day.minutes == 0 for day in self.days[:5])


class LocalTimesheet:
    def __init__(self, store: Store, outbox: Outbox, clock: Clock) -> None:
        self._store = store
        self._outbox = outbox
        self._clock = clock

    @property
    def rules(self) -> Rules:
        return read(Rules, self._store.get(RULES) or {})

    def week(self, week: Week) -> WeekView:
        changes = self._outbox.of_week(str(week))
        timesheet = self._store.timesheet(str(week))
        state, waiting = _state(str(week), timesheet, changes)
        closed_through = self.rules.closed_through
        lines = self._lines(week.monday, week.sunday, changes)
        days = tuple(_day(day, lines, lock_of(day, state, closed_through)) for day in week.days)
        return WeekView(
            week=week,
            state=state,
            reason=timesheet.reason if timesheet is not None and state is State.OPEN else None,
            target_minutes=self._target(timesheet),
            days=days,
            known=self._store.has_week(str(week)),
            waiting=waiting,
            can_submit=can_submit(week.monday, state, self._clock.now()),
        )

    def entry(self, entry_id: str) -> EntryView | None:
        """An entry, as the last change that was made to it leaves it."""
        line = _overlaid(entry_id, self._store.entry(entry_id), self._outbox.of_target(entry_id))
        if line is None:
            return None
        state, _ = self._state_of(Week.of(line.draft.date))
        return replace(line, lock=lock_of(line.draft.date, state, self.rules.closed_through))

    def check(self, draft: Draft, entry_id: str | None = None) -> list[Violation]:
        """What the server would refuse of the draft; raises `Locked`."""
        week = Week.of(draft.date)
        state, _ = self._state_of(week)
        closed_through = self.rules.closed_through
        lock = lock_of(draft.date, state, None)
        if lock is not None:
            raise Locked(lock)
        present = self.entry(entry_id) if entry_id is not None else None
        project = self._store.project(draft.project)
        context = EntryContext(
            state=state,
            closed_through=closed_through,
            others=self._minutes_on(draft.date, entry_id),
            project_active=project.active if project is not None else None,
            same_project=present is not None and present.draft.project == draft.project,
        )
        return violations_of(draft, context, self._clock.now())

    def save(self, draft: Draft, entry_id: str | None = None) -> str:
        """The entry's id; raises `Locked` or `Invalid`. What says nothing new is no change."""
        draft = replace(draft, note=_clean(draft.note), task=_clean(draft.task or "") or None)
        present = self._changeable(entry_id) if entry_id is not None else None
        if present is not None and present.draft == draft and present.sync is not Sync.FAILED:
            return present.id
        violations = self.check(draft, entry_id)
        if violations:
            raise Invalid(violations)
        chosen = entry_id or str(uuid.uuid4())
        self._put(chosen, draft, present)
        return chosen

    def delete(self, entry_id: str) -> int:
        """The number of the change, by which it can be undone for `UNDO_SECONDS`."""
        present = self._changeable(entry_id)
        return self._outbox.add(
            ChangeKind.DELETE,
            entry_id,
            {},
            self._clock.now(),
            weeks=[str(Week.of(present.draft.date))],
            base=self._base(entry_id),
            hold_until=self._clock.now().timestamp() + UNDO_SECONDS,
        )

    def copy_week(self, source: Week, into: Week) -> int:
        """Last week's rows as a start for this one; how many were added.

        The ids are those that the server would give, so two devices that copy make no doubles.
        """
        added = 0
        changes = self._outbox.of_week(str(source))
        for line in self._lines(source.monday, source.sunday, changes):
            copied = str(uuid.uuid5(uuid.UUID(line.id), str(into)))
            draft = replace(line.draft, date=line.draft.date + (into.monday - source.monday))
            if self.entry(copied) is None and not self.check(draft):
                self._put(copied, draft, None)
                added += 1
        return added

    def submit(self, week: Week) -> None:
        self._add_step(ChangeKind.SUBMIT, week)

    def withdraw(self, week: Week) -> None:
        """A submission that was never sent is simply taken back."""
        mine = [change for change in self._outbox.of_target(str(week)) if change.failure is None]
        if mine and mine[-1].kind is ChangeKind.SUBMIT and self._outbox.cancel(mine[-1].seq):
            return
        self._add_step(ChangeKind.WITHDRAW, week)

    def _add_step(self, kind: ChangeKind, week: Week) -> None:
        self._outbox.add(kind, str(week), {}, self._clock.now(), weeks=[str(week)])

    def _put(self, entry_id: str, draft: Draft, present: EntryView | None) -> None:
        weeks = {str(Week.of(draft.date))}
        if present is not None:
            weeks.add(str(Week.of(present.draft.date)))
        body = draft_body(draft)
        self._outbox.add(
            ChangeKind.PUT,
            entry_id,
            body,
            self._clock.now(),
            weeks=weeks,
            base=self._base(entry_id),
        )

    def _base(self, entry_id: str) -> int | None:
        """The version that the next change rests on; those before it correct it when they end."""
        entry = self._store.entry(entry_id)
        return entry.version if entry is not None else None

    def _changeable(self, entry_id: str) -> EntryView:
        line = self.entry(entry_id)
        if line is None:
            raise Invalid([Violation("id", "gone", "There is no such entry.")])
        if line.lock is not None:
            raise Locked(line.lock)
        return line

    def _target(self, timesheet: Timesheet | None) -> int:
        known = timesheet.target_minutes if timesheet is not None else self.rules.target_minutes
        return known or DEFAULT_TARGET_MINUTES

    def _state_of(self, week: Week) -> tuple[State, bool]:
        return _state(
            str(week), self._store.timesheet(str(week)), self._outbox.of_target(str(week))
        )

    def _minutes_on(self, day: date, but_for: str | None) -> int:
        lines = self._lines(day, day, self._outbox.of_week(str(Week.of(day))))
        return sum(line.draft.minutes for line in lines if line.id != but_for)

    def _lines(self, since: date, until: date, changes: Iterable[Change]) -> list[EntryView]:
        entries = {entry.id: entry for entry in self._store.entries(since, until)}
        by_target: dict[str, list[Change]] = {}
        for change in changes:
            if change.kind in ENTRY_KINDS:
                by_target.setdefault(change.target, []).append(change)
        lines = [_overlaid(key, entries.get(key), made) for key, made in by_target.items()]
        lines += [_entry_view(entry) for key, entry in entries.items() if key not in by_target]
        return [line for line in lines if line is not None and since <= line.draft.date <= until]


def draft_body(draft: Draft) -> Json:
    return {**asdict(draft), "date": draft.date.isoformat()}


def draft_of(body: Json) -> Draft:
    """What a change or the server's version of an entry says."""
    return Draft(
        date=date.fromisoformat(body["date"]),
        project=body["project"],
        minutes=body["minutes"],
        task=body.get("task"),
        note=body.get("note", ""),
        billable=body.get("billable"),
    )


def _overlaid(entry_id: str, entry: Entry | None, changes: list[Change]) -> EntryView | None:
    """What is left of an entry once the changes are made; one in failure shows what was wanted,
    but nothing is gone before the server agreed."""
    line = _entry_view(entry) if entry is not None else None
    for change in changes:
        failed = change.failure is not None
        sync = Sync.FAILED if failed else Sync.WAITING
        seq = change.seq if failed else None
        if change.kind is ChangeKind.PUT:
            known = line.source if line is not None else "app"
            line = EntryView(entry_id, draft_of(change.body), sync, source=known, seq=seq)
        elif not failed:
            line = None
        elif line is not None:
            line = replace(line, sync=sync, seq=seq)
    first_failed = next((change.seq for change in changes if change.failure is not None), None)
    if line is not None and first_failed is not None:
        return replace(line, sync=Sync.FAILED, seq=first_failed)
    return line


def _entry_view(entry: Entry) -> EntryView:
    draft = Draft(entry.date, entry.project, entry.minutes, entry.task, entry.note, entry.billable)
    return EntryView(entry.id, draft, source=entry.source)


def _day(day: date, lines: list[EntryView], lock: Lock | None) -> DayView:
    mine = [replace(line, lock=lock) for line in lines if line.draft.date == day]
    mine.sort(key=lambda line: (line.draft.project, line.id))
    return DayView(day, sum(line.draft.minutes for line in mine), tuple(mine), lock)


def _state(week: str, timesheet: Timesheet | None, changes: Iterable[Change]) -> tuple[State, bool]:
    state, waiting = (timesheet.state if timesheet is not None else State.OPEN), False
    for change in changes:
        if change.kind in WEEK_KINDS and change.target == week and change.failure is None:
            state = State.SUBMITTED if change.kind is ChangeKind.SUBMIT else State.OPEN
            waiting = True
    return state, waiting


def _clean(text: str) -> str:
    """As the server stores it: composed, without outer white space and control characters."""
    kept = "".join(
        each for each in text if each in "\t\n" or unicodedata.category(each) not in ("Cc", "Cs")
    )
    return unicodedata.normalize("NFC", kept).strip()
