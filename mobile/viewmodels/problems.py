"""Changes that the server rejected, one card each. Only the person removes them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import partial

from mobile.core.changes import ABSENCE_KINDS, ENTRY_KINDS, WEEK_KINDS, Change, ChangeKind
from mobile.core.clock import Clock
from mobile.core.rules import Draft
from mobile.core.session import Workspace
from mobile.core.views import draft_of
from mobile.core.wire import Json
from mobile.viewmodels.base import SnackbarMessage, WorkspaceModel
from mobile.viewmodels.entry_form import EntryForm


class Resolution(StrEnum):
    """The possible actions on a problem."""

    KEEP_MINE = "keep_mine"
    TAKE_THEIRS = "take_theirs"
    EDIT = "edit"
    RETRY = "retry"
    DROP = "drop"


@dataclass(frozen=True, slots=True)
class Problem:
    """`mine` and `theirs` are the two versions of an entry; None: there is none.

    `detail` is the server's, `why` a key for what the app can say better itself.
    """

    seq: int
    kind: ChangeKind
    why: str
    detail: str
    week: str | None
    mine: Draft | None
    theirs: Draft | None
    resolutions: tuple[Resolution, ...]


class ProblemsModel(WorkspaceModel):
    """The changes that the server refused, each with ways to solve it."""

    def __init__(
        self,
        workspace: Workspace,
        clock: Clock,
        notify: Callable[[SnackbarMessage], None] = lambda _message: None,
    ) -> None:
        super().__init__(workspace, clock, notify)
        self._shown = self.problems

    @property
    def problems(self) -> list[Problem]:
        """The problems, oldest first."""
        failed = [each for each in self._workspace.outbox.all() if each.failure is not None]
        return [_problem(change) for change in failed]

    def refresh(self) -> None:
        """Show what is stored now."""
        problems = self.problems
        if problems != self._shown:
            self._shown = problems
            self.changed()

    @property
    def waiting_behind(self) -> int:
        """Changes that cannot be sent before a problem is settled."""
        waiting, _ = self._workspace.outbox.counts()
        free = self._workspace.outbox.next(self._clock.now().timestamp())
        return waiting if waiting and free is None else 0

    def keep_mine(self, seq: int) -> None:
        """Replace the server's version, which the person has seen."""
        change = self._workspace.outbox.read(seq)
        if change is not None and change.failure is not None:
            self._again(change, _version(change.failure.current))

    def retry(self, seq: int) -> None:
        """Send the change again, on top of the server's version."""
        change = self._workspace.outbox.read(seq)
        if change is None:
            return
        base = change.base
        if change.kind in ABSENCE_KINDS:
            base = self._workspace.store.calendar.absence_version(change.target)
        self._again(change, base)

    def take_theirs(self, seq: int) -> None:
        """Drop the change and keep the server's version."""
        self.drop(seq)
        self._workspace.engine.wake(pull=True)

    def drop(self, seq: int) -> None:
        """Discard the change and the later ones on the same target; this can be undone."""
        change = self._workspace.outbox.read(seq)
        if change is not None:
            removed = self._workspace.outbox.drop(change)
            self._workspace.engine.wake()
            undo = partial(self._restore, removed)
            self._notify(SnackbarMessage("problems.dropped", undo=undo))
        self.changed()

    def _restore(self, removed: list[Change]) -> None:
        self._workspace.outbox.restore(removed)
        self.changed()

    def edit(self, seq: int, on_saved: Callable[[date], None]) -> EntryForm | None:
        """A form of the refused change; None for changes without a form."""
        change = self._workspace.outbox.read(seq)
        if change is None or change.kind is not ChangeKind.PUT:
            return None

        def saved(day: date) -> None:
            self.changed()
            on_saved(day)

        return EntryForm.of_change(self._workspace, self._clock, change, saved)

    def _again(self, change: Change, base: int | None) -> None:
        self._workspace.outbox.retry(change.seq, base=base)
        self._workspace.engine.wake(pull=True)
        self.changed()


def _problem(change: Change) -> Problem:
    failure = change.failure
    if failure is None:
        raise ValueError("this change has not failed")
    entry = change.kind in ENTRY_KINDS
    mine = draft_of(change.body) if change.kind is ChangeKind.PUT else None
    theirs = draft_of(failure.current) if entry and failure.current is not None else None
    return Problem(
        seq=change.seq,
        kind=change.kind,
        why=_why(change),
        detail="; ".join(message for _, message in failure.errors) or failure.detail,
        week=change.weeks[-1] if change.weeks else None,
        mine=mine,
        theirs=theirs,
        resolutions=_resolutions(change),
    )


def _why(change: Change) -> str:
    failure = change.failure
    if failure is None:
        return ""
    if failure.lock_reason is not None:
        return f"lock.{failure.lock_reason}"
    if failure.status == 412:
        return "problem.changed" if failure.current is not None else "problem.deleted"
    known = {403: "problem.not_allowed", 404: "problem.deleted", 409: "problem.state"}
    return known.get(failure.status, "problem.refused")


def _resolutions(change: Change) -> tuple[Resolution, ...]:
    failure = change.failure
    if failure is None:
        return ()
    if change.kind in WEEK_KINDS or change.kind not in ENTRY_KINDS:
        return (Resolution.RETRY, Resolution.DROP)
    if failure.status == 412:
        edit = (Resolution.EDIT,) if change.kind is ChangeKind.PUT else ()
        return (Resolution.KEEP_MINE, Resolution.TAKE_THEIRS, *edit)
    if change.kind is ChangeKind.PUT and failure.lock_reason is None:
        return (Resolution.EDIT, Resolution.RETRY, Resolution.DROP)
    return (Resolution.RETRY, Resolution.DROP)


def _version(current: Json | None) -> int | None:
    version = current.get("version") if current is not None else None
    return version if isinstance(version, int) else None
