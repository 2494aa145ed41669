"""The person's own weeks on this device: reading them, and changing them offline."""

from __future__ import annotations

import unicodedata
import uuid
from collections.abc import Iterable
from dataclasses import replace
from datetime import date

from mobile.core.changes import ENTRY_KINDS, WEEK_KINDS, Change, ChangeKind
from mobile.core.clock import Clock
from mobile.core.outbox import Outbox
from mobile.core.pending_absences import with_pending_absences
from mobile.core.rules import (
    Draft,
    EntryContext,
    Lock,
    State,
    Violation,
    can_submit,
    lock_of,
    shrinks,
    violations_of,
)
from mobile.core.store import Store
from mobile.core.views import (
    EntryView,
    Sync,
    WeekSummary,
    WeekView,
    day_view,
    draft_body,
    entry_view,
    overlay,
    state_of,
)
from mobile.core.weeks import Week
from mobile.core.wire import Rules, Timesheet, read

# Seconds in which a change that cannot be taken back from the server can be undone here.
UNDO_SECONDS = 5.0
RULES = "rules"


class Invalid(Exception):
    """The server would reject this."""

    def __init__(self, violations: list[Violation]) -> None:
        super().__init__("; ".join(violation.message for violation in violations))
        self.violations = violations


class Locked(Exception):
    """The week or the day cannot be changed."""

    def __init__(self, lock: Lock) -> None:
        super().__init__(lock.unlock)
        self.lock = lock


