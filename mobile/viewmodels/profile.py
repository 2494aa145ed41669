"""The person: name, target, delegate, the app's appearance, and what is stored here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from functools import partial

from mobile.core.changes import ChangeKind
from mobile.core.clock import Clock
from mobile.core.durations import NotADuration, parse_duration
from mobile.core.identity import Identity
from mobile.core.network import RequestRejected, SignedOut, StepUpRequired, Unreachable
from mobile.core.rules import Scope
from mobile.core.sending import PROFILE
from mobile.core.session import Workspace
from mobile.core.sync import SYNCED_AT
from mobile.core.timesheet import UNDO_SECONDS
from mobile.core.wire import Delegate, Json, Person, Profile, UnexpectedResponse, read
from mobile.viewmodels.base import SnackbarMessage, Tasks, WorkspaceModel

DELEGATE_NAME = "delegate_name"
MAX_TARGET_MINUTES = 7 * 24 * 60
# Long enough for the next key.
SEARCH_DELAY = 0.25


class Appearance(StrEnum):
    """The choices of light and dark."""

    SYSTEM = "system"
    LIGHT = "light"
    DARK = "dark"


@dataclass(frozen=True, slots=True)
class StorageStatus:
    """The data on this device."""

    entries: int
    waiting: int
    problems: int
    synced_at: datetime | None


class ProfileModel(WorkspaceModel):
    """The screen of the profile: target, delegate, settings, stored data."""

    def __init__(
        self,
        workspace: Workspace,
        clock: Clock,
        tasks: Tasks,
        notify: Callable[[SnackbarMessage], None],
    ) -> None:
        super().__init__(workspace, clock, notify)
        self._tasks = tasks
        self.found: list[Person] = []
        self.target_error = False
        self._searches = 0
        self._shown = self._snapshot()

    @property
    def identity(self) -> Identity:
        """The person as the ID token named them."""
        return self._workspace.identity

    @property
    def name(self) -> str:
        """The person's name, or their `sub`."""
        return self._profile.name or self.identity.name or self.identity.sub

    @property
    def email(self) -> str:
        """The person's e-mail; empty if it is unknown."""
        return self._profile.email or self.identity.email or ""

    @property
    def target_minutes(self) -> int | None:
        """The weekly target with pending changes, None without one."""
        pending = self._pending_body(ChangeKind.PROFILE)
        if pending and "target_minutes" in pending:
            return int(pending["target_minutes"])
        if self._profile.target_minutes is not None:
            return self._profile.target_minutes
        return self._workspace.timesheet.rules.target_minutes

    @property
    def can_delegate(self) -> bool:
        """Whether the person may appoint a delegate."""
        return self._workspace.may(Scope.APPROVE_TIMESHEETS)

    @property
    def delegate(self) -> Delegate | None:
        """The delegate, with a change that waits to be sent."""
        pending = self._pending_body(ChangeKind.DELEGATE)
        if pending:
            names = self._workspace.store.get(DELEGATE_NAME) or {}
            return read(Delegate, {**pending, "name": names.get(pending["person"])})
        if pending is not None:
            return None
        return self._profile.delegate

    @property
    def stored(self) -> StorageStatus:
        """The numbers of stored, waiting and refused items."""
        waiting, problems = self._workspace.outbox.counts()
        text = self._workspace.store.get(SYNCED_AT)
        entries = self._workspace.store.count_entries()
        return StorageStatus(
            entries, waiting, problems, datetime.fromisoformat(text) if text else None
        )

    def refresh(self) -> None:
        """Show what is stored now."""
        shown = self._snapshot()
        if shown != self._shown:
            self._shown = shown
            self.changed()

    def _snapshot(self) -> tuple[object, ...]:
        target, delegate = self.target_minutes, self.delegate
        return (self.name, self.email, target, delegate, self.stored, self.can_delegate)

    def set_target(self, typed: str) -> bool:
        """Keep the weekly target if it can be read; otherwise show the error and return False."""
        minutes = _weekly_minutes(typed)
        self.target_error = minutes is None
        if minutes is not None:
            self._write(ChangeKind.PROFILE, {"target_minutes": minutes})
        self.changed()
        return not self.target_error

    def set_delegate(self, person: str, name: str | None, since: date, until: date) -> bool:
        """Appoint a delegate; False for the person themselves or days in the wrong order."""
        if since > until or person == self._workspace.person:
            return False
        body: Json = {"person": person, "from": since.isoformat(), "to": until.isoformat()}
        # The server needs only the id; the name is shown until the server returns it.
        self._workspace.store.set(DELEGATE_NAME, {person: name})
        self._change_delegate(body, "profile.delegate_set")
        return True

    def clear_delegate(self) -> None:
        """Remove the delegate."""
        self._change_delegate({}, "profile.delegate_removed")

    def _change_delegate(self, body: Json, key: str) -> None:
        """The change can be undone until it is sent."""
        hold_until = self._clock.now().timestamp() + UNDO_SECONDS
        seq = self._write(ChangeKind.DELEGATE, body, hold_until)
        undo = partial(self._undo, seq)
        self._notify(SnackbarMessage(key, undo=undo, seconds=UNDO_SECONDS))
        self.changed()

    def _undo(self, seq: int) -> None:
        if not self._workspace.outbox.cancel(seq):
            self._notify(SnackbarMessage("week.too_late"))
        self.changed()

    def search_people(self, query: str) -> None:
        """Search soon: while the person types, only the last query is sent."""
        if self._workspace.may(Scope.READ_PEOPLE):
            self._searches += 1
            self._tasks.spawn(self._search(query, self._searches))

    async def _search(self, query: str, number: int) -> None:
        if query:
            await self._clock.sleep(SEARCH_DELAY)
        if number != self._searches:
            return
        try:
            found = await self._workspace.engine.services.people(query)
        except (Unreachable, RequestRejected, SignedOut, StepUpRequired, UnexpectedResponse):
            self._notify(SnackbarMessage("profile.people_offline"))
            return
        if number == self._searches:
            self.found = [each for each in found if each.person != self._workspace.person]
            self.changed()

    def _write(self, kind: ChangeKind, body: Json, hold_until: float = 0.0) -> int:
        now = self._clock.now()
        seq = self._workspace.outbox.add(kind, kind, body, now, hold_until=hold_until)
        self._workspace.engine.wake()
        return seq

    def _pending_body(self, kind: ChangeKind) -> Json | None:
        changes = self._workspace.outbox.of_target(kind)
        return next((c.payload for c in reversed(changes) if c.failure is None), None)

    @property
    def _profile(self) -> Profile:
        return read(Profile, self._workspace.store.get(PROFILE) or {})


def _weekly_minutes(typed: str) -> int | None:
    """`40`, `38:30` or `38.5` as minutes; more than a day, unlike an entry's duration."""
    text = typed.strip().removesuffix("h").strip()
    hours, colon, rest = text.partition(":")
    if hours.isdecimal() and (not colon or (rest.isdecimal() and int(rest) < 60)):
        minutes = int(hours) * 60 + int(rest or 0)
        return minutes if minutes <= MAX_TARGET_MINUTES else None
    whole, point, part = text.replace(",", ".").partition(".")
    if not (point and whole.isdecimal()):
        return None
    try:
        minutes = int(whole) * 60 + (parse_duration(f"0.{part}") if part.strip("0") else 0)
    except NotADuration:
        return None
    return minutes if minutes <= MAX_TARGET_MINUTES else None
