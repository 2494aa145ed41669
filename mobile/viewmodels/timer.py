"""The timer: its start is stored, so it runs on across restarts of the app."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta

from mobile.core.clock import Clock
from mobile.core.rules import MAX_MINUTES_A_DAY, Scope
from mobile.core.session import Workspace
from mobile.core.timer import TIMER
from mobile.core.wire import Project
from mobile.viewmodels.base import ViewModel
from mobile.viewmodels.entry_form import RECENT, EntryDefaults, EntryForm
from mobile.viewmodels.search import find_projects

ROUNDING = 5
# A timer that runs for longer was probably forgotten.
LONG_SECONDS = 10 * 3600


def rounded_minutes(seconds: float) -> int:
    """To the nearest five minutes, at least five and at most a day."""
    steps = int(seconds + ROUNDING * 30) // (ROUNDING * 60)
    return max(1, min(steps, MAX_MINUTES_A_DAY // ROUNDING)) * ROUNDING


class TimerModel(ViewModel):
    """While the app runs, the time is measured by the monotonic clock: setting the device's clock
    changes nothing. Across a restart only the stored start is left."""

    def __init__(self, workspace: Workspace, clock: Clock) -> None:
        super().__init__()
        self._workspace = workspace
        self._clock = clock
        kept = workspace.store.get(TIMER) or {}
        self.project: str | None = kept.get("project")
        self.note: str = kept.get("note", "")
        self.task: str = kept.get("task", "")
        self._started: datetime | None = None
        self._day: date = clock.today()
        self._seconds_before = 0.0
        self._measured_from = clock.monotonic()
        if "started" in kept:
            self._started = datetime.fromisoformat(kept["started"])
            self._day = date.fromisoformat(kept["day"])
            self._seconds_before = max(0.0, (clock.now() - self._started).total_seconds())

    @property
    def running(self) -> bool:
        """Whether the timer runs."""
        return self._started is not None

    @property
    def can_start(self) -> bool:
        """Whether the timer can be started."""
        return not self.running and self._workspace.may(Scope.CREATE_TIMESHEETS)

    @property
    def seconds(self) -> int:
        """Since the start, 0 while the timer does not run."""
        if self._started is None:
            return 0
        return int(self._seconds_before + self._clock.monotonic() - self._measured_from)

    @property
    def started_at(self) -> datetime | None:
        """The start that corresponds to the time shown."""
        if self._started is None:
            return None
        return self._clock.now() - timedelta(seconds=self.seconds)

    @property
    def is_long(self) -> bool:
        """Whether the timer has run for more hours than people work."""
        return self.seconds > LONG_SECONDS

    @property
    def chosen(self) -> Project | None:
        """The chosen project, or None."""
        return self._workspace.store.project(self.project) if self.project else None

    @property
    def recent(self) -> list[Project]:
        """Active projects to choose from: those of the latest entries, or any."""
        codes = self._workspace.store.recent_projects(RECENT)
        known = [self._workspace.store.project(code) for code in codes]
        found = [each for each in known if each is not None and each.active]
        return found or [each for each in self._workspace.store.projects() if each.active][:RECENT]

    def find(self, typed: str) -> list[Project]:
        """The projects that match the text, the best first."""
        return find_projects(self._workspace.store.projects(), typed)

    def choose_project(self, code: str) -> None:
        """Choose the project."""
        self.project = code
        self._keep()

    def type_note(self, text: str) -> None:
        """Take in the note as typed."""
        self.note = text
        self._keep()

    def start(self) -> None:
        """Start the timer now."""
        if self.can_start:
            self._begin(self._clock.now())

    def restart(self, project: str, task: str, note: str) -> bool:
        """EntryDefaults for an earlier entry. False if the timer already runs."""
        if not self.can_start:
            return False
        self.project, self.task, self.note = project, task, note
        self._begin(self._clock.now())
        return True

    def set_start(self, moment: datetime) -> bool:
        """Correct the start. False for a moment in the future or more than a day ago."""
        age = self._clock.now() - moment
        if self._started is None or not timedelta(0) <= age <= timedelta(days=1):
            return False
        self._begin(moment)
        return True

    def move_start(self, minutes: int) -> bool:
        """Shift the start by minutes; negative means earlier."""
        started = self.started_at
        return started is not None and self.set_start(started + timedelta(minutes=minutes))

    def stop(self, on_saved: Callable[[date], None] = lambda _day: None) -> EntryForm:
        """The entry as it would be. The timer stops in the transaction that saves it."""
        start = EntryDefaults(
            date=self._day,
            project=self.project,
            minutes=rounded_minutes(self.seconds),
            task=self.task or None,
            note=self.note,
        )

        def saved(day: date) -> None:
            self._clear()
            self.changed()
            on_saved(day)

        return EntryForm(self._workspace, self._clock, start, saved, on_commit=self._store_stopped)

    def discard(self) -> None:
        """Delete the timer without an entry."""
        self._clear()
        self._keep()

    def _clear(self) -> None:
        self._started, self.note, self.task = None, "", ""

    def _store_stopped(self) -> None:
        self._workspace.store.set(TIMER, {"project": self.project})

    def _begin(self, moment: datetime) -> None:
        self._started = moment
        self._seconds_before = max(0.0, (self._clock.now() - moment).total_seconds())
        self._measured_from = self._clock.monotonic()
        now = self._clock.now()
        self._day = self._clock.today() if moment == now else moment.astimezone().date()
        self._keep()

    def _keep(self) -> None:
        kept = {"project": self.project, "note": self.note, "task": self.task}
        if self._started is not None:
            kept |= {"started": self._started.isoformat(), "day": self._day.isoformat()}
        self._workspace.store.set(TIMER, kept)
        self.changed()
