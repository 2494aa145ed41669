"""One change of the outbox on its way to the server, and what its answer means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from mobile.core.database import Database
from mobile.core.network import Answer, RequestRejected, Unreachable
from mobile.core.outbox import Change, ChangeKind, Failure, Outbox
from mobile.core.rules import State
from mobile.core.services import approval_path, entry_path, week_path
from mobile.core.store import Store
from mobile.core.wire import Entry, Json, Profile, Timesheet, read

PROFILE = "profile"


class ApiClient(Protocol):
    """The part of `network.Api` that sending takes."""

    async def get(self, path: str) -> Answer: ...

    async def send(
        self,
        method: str,
        path: str,
        body: Json | None = None,
        *,
        headers: dict[str, str] | None = None,
    ) -> Answer: ...


@dataclass(frozen=True)
class ChangeSender:
    """Sends a change and notes its end. Repeating a change that arrived changes nothing."""

    database: Database
    store: Store
    outbox: Outbox
    api: ApiClient

    async def send(self, change: Change) -> None:
        """Raises `Unreachable` or `SignedOut`: the change then stays where it is."""
        try:
            match change.kind:
                case ChangeKind.PUT:
                    await self._put(change)
                case ChangeKind.DELETE:
                    await self._delete(change)
                case ChangeKind.SUBMIT | ChangeKind.WITHDRAW:
                    await self._step(change)
                case ChangeKind.DECIDE:
                    await self._decide(change)
                case ChangeKind.PROFILE | ChangeKind.DELEGATE:
                    await self._change_profile(change)
        except RequestRejected as rejection:
            await self._record_failure(change, rejection)

    async def _put(self, change: Change) -> None:
        self.outbox.mark_tried(change.seq)
        answer = await self.api.send(
            "PUT", entry_path(change.target), change.body, headers=_condition(change.base)
        )
        entry = read(Entry, answer.body)
        with self.database.transaction():
            self.store.put_entry(entry)
            self.outbox.done(change, entry.version)

    async def _delete(self, change: Change) -> None:
        self.outbox.mark_tried(change.seq)
        condition = _condition(change.base) if change.base is not None else {}
        try:
            await self.api.send("DELETE", entry_path(change.target), headers=condition)
        except RequestRejected as rejection:
            if rejection.status != 404:  # gone already, perhaps by our own first try
                raise
        with self.database.transaction():
            self.store.remove_entry(change.target)
            self.outbox.done(change, None)

    async def _step(self, change: Change) -> None:
        """Submit or withdraw, exactly once.

        The week's version is noted before the first try. When a try's answer is lost and the week
        has moved on, the history tells whether that was our own step.
        """
        wanted = State.SUBMITTED if change.kind is ChangeKind.SUBMIT else State.OPEN
        pinned: Any = change.body
        if not change.tried or "version" not in pinned:
            timesheet = await self._read_week(change.target)
            if timesheet.state is wanted or (
                wanted is not State.OPEN and timesheet.state is not State.OPEN
            ):
                return self._stepped(change, timesheet)
            pinned = {"version": timesheet.version, "steps": len(timesheet.history)}
            self.outbox.mark_tried(change.seq, pinned)
        try:
            answer = await self.api.send(
                "POST",
                week_path(change.target, f"/{change.kind}"),
                headers=_condition(pinned["version"]),
            )
            timesheet = read(Timesheet, answer.body)
        except RequestRejected as rejection:
            if rejection.status not in (409, 412):
                raise
            timesheet = await self._read_week(change.target)
            if not _is_step_taken(change.kind, timesheet, pinned["steps"]):
                if rejection.status == 409:
                    raise
                # Its entries were changed from another device just now: look again.
                self.outbox.mark_tried(change.seq, {})
                raise Unreachable(offline=False) from rejection
        return self._stepped(change, timesheet)

    async def _read_week(self, week: str) -> Timesheet:
        return read(Timesheet, (await self.api.get(week_path(week))).body)

    def _stepped(self, change: Change, timesheet: Timesheet) -> None:
        with self.database.transaction():
            self.store.put_timesheets([timesheet], with_entries=False)
            self.outbox.done(change, timesheet.version)

    async def _decide(self, change: Change) -> None:
        self.outbox.mark_tried(change.seq)
        path = approval_path(change.target, "/decision")
        answer = await self.api.send("PUT", path, change.body)
        with self.database.transaction():
            if isinstance(answer.body, dict) and "state" in answer.body:
                self.store.put_approval(answer.body, detailed=False)
            self.outbox.done(change, None)

    async def _change_profile(self, change: Change) -> None:
        self.outbox.mark_tried(change.seq)
        if change.kind is ChangeKind.PROFILE:
            answer = await self.api.send("PATCH", "/v1/profile", change.body)
        elif change.body:
            answer = await self.api.send("PUT", "/v1/profile/delegate", change.body)
        else:
            answer = await self.api.send("DELETE", "/v1/profile/delegate")
        with self.database.transaction():
            self.outbox.done(change, None)
            if change.kind is ChangeKind.PROFILE:
                read(Profile, answer.body)
                self.store.set(PROFILE, answer.body)

    async def _record_failure(self, change: Change, rejection: RequestRejected) -> None:
        """With the server's version beside what was wanted; nothing is dropped."""
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
            self.outbox.set_failure(change.seq, failure)
            self._take_over(change, current)

    async def _current(self, change: Change) -> Json | None:
        paths = {
            ChangeKind.PUT: entry_path(change.target),
            ChangeKind.DELETE: entry_path(change.target),
            ChangeKind.SUBMIT: week_path(change.target),
            ChangeKind.WITHDRAW: week_path(change.target),
            ChangeKind.DECIDE: approval_path(change.target),
        }
        path = paths.get(change.kind)
        if path is None:
            return None
        try:
            found = (await self.api.get(path)).body
        except RequestRejected:
            return None
        return found if isinstance(found, dict) else None

    def _take_over(self, change: Change, current: Json | None) -> None:
        if change.kind in (ChangeKind.PUT, ChangeKind.DELETE):
            if current is None:
                self.store.remove_entry(change.target)
            else:
                self.store.put_entry(read(Entry, current))
        elif current is not None and change.kind is ChangeKind.DECIDE:
            self.store.put_approval(current, detailed=True)
        elif current is not None:
            self.store.put_timesheets([read(Timesheet, current)], with_entries=False)


def _condition(base: int | None) -> dict[str, str]:
    """Nobody else's work is overwritten unseen (RFC 9110 section 13.1)."""
    return {"If-None-Match": "*"} if base is None else {"If-Match": f'"{base}"'}


def _is_step_taken(kind: ChangeKind, timesheet: Timesheet, steps_before: int) -> bool:
    """Whether the week took this step since `steps_before`, whatever became of it later."""
    event = "submitted" if kind is ChangeKind.SUBMIT else "withdrawn"
    newer = len(timesheet.history) - steps_before
    # The history's order does not matter: only what is new in it, at either end.
    recent = (*timesheet.history[:newer], *timesheet.history[-newer:]) if newer > 0 else ()
    return any(step.event == event for step in recent)
