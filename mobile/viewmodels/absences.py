"""The person's absences: the list, and the form for one."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial

from mobile.core.changes import ABSENCE_KINDS, ChangeKind
from mobile.core.clock import Clock
from mobile.core.database import StoreFull
from mobile.core.rules import MAX_NOTE_LENGTH, AbsenceKind, Scope, State
from mobile.core.session import Workspace
from mobile.core.timesheet import UNDO_SECONDS
from mobile.core.views import Sync
from mobile.core.weeks import Week
from mobile.core.wire import Absence, Json, read
from mobile.viewmodels.base import SnackbarMessage, ViewModel, WorkspaceModel

KINDS = tuple(kind for kind in AbsenceKind if kind is not AbsenceKind.UNKNOWN)
MAX_DAYS = 366


@dataclass(frozen=True, slots=True)
class AbsenceRow:
    """An absence in the list, and whether the server has it."""

    absence: Absence
    sync: Sync = Sync.SYNCED


class AbsencesModel(WorkspaceModel):
    """The list of the person's absences."""

    def __init__(
        self, workspace: Workspace, clock: Clock, notify: Callable[[SnackbarMessage], None]
    ) -> None:
        super().__init__(workspace, clock, notify)
        self.rows = self._build()

    @property
    def can_write(self) -> bool:
        """Whether the person may change absences at all."""
        return self._workspace.may(Scope.CREATE_TIMESHEETS)

    def refresh(self) -> None:
        """Show what is stored now."""
        rows = self._build()
        if rows != self.rows:
            self.rows = rows
            self.changed()

    def form(self, absence_id: str | None = None) -> AbsenceForm:
        """The form for a new absence that begins today, or for an existing one."""
        known = next((row.absence for row in self.rows if row.absence.id == absence_id), None)
        today = self._clock.today()
        absence = known or Absence(str(uuid.uuid4()), today, today, AbsenceKind.VACATION)
        return AbsenceForm(self, absence, is_new=known is None)

    def locked_weeks(self, since: date, until: date) -> list[Week]:
        """The weeks in the range that are submitted or approved."""
        weeks = [Week.of(since).plus(n) for n in range(_weeks_between(since, until))]
        views = [self._workspace.timesheet.week(week) for week in weeks]
        return [view.week for view in views if view.state is not State.OPEN]

    def touched_weeks(self, since: date, until: date) -> list[str]:
        """The weeks that the range touches."""
        return [str(Week.of(since).plus(n)) for n in range(_weeks_between(since, until))]

    def save(self, absence: Absence) -> bool:
        """Keep the absence to be sent; False if it could not be stored."""
        body: Json = {
            "from": absence.since.isoformat(),
            "to": absence.until.isoformat(),
            "kind": absence.kind.value,
            "portion": absence.portion,
            "note": absence.note.strip()[:MAX_NOTE_LENGTH],
        }
        weeks = self.touched_weeks(absence.since, absence.until)
        return self._add(ChangeKind.PUT_ABSENCE, absence.id, body, weeks) is not None

    def delete(self, absence: Absence) -> None:
        """Delete the absence, and offer to undo that."""
        weeks = self.touched_weeks(absence.since, absence.until)
        hold_until = self._clock.now().timestamp() + UNDO_SECONDS
        seq = self._add(ChangeKind.DELETE_ABSENCE, absence.id, {}, weeks, hold_until)
        if seq is not None:
            undo = partial(self._undo, seq)
            self._notify(SnackbarMessage("absence.deleted", undo=undo, seconds=UNDO_SECONDS))

    def _add(
        self, kind: ChangeKind, target: str, body: Json, weeks: list[str], hold_until: float = 0.0
    ) -> int | None:
        try:
            seq = self._workspace.outbox.add(
                kind,
                target,
                body,
                self._clock.now(),
                weeks=weeks,
                base=self._workspace.store.calendar.absence_version(target),
                hold_until=hold_until,
            )
        except StoreFull:
            self._notify(SnackbarMessage("sync.full"))
            return None
        self._workspace.engine.wake()
        self.refresh()
        return seq

    def _undo(self, seq: int) -> None:
        if not self._workspace.outbox.cancel(seq):
            self._notify(SnackbarMessage("week.too_late"))
        self._workspace.engine.wake()
        self.refresh()

    def _build(self) -> list[AbsenceRow]:
        """The server's absences with pending changes laid over them, latest first."""
        rows = {each.id: AbsenceRow(each) for each in self._workspace.store.calendar.absences()}
        for change in self._workspace.outbox.of_kinds(ABSENCE_KINDS):
            sync = Sync.WAITING if change.failure is None else Sync.FAILED
            if change.kind is ChangeKind.PUT_ABSENCE:
                absence = read(Absence, {**change.body, "id": change.target})
                rows[change.target] = AbsenceRow(absence, sync)
            elif change.failure is None:
                rows.pop(change.target, None)
        return sorted(rows.values(), key=lambda row: row.absence.since, reverse=True)


class AbsenceForm(ViewModel):
    """`error` is the key of a sentence."""

    def __init__(self, model: AbsencesModel, absence: Absence, *, is_new: bool) -> None:
        super().__init__()
        self._model = model
        self._absence = absence
        self.is_new = is_new
        self.since, self.until = absence.since, absence.until
        self.kind = absence.kind
        self.half_days = absence.portion < 1
        self.note = absence.note
        self.error = ""

    @property
    def locked_weeks(self) -> list[Week]:
        """The weeks of the range that cannot change."""
        return self._model.locked_weeks(self.since, self.until)

    @property
    def days(self) -> int:
        """The number of days from the first to the last."""
        return (self.until - self.since).days + 1

    def set_since(self, day: date) -> None:
        """The range keeps its length if it would end before it begins."""
        length = self.until - self.since
        self.since = day
        if self.until < day:
            self.until = day + max(length, timedelta(0))
        self._edited()

    def set_until(self, day: date) -> None:
        """Choose the last day."""
        self.until = day
        self._edited()

    def choose_kind(self, kind: AbsenceKind) -> None:
        """Choose the kind."""
        self.kind = kind
        self._edited()

    def set_half_days(self, half_days: bool) -> None:
        """Choose half days or whole ones."""
        self.half_days = half_days
        self._edited()

    def type_note(self, text: str) -> None:
        """Take in the note as typed."""
        self.note = text

    def save(self) -> bool:
        """Keep the absence if it is right; otherwise show the error and return False."""
        self.error = self._check()
        if not self.error:
            portion = 0.5 if self.half_days else 1.0
            absence = Absence(
                self._absence.id, self.since, self.until, self.kind, portion, self.note
            )
            if self._model.save(absence):
                return True
            self.error = "sync.full"
        self.changed()
        return False

    def delete(self) -> None:
        """Delete the absence that is being edited."""
        self._model.delete(self._absence)

    def _check(self) -> str:
        if self.since > self.until:
            return "absence.order"
        if self.days > MAX_DAYS:
            return "absence.too_long"
        return "absence.locked" if self.locked_weeks else ""

    def _edited(self) -> None:
        self.error = ""
        self.changed()


def _weeks_between(since: date, until: date) -> int:
    if until < since:
        return 0
    return (Week.of(until).monday - Week.of(since).monday).days // 7 + 1