class LocalTimesheet:
    """The person's weeks: the server's data with the changes that wait to be sent."""

    def __init__(self, store: Store, outbox: Outbox, clock: Clock) -> None:
        self._store = store
        self._outbox = outbox
        self._clock = clock

    @property
    def rules(self) -> Rules:
        """The rules as the server last said."""
        return read(Rules, self._store.get(RULES) or {})

    def week(self, week: Week) -> WeekView:
        """One week with its days, entries and state."""
        changes = self._outbox.of_week(str(week))
        timesheet = self._store.timesheet(str(week))
        state, waiting = state_of(str(week), timesheet, changes)
        closed_through = self.rules.closed_through
        entries = self._entries(week.monday, week.sunday, changes)
        calendar = with_pending_absences(
            self._store.calendar.days(week.monday, week.sunday),
            changes,
            self._store.calendar.absences(),
        )
        days = tuple(
            day_view(day, entries, lock_of(day, state, closed_through), calendar.get(day))
            for day in week.days
        )
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

    def summaries(self, since: Week, until: Week) -> list[WeekSummary]:
        """The known weeks between two, newest first; pending submissions are taken into account."""
        changes = self._outbox.of_kinds(WEEK_KINDS)
        found = []
        for timesheet in self._store.timesheets(str(since), str(until)):
            state, waiting = state_of(timesheet.week, timesheet, changes)
            found.append(
                WeekSummary(
                    week=Week.parse(timesheet.week),
                    state=state,
                    reason=timesheet.reason if state is State.OPEN else None,
                    total_minutes=timesheet.total_minutes,
                    target_minutes=timesheet.target_minutes,
                    waiting=waiting,
                )
            )
        return found

    def entry(self, entry_id: str) -> EntryView | None:
        """An entry after its pending changes."""
        view = overlay(entry_id, self._store.entry(entry_id), self._outbox.of_target(entry_id))
        if view is None:
            return None
        state, _ = self._state_of(Week.of(view.draft.date))
        return replace(view, lock=lock_of(view.draft.date, state, self.rules.closed_through))

    def check(self, draft: Draft, entry_id: str | None = None) -> list[Violation]:
        """Find what the server would reject in the draft. Raises `Locked`."""
        week = Week.of(draft.date)
        state, _ = self._state_of(week)
        lock = lock_of(draft.date, state, None)
        if lock is not None:
            raise Locked(lock)
        present = self.entry(entry_id) if entry_id is not None else None
        project = self._store.project(draft.project)
        context = EntryContext(
            state=state,
            closed_through=self.rules.closed_through,
            others=self._minutes_on(draft.date, entry_id),
            project_active=project.active if project is not None else None,
            same_project=present is not None and present.draft.project == draft.project,
            shrinks=present is not None and shrinks(draft, present.draft),
            note_required=project is not None and project.note_required,
        )
        return violations_of(draft, context, self._clock.now())

    def save(self, draft: Draft, entry_id: str | None = None) -> str:
        """Save a new or changed entry and return its id. A draft without a change is no change.

        Raises `Locked`, `Invalid` or `StoreFull`.
        """
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

    def delete(self, entry_id: str, *, hold_seconds: float = UNDO_SECONDS) -> int:
        """The number of the change, which can be undone for `hold_seconds`."""
        present = self._changeable(entry_id)
        hold_until = self._clock.now().timestamp() + hold_seconds if hold_seconds else 0.0
        return self._outbox.add(
            ChangeKind.DELETE,
            entry_id,
            {},
            self._clock.now(),
            weeks=[str(Week.of(present.draft.date))],
            base=self._base(entry_id),
            hold_until=hold_until,
        )

    def take_back(self, entry_ids: Iterable[str]) -> None:
        """Undo the making of entries: unsent ones are forgotten, sent ones are deleted."""
        for entry_id in entry_ids:
            for change in reversed(self._outbox.of_target(entry_id)):
                self._outbox.cancel(change.seq)
            view = self.entry(entry_id)
            if view is not None and view.lock is None:
                self.delete(entry_id, hold_seconds=0)

    def repeat(self, entry_id: str, day: date) -> str | None:
        """Copy an entry to a day; None if there is no such entry. Raises `Locked`, `Invalid`."""
        view = self.entry(entry_id)
        if view is None:
            return None
        return self.save(replace(self._without_default(view.draft), date=day))

    def copy_week(self, source: Week, into: Week) -> list[str]:
        """Copy last week's entries as a start; the ids of those that were added.

        The ids are those the server would assign, so two devices that copy make no duplicates.
        """
        added = []
        changes = self._outbox.of_week(str(source))
        for view in self._entries(source.monday, source.sunday, changes):
            copied = str(uuid.uuid5(uuid.UUID(view.id), str(into)))
            day = view.draft.date + (into.monday - source.monday)
            draft = replace(self._without_default(view.draft), date=day)
            if self.entry(copied) is None and not self.check(draft):
                self._put(copied, draft, None)
                added.append(copied)
        return added

    def submit(self, week: Week) -> None:
        """Submit; a withdrawal that was never sent is simply cancelled."""
        self._change_state(ChangeKind.SUBMIT, ChangeKind.WITHDRAW, week)

    def withdraw(self, week: Week) -> None:
        """Withdraw; a submission that was never sent is simply cancelled."""
        self._change_state(ChangeKind.WITHDRAW, ChangeKind.SUBMIT, week)

    def _change_state(self, kind: ChangeKind, opposite: ChangeKind, week: Week) -> None:
        changes = self._outbox.of_target(str(week))
        pending = [change for change in changes if change.failure is None]
        if pending and pending[-1].kind is opposite and self._outbox.cancel(pending[-1].seq):
            return
        self._outbox.add(kind, str(week), {}, self._clock.now(), weeks=[str(week)])

    def _without_default(self, draft: Draft) -> Draft:
        """A copy follows its project unless the person had decided otherwise."""
        project = self._store.project(draft.project)
        if project is not None and draft.billable == project.billable:
            return replace(draft, billable=None)
        return draft

    def _put(self, entry_id: str, draft: Draft, present: EntryView | None) -> None:
        weeks = {str(Week.of(draft.date))}
        if present is not None:
            weeks.add(str(Week.of(present.draft.date)))
        self._outbox.add(
            ChangeKind.PUT,
            entry_id,
            draft_body(draft),
            self._clock.now(),
            weeks=weeks,
            base=self._base(entry_id),
        )

    def _base(self, entry_id: str) -> int | None:
        """The version the next change is based on; confirmed earlier changes correct it."""
        entry = self._store.entry(entry_id)
        return entry.version if entry is not None else None

    def _changeable(self, entry_id: str) -> EntryView:
        view = self.entry(entry_id)
        if view is None:
            raise Invalid([Violation("id", "gone", "This entry no longer exists.")])
        if view.lock is not None:
            raise Locked(view.lock)
        return view

    def _target(self, timesheet: Timesheet | None) -> int | None:
        return timesheet.target_minutes if timesheet is not None else self.rules.target_minutes

    def _state_of(self, week: Week) -> tuple[State, bool]:
        changes = self._outbox.of_target(str(week))
        return state_of(str(week), self._store.timesheet(str(week)), changes)

    def _minutes_on(self, day: date, but_for: str | None) -> int:
        entries = self._entries(day, day, self._outbox.of_week(str(Week.of(day))))
        return sum(entry.draft.minutes for entry in entries if entry.id != but_for)

    def _entries(self, since: date, until: date, changes: Iterable[Change]) -> list[EntryView]:
        stored = {entry.id: entry for entry in self._store.entries(since, until)}
        by_target: dict[str, list[Change]] = {}
        for change in changes:
            if change.kind in ENTRY_KINDS:
                by_target.setdefault(change.target, []).append(change)
        views = [overlay(key, stored.get(key), made) for key, made in by_target.items()]
        views += [entry_view(entry) for key, entry in stored.items() if key not in by_target]
        return [view for view in views if view is not None and since <= view.draft.date <= until]


def _clean(text: str) -> str:
    """As the server stores it: NFC, without outer white space and control characters."""
    kept = "".join(
        each for each in text if each in "\t\n" or unicodedata.category(each) not in ("Cc", "Cs")
    )
    return unicodedata.normalize("NFC", kept).strip()
