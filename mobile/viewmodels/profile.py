"""The person: who they are, who stands in for them, how the app looks, what is stored here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from mobile.core.clock import Clock
from mobile.core.durations import NotADuration, parse_duration
from mobile.core.identity import Identity
from mobile.core.network import RequestRejected, SignedOut, Unreachable
from mobile.core.outbox import ChangeKind
from mobile.core.rules import DEFAULT_TARGET_MINUTES, Scope
from mobile.core.sending import PROFILE
from mobile.core.services import Services
from mobile.core.session import Workspace
from mobile.core.sync import SYNCED_AT
from mobile.core.wire import Delegate, Json, Person, Profile, read
from mobile.viewmodels.base import SnackbarMessage, Tasks, ViewModel

DELEGATE_NAME = "delegate_name"
MAX_TARGET_MINUTES = 7 * 24 * 60


class Appearance(StrEnum):
    SYSTEM = "system"
    LIGHT = "light"
    DARK = "dark"


@dataclass(frozen=True, slots=True)
class StorageStatus:
    """What lies on this device."""

    entries: int
    waiting: int
    problems: int
    synced_at: datetime | None


class ProfileModel(ViewModel):
    def __init__(
        self,
        workspace: Workspace,
        clock: Clock,
        tasks: Tasks,
        notify: Callable[[SnackbarMessage], None],
    ) -> None:
        super().__init__()
        self._workspace = workspace
        self._clock = clock
        self._tasks = tasks
        self._notify = notify
        self.found: list[Person] = []
        self.target_error = False

    @property
    def identity(self) -> Identity:
        return self._workspace.identity

    @property
    def name(self) -> str:
        return self._profile.name or self.identity.name or self.identity.sub

    @property
    def email(self) -> str:
        return self._profile.email or self.identity.email or ""

    @property
    def target_minutes(self) -> int:
        """As last pending here, or else as the server has it."""
        pending = self._pending_body(ChangeKind.PROFILE)
        if pending and "target_minutes" in pending:
            return int(pending["target_minutes"])
        rules = self._workspace.timesheet.rules.target_minutes
        return self._profile.target_minutes or rules or DEFAULT_TARGET_MINUTES

    @property
    def can_delegate(self) -> bool:
        return self._workspace.may(Scope.APPROVE_TIMESHEETS)

    @property
    def delegate(self) -> Delegate | None:
        pending = self._pending_body(ChangeKind.DELEGATE)
        if pending:
            names = self._workspace.store.get(DELEGATE_NAME) or {}
            return read(Delegate, {**pending, "name": names.get(pending["person"])})
        if pending is not None:
            return None
        return self._profile.delegate

    @property
    def stored(self) -> StorageStatus:
        waiting, problems = self._workspace.outbox.counts()
        text = self._workspace.store.get(SYNCED_AT)
        entries = self._workspace.store.count_entries()
        return StorageStatus(
            entries, waiting, problems, datetime.fromisoformat(text) if text else None
        )

    def set_target(self, typed: str) -> bool:
        minutes = _weekly_minutes(typed)
        self.target_error = minutes is None
        if minutes is not None:
            self._write(ChangeKind.PROFILE, {"target_minutes": minutes})
        self.changed()
        return not self.target_error

    def set_delegate(self, person: str, name: str | None, since: date, until: date) -> bool:
        if since > until or person == self._workspace.person:
            return False
        body: Json = {"person": person, "from": since.isoformat(), "to": until.isoformat()}
        # The server is told who; the name is for this screen until the server tells it.
        self._workspace.store.set(DELEGATE_NAME, {person: name})
        self._write(ChangeKind.DELEGATE, body)
        self.changed()
        return True

    def clear_delegate(self) -> None:
        self._write(ChangeKind.DELEGATE, {})
        self.changed()

    def search_people(self, query: str) -> None:
        if self._workspace.may(Scope.READ_PEOPLE):
            self._tasks.spawn(self._search(query))

    async def _search(self, query: str) -> None:
        try:
            self.found = await Services(self._workspace.engine.api).people(query)
        except (Unreachable, RequestRejected, SignedOut):
            self._notify(SnackbarMessage("profile.people_offline"))
        self.changed()

    def _write(self, kind: ChangeKind, body: Json) -> None:
        self._workspace.outbox.add(kind, kind, body, self._clock.now())
        self._workspace.engine.wake()

    def _pending_body(self, kind: ChangeKind) -> Json | None:
        changes = self._workspace.outbox.of_target(kind)
        return next((c.body for c in reversed(changes) if c.failure is None), None)

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
