"""The home screen: a week, its days, its entries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta

from mobile.core.clock import Clock
from mobile.core.rules import Scope, State
from mobile.core.session import Workspace
from mobile.core.timesheet import UNDO_SECONDS, EntryView, Invalid, Locked, Sync, WeekView
from mobile.core.weeks import Week
from mobile.viewmodels.base import SnackbarMessage, ViewModel


@dataclass(frozen=True, slots=True)
class Row:
    """An entry as a card: the project in strings, the rest as it is."""

    entry: EntryView
    title: str
    customer: str

    @property
    def subtitle(self) -> str:
        parts = (self.customer, self.entry.draft.task or "", self.entry.draft.note)
        return " · ".join(part.replace("\n", " ") for part in parts if part)


class WeekModel(ViewModel):
    def __init__(
        self, workspace: Workspace, clock: Clock, notify: Callable[[SnackbarMessage], None]
    ) -> None:
        super().__init__()
        self._workspace = workspace
        self._clock = clock
        self._notify = notify
        self.day = clock.today()
        self.week = Week.of(self.day)
        self.view: WeekView = workspace.timesheet.week(self.week)

    @property
    def today(self) -> date:
        return self._clock.today()

    @property
    def can_write(self) -> bool:
        return self._workspace.may(Scope.CREATE_TIMESHEETS)

    @property
    def can_add(self) -> bool:
        chosen = self.view.days[self.day.weekday()]
        return self.can_write and chosen.lock is None

    @property
    def can_copy(self) -> bool:
        """Whether last week's rows would be a start."""
        return self.can_write and self.view.lock is None

    @property
    def can_submit(self) -> bool:
        return self.can_write and self.view.can_submit

    @property
    def can_withdraw(self) -> bool:
        return self.can_write and self.view.state is State.SUBMITTED

    @property
    def met(self) -> bool:
        """Whether the target is met, so that submitting is the next thing to do."""
        return self.view.total_minutes >= self.view.target_minutes

    @property
    def doubts(self) -> tuple[int, int]:
        """What to ask about before submitting: (working days left empty, minutes missing)."""
        missing = max(0, self.view.target_minutes - self.view.total_minutes)
        return self.view.empty_workdays, missing

    @property
    def loading(self) -> bool:
        """Whether skeletons are to be shown: nothing is known yet, and somebody is asking."""
        empty = not any(day.entries for day in self.view.days)
        return empty and not self.view.known and self._workspace.engine.state.busy

    def rows(self, day: date) -> list[Row]:
        return [self._row(line) for line in self.view.days[day.weekday()].entries]

    def refresh(self) -> None:
        self.view = self._workspace.timesheet.week(self.week)
        self.changed()

    def show(self, week: Week) -> None:
        """The same weekday of another week, or today in this one."""
        same_day = week.monday + timedelta(days=self.day.weekday())
        self.week = week
        self.day = self.today if self.today in week else same_day
        if not self._workspace.store.has_week(str(week)):
            self._workspace.engine.request_week(week)
        self.refresh()

    def step(self, weeks: int) -> None:
        self.show(self.week.plus(weeks))

    def go_to_today(self) -> None:
        self.show(Week.of(self.today))

    def choose(self, day: date) -> None:
        self.day = day
        self.changed()

    def delete(self, entry_id: str) -> None:
        try:
            seq = self._workspace.timesheet.delete(entry_id)
        except (Locked, Invalid) as error:
            self._refuse(error)
            return
        self._workspace.engine.wake()
        self._notify(
            SnackbarMessage("week.deleted", undo=lambda: self._undo(seq), seconds=UNDO_SECONDS)
        )
        self.refresh()

    def duplicate(self, entry_id: str, day: date) -> None:
        line = self._workspace.timesheet.entry(entry_id)
        if line is None:
            return
        try:
            self._workspace.timesheet.save(replace(line.draft, date=day))
        except (Locked, Invalid) as error:
            self._refuse(error)
            return
        self._notify(SnackbarMessage("week.duplicated", {"day": day}))
        self._workspace.engine.wake()
        self.refresh()

    def copy_last_week(self) -> None:
        try:
            added = self._workspace.timesheet.copy_week(self.week.plus(-1), self.week)
        except Locked as error:
            self._refuse(error)
            return
        key = "week.copied" if added else "week.nothing_to_copy"
        self._notify(SnackbarMessage(key, {"count": added}))
        self._workspace.engine.wake()
        self.refresh()

    def submit(self) -> None:
        if self.can_submit:
            self._workspace.timesheet.submit(self.week)
            self._workspace.engine.wake()
            self._notify(
                SnackbarMessage("week.submitted", undo=self.withdraw, seconds=UNDO_SECONDS)
            )
            self.refresh()

    def withdraw(self) -> None:
        if self.can_withdraw:
            self._workspace.timesheet.withdraw(self.week)
            self._workspace.engine.wake()
            self.refresh()

    def synchronise(self) -> None:
        self._workspace.engine.wake(pull=True)

    @property
    def failed(self) -> int:
        return sum(line.sync is Sync.FAILED for day in self.view.days for line in day.entries)

    def _undo(self, seq: int) -> None:
        if not self._workspace.outbox.cancel(seq):
            self._notify(SnackbarMessage("week.too_late"))
        self.refresh()

    def _refuse(self, error: Locked | Invalid) -> None:
        if isinstance(error, Locked):
            self._notify(SnackbarMessage(f"lock.{error.lock.reason}"))
        else:
            first = error.violations[0]
            self._notify(SnackbarMessage(f"rule.{first.code}", {"message": first.message}))

    def _row(self, line: EntryView) -> Row:
        project = self._workspace.store.project(line.draft.project)
        if project is None:
            return Row(line, line.draft.project, "")
        return Row(line, project.name, project.customer)
