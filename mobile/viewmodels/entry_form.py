"""The sheet in which an entry is made or mended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from mobile.core.clock import Clock
from mobile.core.durations import NotADuration, format_duration, parse_duration
from mobile.core.outbox import Change, ChangeKind
from mobile.core.rules import MAX_MINUTES_A_DAY, Draft, Lock, Scope, Violation
from mobile.core.session import Workspace
from mobile.core.timesheet import Invalid, Locked, draft_body, draft_of
from mobile.core.weeks import Week
from mobile.core.wire import Project
from mobile.viewmodels.base import ViewModel

CHIPS = (15, 30, 60, 120, 240, 480)
STEP = 15
RECENT = 5
SUGGESTIONS = 3


@dataclass(frozen=True, slots=True)
class EntryDefaults:
    """What the form opens with. `seq` is that of a change in failure that is to be mended."""

    date: date
    project: str | None = None
    minutes: int | None = None
    task: str | None = None
    note: str = ""
    billable: bool | None = None
    entry_id: str | None = None
    seq: int | None = None


class EntryForm(ViewModel):
    def __init__(
        self,
        workspace: Workspace,
        clock: Clock,
        start: EntryDefaults,
        on_saved: Callable[[date], None] = lambda _day: None,
    ) -> None:
        super().__init__()
        self._workspace = workspace
        self._clock = clock
        self._start = start
        self._on_saved = on_saved
        self.project = start.project
        self.duration = format_duration(start.minutes) if start.minutes else ""
        self.date = start.date
        self.note = start.note
        self.billable = start.billable
        self.errors: dict[str, Violation] = {}
        self._projects = workspace.store.projects()
        self._recent = workspace.store.recent_projects(RECENT)

    @classmethod
    def of_entry(
        cls,
        workspace: Workspace,
        clock: Clock,
        entry_id: str,
        on_saved: Callable[[date], None] = lambda _day: None,
    ) -> EntryForm | None:
        line = workspace.timesheet.entry(entry_id)
        if line is None:
            return None
        return cls(workspace, clock, _start(line.draft, entry_id, line.seq), on_saved)

    @classmethod
    def of_change(
        cls,
        workspace: Workspace,
        clock: Clock,
        change: Change,
        on_saved: Callable[[date], None] = lambda _day: None,
    ) -> EntryForm:
        """To mend what the server refused."""
        return cls(
            workspace, clock, _start(draft_of(change.body), change.target, change.seq), on_saved
        )

    @property
    def is_new(self) -> bool:
        return self._start.entry_id is None

    @property
    def entry_id(self) -> str | None:
        return self._start.entry_id

    @property
    def lock(self) -> Lock | None:
        """Why nothing can be changed here, if so."""
        if self._start.entry_id is None or self._start.seq is not None:
            return None
        line = self._workspace.timesheet.entry(self._start.entry_id)
        return line.lock if line is not None else None

    @property
    def read_only(self) -> bool:
        return self.lock is not None or not self._workspace.may(Scope.CREATE_TIMESHEETS)

    @property
    def can_delete(self) -> bool:
        return not self.is_new and not self.read_only and self._start.seq is None

    @property
    def minutes(self) -> int | None:
        try:
            return parse_duration(self.duration)
        except NotADuration:
            return None

    @property
    def recent(self) -> list[Project]:
        """The latest first; with nothing logged yet, simply the first ones."""
        known = {project.code: project for project in self._projects if project.active}
        found = [known[code] for code in self._recent if code in known]
        return found or list(known.values())[:RECENT]

    @property
    def chosen(self) -> Project | None:
        return next((each for each in self._projects if each.code == self.project), None)

    def find(self, typed: str) -> list[Project]:
        return find_projects(self._projects, typed)

    def suggestions(self) -> list[str]:
        """Earlier notes of the project that go on from what is typed."""
        if self.project is None:
            return []
        typed = self.note.strip().casefold()
        notes = self._workspace.store.notes_of(self.project, 50)
        fitting = [note for note in notes if typed in note.casefold() and note != self.note]
        return fitting[:SUGGESTIONS]

    def choose_project(self, code: str) -> None:
        self.project = code
        self._forget_error("project")

    def choose_minutes(self, minutes: int) -> None:
        self.duration = format_duration(minutes)
        self._forget_error("minutes")

    def add_minutes(self, minutes: int) -> None:
        """Plus or minus a quarter, onto the next full one, within a day."""
        present = self.minutes or 0
        rounded = (present // STEP + (minutes > 0)) * STEP if present % STEP else present + minutes
        self.choose_minutes(max(STEP, min(MAX_MINUTES_A_DAY, rounded)))

    def type_duration(self, text: str) -> None:
        self.duration = text
        self._forget_error("minutes")

    def choose_date(self, day: date) -> None:
        self.date = day
        self._forget_error("date")

    @property
    def near_days(self) -> tuple[date, date]:
        """Today and yesterday."""
        today = self._clock.today()
        return today, today - timedelta(days=1)

    def choose_yesterday(self) -> None:
        self.choose_date(self.near_days[1])

    def choose_today(self) -> None:
        self.choose_date(self._clock.today())

    def type_note(self, text: str) -> None:
        self.note = text
        self._forget_error("note")

    def save(self) -> bool:
        """Whether it was saved; if not, `errors` tell why, by field."""
        self.errors = self._missing()
        draft = None if self.errors else self._draft()
        if draft is not None:
            try:
                self._save(draft)
            except Invalid as error:
                self.errors = {each.field: each for each in reversed(error.violations)}
            except Locked as error:
                violation = Violation("date", f"lock_{error.lock.reason}", error.lock.unlock)
                self.errors = {"date": violation}
        self.changed()
        if self.errors:
            return False
        self._workspace.engine.wake()
        self._on_saved(self.date)
        return True

    def _save(self, draft: Draft) -> None:
        if self._start.seq is None:
            self._workspace.timesheet.save(draft, self._start.entry_id)
            return
        self._mend(draft, self._start.seq)

    def _mend(self, draft: Draft, seq: int) -> None:
        """In the place of what the server refused, resting on what it has now."""
        change = self._workspace.outbox.read(seq)
        if change is None or change.kind is not ChangeKind.PUT:
            return
        violations = self._workspace.timesheet.check(draft, change.target)
        if violations:
            raise Invalid(violations)
        current = change.failure.current if change.failure is not None else None
        weeks = {*change.weeks, str(Week.of(draft.date))}
        self._workspace.outbox.retry(
            seq,
            base=current["version"] if current is not None else None,
            body=draft_body(draft),
            weeks=weeks,
        )

    def _missing(self) -> dict[str, Violation]:
        errors = {}
        if self.project is None:
            errors["project"] = Violation("project", "required", "Choose a project.")
        if self.minutes is None:
            errors["minutes"] = Violation("minutes", "duration", "For example 1:30, 1.5 or 90m.")
        return errors

    def _draft(self) -> Draft | None:
        if self.project is None or self.minutes is None:
            return None
        return Draft(
            date=self.date,
            project=self.project,
            minutes=self.minutes,
            task=self._start.task,
            note=self.note,
            billable=self.billable,
        )

    def _forget_error(self, field: str) -> None:
        self.errors.pop(field, None)
        self.changed()


def _start(draft: Draft, entry_id: str, seq: int | None) -> EntryDefaults:
    return EntryDefaults(
        date=draft.date,
        project=draft.project,
        minutes=draft.minutes,
        task=draft.task,
        note=draft.note,
        billable=draft.billable,
        entry_id=entry_id,
        seq=seq,
    )


def find_projects(projects: list[Project], typed: str) -> list[Project]:
    """Active projects that hold every word typed, those that begin with it first."""
    terms = typed.casefold().split()
    active = [(project, _text(project)) for project in projects if project.active]
    found = [(project, text) for project, text in active if all(term in text for term in terms)]
    found.sort(key=lambda pair: not pair[1].startswith(" ".join(terms)))
    return [project for project, _ in found]


def _text(project: Project) -> str:
    return f"{project.name} {project.code} {project.customer}".casefold()
