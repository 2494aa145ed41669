"""The person's own months: their weeks with state, hours and target."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from mobile.core.clock import Clock
from mobile.core.session import Workspace
from mobile.core.views import WeekSummary
from mobile.core.weeks import Week
from mobile.viewmodels.base import ViewModel
from mobile.viewmodels.rows import Row

WEEKS = 26
MAX_FOUND = 100


@dataclass(frozen=True, slots=True)
class MonthView:
    """A month with the weeks whose Thursday lies in it, newest first."""

    first: date
    weeks: tuple[WeekSummary, ...]

    @property
    def total_minutes(self) -> int:
        """The minutes of the month's weeks."""
        return sum(week.total_minutes for week in self.weeks)

    @property
    def target_minutes(self) -> int | None:
        """The targets of the month's weeks, in minutes; None without any."""
        targets = [week.target_minutes for week in self.weeks if week.target_minutes is not None]
        return sum(targets) if targets else None


class MonthsModel(ViewModel):
    """The list of the person's months, and search over their entries."""

    def __init__(self, workspace: Workspace, clock: Clock) -> None:
        super().__init__()
        self._workspace = workspace
        self._clock = clock
        self.query = ""
        self.months = self._build()

    def refresh(self) -> None:
        """Show what is stored now."""
        months = self._build()
        if months != self.months:
            self.months = months
            self.changed()

    def search(self, query: str) -> None:
        """Search the person's entries for the text."""
        self.query = query
        self.changed()

    @property
    def found(self) -> list[Row]:
        """The person's entries that match the search, newest first."""
        entries = self._workspace.store.search_entries(self.query, MAX_FOUND)
        rows = []
        for entry in entries:
            view = self._workspace.timesheet.entry(entry.id)
            project = self._workspace.store.project(entry.project)
            if view is not None:
                title = project.name if project is not None else entry.project
                rows.append(Row(view, title, project.customer if project is not None else ""))
        return rows

    def _build(self) -> list[MonthView]:
        this_week = Week.of(self._clock.today())
        summaries = self._workspace.timesheet.summaries(this_week.plus(-WEEKS), this_week)
        by_month: dict[date, list[WeekSummary]] = {}
        for summary in summaries:
            by_month.setdefault(summary.week.days[3].replace(day=1), []).append(summary)
        return [MonthView(first, tuple(weeks)) for first, weeks in by_month.items()]
