"""The week as a grid for wide screens: rows are project and task, columns are days."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from functools import partial

from mobile.core.clock import Clock
from mobile.core.database import StoreFull
from mobile.core.durations import NotADuration, format_duration, parse_duration
from mobile.core.rules import Draft
from mobile.core.session import Workspace
from mobile.core.timesheet import Invalid, Locked
from mobile.core.views import EntryView, Sync
from mobile.viewmodels.base import SnackbarMessage, ViewModel
from mobile.viewmodels.week import WeekModel

RowKey = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Cell:
    """The entries of one row and day. Several can only be edited in the list."""

    day: date
    minutes: int = 0
    entry_ids: tuple[str, ...] = ()
    locked: bool = False
    sync: Sync = Sync.SYNCED

    @property
    def text(self) -> str:
        """The duration as it is written in the cell; empty for none."""
        return format_duration(self.minutes) if self.minutes else ""

    @property
    def editable(self) -> bool:
        """Whether typing changes the cell: open, and of at most one entry."""
        return not self.locked and len(self.entry_ids) < 2


@dataclass(frozen=True, slots=True)
class GridRow:
    """A project and task with a cell for each day."""

    key: RowKey
    title: str
    customer: str
    cells: tuple[Cell, ...]

    @property
    def project(self) -> str:
        """The project's code."""
        return self.key[0]

    @property
    def task(self) -> str:
        """The task; empty for none."""
        return self.key[1]

    @property
    def total(self) -> int:
        """The minutes of the row."""
        return sum(cell.minutes for cell in self.cells)


class GridModel(ViewModel):
    """Rows of the week on the screen, and rows that were added and are still empty."""

    def __init__(
        self,
        workspace: Workspace,
        clock: Clock,
        week: WeekModel,
        notify: Callable[[SnackbarMessage], None],
    ) -> None:
        super().__init__()
        self._workspace = workspace
        self._clock = clock
        self._week = week
        self._notify = notify
        self._added: dict[str, list[RowKey]] = {}
        self.error: tuple[RowKey, date, str] | None = None
        self.rows: list[GridRow] = self._build()

    @property
    def day_totals(self) -> list[int]:
        """The minutes of each day."""
        return [day.minutes for day in self._week.view.days]

    @property
    def can_write(self) -> bool:
        """Whether the person may change entries at all."""
        return self._week.can_write

    def refresh(self) -> None:
        """Show what is stored now."""
        rows = self._build()
        if rows != self.rows:
            self.rows = rows
            self.changed()

    def add_row(self, project: str, task: str = "") -> None:
        """Show an empty row for a project and task."""
        added = self._added.setdefault(str(self._week.week), [])
        if (project, task) not in added:
            added.append((project, task))
        self.refresh()

    def rows_of_last_week(self) -> None:
        """Last week's rows, without their hours."""
        previous = self._workspace.timesheet.week(self._week.week.plus(-1))
        for day in previous.days:
            for entry in day.entries:
                self.add_row(entry.draft.project, entry.draft.task or "")

    def type(self, key: RowKey, day: date, text: str) -> bool:
        """Set a cell by what was typed; empty or 0 deletes its entry. False if it is rejected."""
        cell = self._cell(key, day)
        if cell is None or not cell.editable or not self.can_write:
            return False
        try:
            minutes = 0 if text.strip() in ("", "0", "0:00") else parse_duration(text)
        except NotADuration:
            return self._reject(key, day, "rule.duration")
        if minutes == cell.minutes:
            return True
        try:
            self._set(key, cell, minutes)
        except Locked as error:
            return self._reject(key, day, f"lock.{error.lock.reason}")
        except Invalid as error:
            return self._reject(key, day, error.violations[0].message)
        except StoreFull:
            return self._reject(key, day, "sync.full")
        self.error = None
        self._workspace.engine.wake()
        self._week.refresh()
        self.refresh()
        return True

    def _set(self, key: RowKey, cell: Cell, minutes: int) -> None:
        timesheet = self._workspace.timesheet
        if not cell.entry_ids:
            timesheet.save(Draft(cell.day, key[0], minutes, key[1] or None))
            return
        [entry_id] = cell.entry_ids
        if minutes == 0:
            # The row stays, so that the cell can be filled again.
            self.add_row(*key)
            self._week.delete(entry_id)
            return
        entry = timesheet.entry(entry_id)
        if entry is not None:
            timesheet.save(replace(entry.draft, minutes=minutes), entry_id)
            undo = partial(self._restore, entry_id, entry.draft)
            arguments: dict[str, object] = {"duration": format_duration(minutes)}
            self._notify(SnackbarMessage("grid.changed", arguments, undo=undo))

    def _restore(self, entry_id: str, draft: Draft) -> None:
        try:
            self._workspace.timesheet.save(draft, entry_id)
        except (Locked, Invalid, StoreFull):
            self._notify(SnackbarMessage("week.too_late"))
        self._workspace.engine.wake()
        self._week.refresh()
        self.refresh()

    def _reject(self, key: RowKey, day: date, message: str) -> bool:
        self.error = (key, day, message)
        self.changed()
        return False

    def _cell(self, key: RowKey, day: date) -> Cell | None:
        row = next((row for row in self.rows if row.key == key), None)
        return row.cells[day.weekday()] if row is not None and day in self._week.week else None

    def _build(self) -> list[GridRow]:
        view = self._week.view
        keys: list[RowKey] = []
        by_cell: dict[tuple[RowKey, date], list[EntryView]] = {}
        for day in view.days:
            for entry in day.entries:
                key = entry.draft.project, entry.draft.task or ""
                if key not in keys:
                    keys.append(key)
                by_cell.setdefault((key, day.date), []).append(entry)
        keys += [key for key in self._added.get(str(view.week), ()) if key not in keys]
        rows = []
        for key in keys:
            cells = tuple(
                _make_cell(day.date, by_cell.get((key, day.date), []), locked=day.lock is not None)
                for day in view.days
            )
            project = self._workspace.store.project(key[0])
            title = project.name if project is not None else key[0]
            customer = project.customer if project is not None else ""
            rows.append(GridRow(key, title, customer, cells))
        return sorted(rows, key=lambda row: (row.customer.casefold(), row.title.casefold()))


def _make_cell(day: date, entries: list[EntryView], *, locked: bool) -> Cell:
    syncs = {entry.sync for entry in entries}
    worst = next((each for each in (Sync.FAILED, Sync.WAITING) if each in syncs), Sync.SYNCED)
    return Cell(
        day=day,
        minutes=sum(entry.draft.minutes for entry in entries),
        entry_ids=tuple(entry.id for entry in entries),
        locked=locked,
        sync=worst,
    )
