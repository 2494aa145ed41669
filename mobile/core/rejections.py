"""Rejected changes: each becomes a problem for the person to solve."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from mobile.core.changes import ABSENCE_KINDS, ENTRY_KINDS, Change, ChangeKind, Failure
from mobile.core.database import Database
from mobile.core.network import ApiResponse, RequestRejected
from mobile.core.outbox import Outbox
from mobile.core.services import absence_path, approval_path, entry_path, week_path
from mobile.core.store import Store
from mobile.core.wire import Entry, Json, Timesheet, read


class ApiClient(Protocol):
    """The part of `network.Api` that sending uses."""

    async def get(self, path: str, params: dict[str, str] | None = None) -> ApiResponse:
        """Send GET. Raises as `network.Api.get` does."""

    async def send(
        self,
        method: str,
        path: str,
        body: Json | None = None,
        *,
        headers: dict[str, str] | None = None,
    ) -> ApiResponse:
        """Send a request that writes. Raises as `network.Api.send` does."""


@dataclass(frozen=True)
class RejectionRecorder:
    """Keeps rejected changes as problems, with the server's versions beside them."""

    database: Database
    store: Store
    outbox: Outbox
    api: ApiClient

    async def record(self, change: Change, rejection: RequestRejected) -> None:
        """Keep the change, with the server's version beside it."""
        current = rejection.current
        if current is None:
            current = await self._current(change)
        failure = Failure(
            status=rejection.status,
            detail=rejection.detail,
            lock_reason=rejection.lock_reason,
            errors=tuple(rejection.errors),
            current=current,
        )
        with self.database.transaction():
            if self.outbox.read(change.seq) is not None:
                self.outbox.set_failure(change.seq, failure)
                self._store_current(change, current)

    async def _current(self, change: Change) -> Json | None:
        if change.kind in ENTRY_KINDS:
            path = entry_path(change.target)
        elif change.kind in (ChangeKind.SUBMIT, ChangeKind.WITHDRAW):
            path = week_path(change.target)
        elif change.kind is ChangeKind.DECIDE:
            path = approval_path(change.target)
        elif change.kind in ABSENCE_KINDS:
            path = absence_path(change.target)
        else:
            return None
        try:
            found = (await self.api.get(path)).body
        except RequestRejected:
            return None
        return found if isinstance(found, dict) else None

    def _store_current(self, change: Change, current: Json | None) -> None:
        if change.kind in ENTRY_KINDS:
            if current is None:
                self.store.remove_entry(change.target)
            else:
                self.store.put_entry(read(Entry, current))
        elif current is not None and change.kind is ChangeKind.DECIDE:
            self.store.put_approval(current, detailed=True)
        elif current is not None and change.kind in (ChangeKind.SUBMIT, ChangeKind.WITHDRAW):
            self.store.put_timesheets([read(Timesheet, current)], with_entries=False)
