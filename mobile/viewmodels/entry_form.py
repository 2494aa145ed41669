"""The sheet in which an entry is made or edited."""

from __future__ import annotations

from dataclasses import replace

from mobile.core.changes import Change, ChangeKind
from mobile.core.clock import Clock
from mobile.core.database import StoreFull
from mobile.core.drafts import Drafts, SavedDraft
from mobile.core.rules import Draft, Lock, Scope, Violation
from mobile.core.session import Workspace
from mobile.core.timesheet import Invalid, Locked
from mobile.core.views import draft_body, draft_of
from mobile.core.weeks import Week
from mobile.viewmodels.entry_fields import CHIPS, RECENT, STEP, EntryDefaults, EntryFields, OnSaved

__all__ = ["CHIPS", "RECENT", "STEP", "EntryDefaults", "EntryForm"]


class EntryForm(EntryFields):
    """Opening a form for an entry, a draft or a rejected change, and saving it."""

    @classmethod
    def of_entry(
        cls,
        workspace: Workspace,
        clock: Clock,
        entry_id: str,
        on_saved: OnSaved = lambda _day: None,
    ) -> EntryForm | None:
        """Edit an entry, going on with what was typed before."""
        entry = workspace.timesheet.entry(entry_id)
        if entry is None:
            return None
        start = _start(entry.draft, entry_id, entry.seq)
        known = Drafts(workspace.store).of_entry(entry_id) if entry.lock is None else None
        return cls(workspace, clock, replace(start, draft=known), on_saved)

    @classmethod
    def of_draft(
        cls,
        workspace: Workspace,
        clock: Clock,
        draft: SavedDraft,
        on_saved: OnSaved = lambda _day: None,
    ) -> EntryForm:
        """Go on with a draft, of a new entry or of one that still exists."""
        if draft.entry_id is not None:
            form = cls.of_entry(workspace, clock, draft.entry_id, on_saved)
            if form is not None:
                return form
        return cls(workspace, clock, EntryDefaults(draft.date, draft=draft), on_saved)

    @classmethod
    def of_change(
        cls,
        workspace: Workspace,
        clock: Clock,
        change: Change,
        on_saved: OnSaved = lambda _day: None,
    ) -> EntryForm:
        """Edit what the server rejected."""
        start = _start(draft_of(change.body), change.target, change.seq)
        return cls(workspace, clock, start, on_saved)

    @property
    def is_new(self) -> bool:
        """Whether the entry does not exist yet."""
        return self._start.entry_id is None

    @property
    def entry_id(self) -> str | None:
        """The id of the entry that is edited; None for a new one."""
        return self._start.entry_id

    @property
    def lock(self) -> Lock | None:
        """Why nothing can be changed here, None if it can."""
        if self._start.entry_id is None or self._start.seq is not None:
            return None
        entry = self._workspace.timesheet.entry(self._start.entry_id)
        return entry.lock if entry is not None else None

    @property
    def read_only(self) -> bool:
        """Whether the day is locked or the person may not write."""
        return self.lock is not None or not self._workspace.may(Scope.CREATE_TIMESHEETS)

    @property
    def can_delete(self) -> bool:
        """Whether there is an entry that may be deleted."""
        return not self.is_new and not self.read_only and self._start.seq is None

    @property
    def is_draft(self) -> bool:
        """Whether there is something typed to keep."""
        return self._touched

    def discard(self) -> None:
        """Forget what was typed."""
        self._touched = False
        self._drafts.drop(self._draft_id)

    def save(self) -> bool:
        """Whether the entry was saved; if not, `errors` say why, by field."""
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
            except StoreFull:
                self.errors = {"minutes": Violation("minutes", "full", "This device is full.")}
        self.changed()
        if self.errors:
            return False
        self._touched = False
        self._workspace.engine.wake()
        self._on_saved(self.date)
        return True

    def following(self) -> EntryForm:
        """The form for the next entry of the same day, after "Save and new"."""
        return EntryForm(self._workspace, self._clock, EntryDefaults(self.date), self._on_saved)

    def _save(self, draft: Draft) -> None:
        """The entry is saved, its draft dropped and the timer stopped together, or nothing is."""
        with self._workspace.database.transaction():
            if self._start.seq is None:
                self._workspace.timesheet.save(draft, self._start.entry_id)
            else:
                self._replace_failed(draft, self._start.seq)
            self._drafts.drop(self._draft_id)
            self._on_commit()

    def _replace_failed(self, draft: Draft, seq: int) -> None:
        """Put the draft in the place of the rejected change, based on the server's version."""
        change = self._workspace.outbox.read(seq)
        if change is None or change.kind is not ChangeKind.PUT:
            return
        violations = self._workspace.timesheet.check(draft, change.target)
        if violations:
            raise Invalid(violations)
        current = change.failure.current if change.failure is not None else None
        self._workspace.outbox.retry(
            seq,
            base=current["version"] if current is not None else None,
            body=draft_body(draft),
            weeks={*change.weeks, str(Week.of(draft.date))},
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
            task=self.task or None,
            note=self.note,
            billable=self.billable,
        )


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
