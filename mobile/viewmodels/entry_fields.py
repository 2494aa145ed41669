"""The fields of an entry while it is typed; every edit is kept as a draft."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from mobile.core.clock import Clock
from mobile.core.database import StoreFull
from mobile.core.drafts import Drafts, Favourite, Favourites, SavedDraft
from mobile.core.durations import NotADuration, format_duration, parse_duration
from mobile.core.rules import MAX_MINUTES_A_DAY, Violation
from mobile.core.session import Workspace
from mobile.core.wire import Project
from mobile.viewmodels.base import ViewModel
from mobile.viewmodels.search import find_projects

CHIPS = (15, 30, 60, 120, 240, 480)
STEP = 15
RECENT = 5
SUGGESTIONS = 3

OnSaved = Callable[[date], None]


@dataclass(frozen=True, slots=True)
class EntryDefaults:
    """The initial values of the form. `seq` is the number of a failed change that is edited."""

    date: date
    project: str | None = None
    minutes: int | None = None
    task: str | None = None
    note: str = ""
    billable: bool | None = None
    entry_id: str | None = None
    seq: int | None = None
    draft: SavedDraft | None = None


class EntryFields(ViewModel):
    """`on_commit` runs in the transaction that saves the entry."""

    def __init__(
        self,
        workspace: Workspace,
        clock: Clock,
        start: EntryDefaults,
        on_saved: OnSaved = lambda _day: None,
        on_commit: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__()
        self._workspace = workspace
        self._clock = clock
        self._start = start
        self._on_saved = on_saved
        self._on_commit = on_commit
        self._drafts = Drafts(workspace.store)
        self._favourites = Favourites(workspace.store)
        self._draft_id = start.draft.id if start.draft is not None else str(uuid.uuid4())
        self._touched = start.draft is not None
        self._projects = workspace.store.projects()
        self._recent = workspace.store.recent_projects(RECENT)
        self.errors: dict[str, Violation] = {}
        self._fill(start)

    def _fill(self, start: EntryDefaults) -> None:
        draft = start.draft
        self.project = draft.project if draft else start.project
        typed = format_duration(start.minutes) if start.minutes else ""
        self.duration = draft.duration if draft else typed
        self.date = draft.date if draft else start.date
        self.task = draft.task if draft else start.task or ""
        self.note = draft.note if draft else start.note
        self.billable = draft.billable if draft else start.billable

    @property
    def minutes(self) -> int | None:
        """The typed duration in minutes; None if it is no duration."""
        try:
            return parse_duration(self.duration)
        except NotADuration:
            return None

    @property
    def reading(self) -> str:
        """The duration as understood, `1:30`; empty while it cannot be read."""
        return format_duration(self.minutes) if self.minutes is not None else ""

    @property
    def recent(self) -> list[Project]:
        """The most recent first; before anything was logged, the first ones."""
        known = {project.code: project for project in self._projects if project.active}
        found = [known[code] for code in self._recent if code in known]
        return found or list(known.values())[:RECENT]

    @property
    def chosen(self) -> Project | None:
        """The chosen project, or None."""
        return next((each for each in self._projects if each.code == self.project), None)

    @property
    def is_billable(self) -> bool:
        """Whether the entry is billable: as the person decided, or as the project is."""
        if self.billable is not None:
            return self.billable
        return self.chosen.billable if self.chosen is not None else True

    @property
    def follows_project(self) -> bool:
        """Whether billable is the project's default."""
        return self.billable is None

    @property
    def tasks(self) -> tuple[str, ...]:
        """The project's tasks; empty if it has none and the task is free text."""
        return self.chosen.tasks if self.chosen is not None else ()

    @property
    def favourites(self) -> list[Favourite]:
        """The favourites whose projects are active."""
        known = {project.code for project in self._projects if project.active}
        return [each for each in self._favourites.all() if each.project in known]

    @property
    def is_favourite(self) -> bool:
        """Whether project and task as chosen are a favourite."""
        return self._favourite() in self._favourites.all()

    def find(self, typed: str) -> list[Project]:
        """The projects that match the text, the best first."""
        return find_projects(self._projects, typed)

    def project_name(self, code: str) -> str:
        """The project's name; its code if it is unknown."""
        return next((each.name for each in self._projects if each.code == code), code)

    def suggestions(self) -> list[str]:
        """Earlier notes of the project that contain what is typed."""
        if self.project is None:
            return []
        typed = self.note.strip().casefold()
        notes = self._workspace.store.notes_of(self.project, 50)
        fitting = [note for note in notes if typed in note.casefold() and note != self.note]
        return fitting[:SUGGESTIONS]

    def choose_project(self, code: str) -> None:
        """Another project brings its own default for billable."""
        if code != self.project:
            self.billable = None
            if self.task and self.task in self.tasks:
                self.task = ""
        self.project = code
        self._edited("project")

    def set_billable(self, billable: bool) -> None:
        """Choose billable or not."""
        self.billable = billable
        self._edited("billable")

    def choose_favourite(self, favourite: Favourite) -> None:
        """Take project, task and note of a favourite."""
        self.choose_project(favourite.project)
        self.task, self.note = favourite.task, favourite.note
        self._edited("note")

    def toggle_favourite(self) -> None:
        """Pin project and task as chosen, or unpin them."""
        if self.project is not None:
            self._favourites.toggle(self._favourite())
            self.changed()

    def choose_minutes(self, minutes: int) -> None:
        """Take a duration from the suggestions."""
        self.duration = format_duration(minutes)
        self._edited("minutes")

    def add_minutes(self, minutes: int) -> None:
        """Add or subtract a quarter of an hour, onto a full one, within a day."""
        present = self.minutes or 0
        rounded = (present // STEP + (minutes > 0)) * STEP if present % STEP else present + minutes
        self.choose_minutes(max(STEP, min(MAX_MINUTES_A_DAY, rounded)))

    def type_duration(self, text: str) -> None:
        """Take in the duration as typed."""
        self.duration = text
        self._edited("minutes")

    def type_task(self, text: str) -> None:
        """Take in the task as typed."""
        self.task = text
        self._edited("task")

    def type_note(self, text: str) -> None:
        """Take in the note as typed."""
        self.note = text
        self._edited("note")

    def choose_date(self, day: date) -> None:
        """Choose the day."""
        self.date = day
        self._edited("date")

    @property
    def near_days(self) -> tuple[date, date]:
        """Today and yesterday."""
        today = self._clock.today()
        return today, today - timedelta(days=1)

    def choose_yesterday(self) -> None:
        """Choose the day before."""
        self.choose_date(self.near_days[1])

    def choose_today(self) -> None:
        """Choose today."""
        self.choose_date(self._clock.today())

    def _favourite(self) -> Favourite:
        return Favourite(self.project or "", self.task, self.note)

    def _edited(self, field: str) -> None:
        """Keep what was typed: the sheet may be closed or the app killed at any moment."""
        self.errors.pop(field, None)
        self._touched = True
        try:
            self._drafts.put(
                SavedDraft(
                    id=self._draft_id,
                    date=self.date,
                    project=self.project,
                    duration=self.duration,
                    task=self.task,
                    note=self.note,
                    billable=self.billable,
                    entry_id=self._start.entry_id,
                )
            )
        except StoreFull:
            self.errors["minutes"] = Violation("minutes", "full", "This device is full.")
        self.changed()
