"""Changes: which service receives each, and which others it waits for."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from mobile.core.wire import Json

# The member of a change of the profile that keeps the values before the first attempt.
BEFORE = "before"
# No change is held back for longer, whatever happens to the device's clock.
MAX_HOLD_SECONDS = 10.0


class ServiceName(StrEnum):
    """The services that changes are sent to."""

    ENTRIES = "entries"
    APPROVALS = "approvals"
    PROFILE = "profile"


class ChangeKind(StrEnum):
    """The kinds of changes that wait to be sent."""

    PUT = "put"
    DELETE = "delete"
    SUBMIT = "submit"
    WITHDRAW = "withdraw"
    REOPEN = "reopen"
    PUT_ABSENCE = "put_absence"
    DELETE_ABSENCE = "delete_absence"
    DECIDE = "decide"
    PROFILE = "profile"
    DELEGATE = "delegate"

    @property
    def service(self) -> ServiceName:
        """The service that receives the change."""
        if self is ChangeKind.DECIDE:
            return ServiceName.APPROVALS
        if self in (ChangeKind.PROFILE, ChangeKind.DELEGATE):
            return ServiceName.PROFILE
        return ServiceName.ENTRIES


ENTRY_KINDS = frozenset({ChangeKind.PUT, ChangeKind.DELETE})
ABSENCE_KINDS = frozenset({ChangeKind.PUT_ABSENCE, ChangeKind.DELETE_ABSENCE})
WEEK_KINDS = frozenset({ChangeKind.SUBMIT, ChangeKind.WITHDRAW})


@dataclass(frozen=True, slots=True)
class Failure:
    """Why the server rejected a change. `current` is the server's version, None without one."""

    status: int
    detail: str
    lock_reason: str | None = None
    errors: tuple[tuple[str, str], ...] = ()
    current: Json | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One change in the outbox.

    `base` is the version the change is based on, None for something new. `weeks` are the weeks it
    touches. Until `hold_until` (Unix time) it can be undone and is not sent. `tried` says that it
    may have arrived, `attempts` counts the responses 500.
    """

    seq: int
    kind: ChangeKind
    target: str
    weeks: tuple[str, ...]
    body: Json = field(repr=False)
    base: int | None
    tried: bool
    hold_until: float
    created_at: datetime
    failure: Failure | None
    attempts: int = 0

    @property
    def payload(self) -> Json:
        """The body without what was noted before the first attempt."""
        return {name: value for name, value in self.body.items() if name != BEFORE}


def is_held(hold_until: float, now: float) -> bool:
    """Whether a change can still be undone.

    A moment further away than any hold lasts means that the clock was set: the hold is over.
    """
    return now < hold_until <= now + MAX_HOLD_SECONDS


def dependencies(kind: ChangeKind, target: str, weeks: list[str]) -> tuple[set[str], set[str]]:
    """(what waits behind this change, what this change waits behind)."""
    entries_of = {f"entries {week}" for week in weeks}
    timesheets = {f"timesheet {week}" for week in weeks}
    if kind in ENTRY_KINDS or kind in ABSENCE_KINDS:
        own = {f"entry {target}"}
        return own | entries_of, own | timesheets
    if kind in WEEK_KINDS:
        return timesheets, entries_of | timesheets
    other = {f"{kind} {target}"}
    return other, other
