"""Batches, the rows of their files, and what can be wrong with either."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

import msgspec

from libs.rules.violations import RuleBroken, Violation
from services.entries.model import (
    Draft,
    EntryContext,
    Locked,
    ProjectRules,
    State,
    check_change,
    check_draft,
    latest_day,
)
from services.entries.violations import (
    closed_day,
    inactive_project,
    missing_note,
    unknown_project,
)


class BatchState(StrEnum):
    """The states of a batch. Only an applied one has changed entries."""

    APPLIED = "applied"
    REFUSED = "refused"
    DRY_RUN = "dry_run"
    UNDONE = "undone"


@dataclass(frozen=True, slots=True)
class Client:
    """The uploading client."""

    id: str

    @property
    def source(self) -> str:
        """`source` of the client's entries, and the owner of its idempotency keys."""
        return f"batch:{self.id}"


@dataclass(frozen=True, slots=True)
class DateRange:
    """The days of a complete file; both are included."""

    since: date
    until: date


@dataclass(frozen=True, slots=True)
class Undone:
    """The effect of undoing a batch. `kept` are entries that were locked or changed since."""

    at: datetime
    by: str
    removed: int
    restored: int
    kept: int


@dataclass(frozen=True, slots=True)
class Batch:
    """The result of a file."""

    id: UUID
    client: Client
    skips_errors: bool
    dry_run: bool
    complete: DateRange | None
    rows: int
    created: int
    updated: int
    unchanged: int
    removed: int
    failed: int
    created_at: datetime
    undone: Undone | None = None

    @property
    def state(self) -> BatchState:
        """The state, from what is stored of the batch."""
        if self.undone is not None:
            return BatchState.UNDONE
        if self.dry_run:
            return BatchState.DRY_RUN
        return BatchState.REFUSED if self.failed and not self.skips_errors else BatchState.APPLIED

    @property
    def changed(self) -> int:
        """The number of entries that it created, updated or removed."""
        return self.created + self.updated + self.removed


@dataclass(frozen=True, slots=True)
class Counts:
    """Rows by what became of them; `removed` are entries."""

    created: int
    updated: int
    unchanged: int
    removed: int
    failed: int


class StagedRow(NamedTuple):
    """A valid row as it is copied to the database; `person` is the name that the file uses."""

    line: int
    external_id: str
    person: str
    date: date
    project: str
    minutes: int
    task: str | None
    note: str
    billable: bool | None


class StagedDeletion(NamedTuple):
    """A row with `deleted`."""

    line: int
    external_id: str
    person: str | None


class RowError(msgspec.Struct, frozen=True, gc=False):
    """An error in a row.

    `field` is empty if the row cannot be read at all, `external_id` if that cannot. `line` is 0
    for an entry that is missing from a complete file and must not be removed.
    """

    line: int
    field: str
    code: str
    message: str
    external_id: str = ""


class BatchRow(msgspec.Struct, frozen=True, gc=False):
    """A row that created, updated or removed an entry, and what became of the entry since.

    `exists` is false once the entry is deleted; then the fields of the entry are null. `state` and
    `reason` (of a rejection or reopening) are those of its week, `changed_by` is the person who
    changed or deleted the entry after the client sent it.
    """

    line: int
    external_id: str
    person: str
    id: UUID
    action: str
    exists: bool
    date: date | None
    project: str | None
    minutes: int | None
    version: int | None
    state: str
    reason: str | None
    changed_by: str | None


class NotUndoable(Exception):
    """The batch changed nothing, or undoing it would break a rule."""


class UnreadableFile(Exception):
    """The file as a whole cannot be read as rows."""

    def __init__(self, violations: Sequence[Violation]) -> None:
        super().__init__("; ".join(violation.message for violation in violations))
        self.violations = violations

    @classmethod
    def because(cls, code: str, message: str) -> UnreadableFile:
        """An error with one reason."""
        return cls([Violation("", code, message)])


class FileTooLarge(Exception):
    """The file, or one of its rows, exceeds a limit."""


@dataclass(frozen=True, slots=True)
class RuleMessages:
    """The model's codes and messages for what the statements find; `%s` is the project's code."""

    unknown_project: Violation
    inactive_project: Violation
    missing_note: Violation
    dates: Mapping[str, tuple[str, str]]
    """The code and the message by the reason, as the statement names it."""


def rule_messages(closed_through: date | None, now: datetime) -> RuleMessages:
    """The messages of the model, so that a batch refuses a row in the words of a request."""
    late = latest_day(now) + timedelta(days=1)
    dates = {
        "approved": _lock_message(late, State.APPROVED, None),
        "submitted": _lock_message(late, State.SUBMITTED, None),
        "too_far_ahead": _violation_message(late, now),
    }
    if closed_through is not None:
        closed = closed_day(closed_through)
        dates["locked"] = _lock_message(closed_through, State.OPEN, closed_through)
        dates["closed"] = (closed.code, closed.message)
    return RuleMessages(unknown_project("%s"), inactive_project("%s"), missing_note(), dates)


def _lock_message(day: date, state: State, closed_through: date | None) -> tuple[str, str]:
    try:
        check_change(day, state, closed_through)
    except Locked as error:
        return error.lock.reason, str(error)
    raise AssertionError("the model allows what the statement refuses")


def _violation_message(day: date, now: datetime) -> tuple[str, str]:
    context = EntryContext(State.OPEN, None, 0, ProjectRules(active=True))
    try:
        check_draft(Draft(day, "", 1), context, now)
    except RuleBroken as error:
        return error.violations[0].code, error.violations[0].message
    raise AssertionError("the model allows what the statement refuses")
