"""The timer: its start is stored, so it runs on whatever happens to the app."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime

from mobile.core.clock import Clock
from mobile.core.rules import MAX_MINUTES_A_DAY, Scope
from mobile.core.session import Workspace
from mobile.core.wire import Project
from mobile.viewmodels.base import ViewModel
from mobile.viewmodels.entry_form import RECENT, EntryDefaults, EntryForm, find_projects

TIMER = "timer"
ROUNDING = 5


def rounded_minutes(seconds: float) -> int:
    """To the nearest five minutes, at least five and at most a day."""
    steps = int(seconds + ROUNDING * 30) // (ROUNDING * 60)
    return max(1, min(steps, MAX_MINUTES_A_DAY // ROUNDING)) * ROUNDING


class TimerModel(ViewModel):
    def __init__(self, workspace: Workspace, clock: Clock) -> None:
        super().__init__()
        self._workspace = workspace
        self._clock = clock
        kept = workspace.store.get(TIMER) or {}
        self.project: str | None = kept.get("project")
        self.note: str = kept.get("note", "")
        self._started: datetime | None = None
        self._day: date = clock.today()
        if "started" in kept:
            self._started = datetime.fromisoformat(kept["started"])
            self._day = date.fromisoformat(kept["day"])

    @property
    def running(self) -> bool:
        return self._started is not None

    @property
    def can_start(self) -> bool:
        return not self.running and self._workspace.may(Scope.CREATE_TIMESHEETS)

    @property
    def seconds(self) -> int:
        """Since the start; nought while it does not run or the clock was set back."""
        if self._started is None:
            return 0
        return max(0, int((self._clock.now() - self._started).total_seconds()))

    @property
    def chosen(self) -> Project | None:
        return self._workspace.store.project(self.project) if self.project else None

    @property
    def recent(self) -> list[Project]:
        codes = self._workspace.store.recent_projects(RECENT)
        known = [self._workspace.store.project(code) for code in codes]
        found = [each for each in known if each is not None and each.active]
        return found or [each for each in self._workspace.store.projects() if each.active][:RECENT]

    def find(self, typed: str) -> list[Project]:
        return find_projects(self._workspace.store.projects(), typed)

    def choose_project(self, code: str) -> None:
        self.project = code
        self._keep()

    def type_note(self, text: str) -> None:
        self.note = text
        self._keep()

    def start(self) -> None:
        if self.can_start:
            self._started, self._day = self._clock.now(), self._clock.today()
            self._keep()

    def stop(self, on_saved: Callable[[date], None] = lambda _day: None) -> EntryForm:
        """The entry as it would be; the timer is cleared once that is saved or discarded."""

        def saved(day: date) -> None:
            self.discard()
            on_saved(day)

        start = EntryDefaults(
            date=self._day,
            project=self.project,
            minutes=rounded_minutes(self.seconds),
            note=self.note,
        )
        return EntryForm(self._workspace, self._clock, start, saved)

    def discard(self) -> None:
        self._started, self.note = None, ""
        self._keep()

    def _keep(self) -> None:
        kept = {"project": self.project, "note": self.note}
        if self._started is not None:
            kept |= {"started": self._started.isoformat(), "day": self._day.isoformat()}
        self._workspace.store.set(TIMER, kept)
        self.changed()
