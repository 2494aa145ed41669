"""Sending one change of the outbox, and what the server's response means for it."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import Any

from mobile.core.changes import BEFORE, Change, ChangeKind, ServiceName
from mobile.core.database import Database
from mobile.core.network import ApiResponse, RequestRejected, Unreachable
from mobile.core.outbox import Outbox
from mobile.core.rejections import ApiClient, RejectionRecorder
from mobile.core.rules import State
from mobile.core.services import (
    PROFILE_PATH,
    absence_path,
    approval_path,
    entry_path,
    week_path,
)
from mobile.core.store import Store
from mobile.core.wire import Entry, Json, Profile, Timesheet, read

PROFILE = "profile"
_DELEGATION = ("person", "from", "to")
_AFFECTED = {
    ServiceName.ENTRIES: ("/v1/entries", "/v1/timesheets", "/v1/absences", "/v1/calendar"),
    ServiceName.APPROVALS: ("/v1/approvals",),
    ServiceName.PROFILE: (PROFILE_PATH,),
}


@dataclass(frozen=True)
class ChangeSender:
    """Sends changes and records the outcome. Sending a change again has no further effect.

    A change is marked as tried right before its request, without an `await` in between: the person
    may undo it at any earlier moment, and then it is not sent.
    """

    database: Database
    store: Store
    outbox: Outbox
    api: ApiClient
    rejections: RejectionRecorder

    async def send(self, change: Change) -> None:
        """Send the change; a rejection is recorded as its failure.

        Raises `Unreachable`, `SignedOut`, `StepUpRequired` or `UpdateRequired`; the change then
        stays as it is.
        """
        # A response that matches an old validator would hide what this change does here.
        for prefix in _AFFECTED[change.kind.service]:
            self.store.validators.forget(prefix)
        senders = {
            ChangeKind.PUT: self._put,
            ChangeKind.DELETE: self._delete,
            ChangeKind.SUBMIT: self._change_state,
            ChangeKind.WITHDRAW: self._change_state,
            ChangeKind.REOPEN: self._reopen,
            ChangeKind.PUT_ABSENCE: self._put_absence,
            ChangeKind.DELETE_ABSENCE: self._delete_absence,
            ChangeKind.DECIDE: self._decide,
            ChangeKind.PROFILE: self._change_profile,
            ChangeKind.DELEGATE: self._change_delegate,
        }
        try:
            await senders[change.kind](change)
        except RequestRejected as rejection:
            await self.rejections.record(change, rejection)

    async def _put(self, change: Change) -> None:
        if not self.outbox.mark_tried(change.seq):
            return
        response = await self.api.send(
            "PUT", entry_path(change.target), change.body, headers=_put_headers(change)
        )
        entry = read(Entry, response.body)
        with self.database.transaction():
            self.store.put_entry(entry)
            self.outbox.done(change, entry.version)

    async def _delete(self, change: Change) -> None:
        if not self.outbox.mark_tried(change.seq):
            return
        condition = _condition(change.base) if change.base is not None else {}
        await self._delete_at(entry_path(change.target), condition)
        with self.database.transaction():
            self.store.remove_entry(change.target)
            self.outbox.done(change, None)

    async def _delete_at(self, path: str, condition: dict[str, str]) -> None:
        try:
            await self.api.send("DELETE", path, headers=condition)
        except RequestRejected as rejection:
            if rejection.status != 404:  # already deleted, perhaps by the first attempt
                raise

    async def _change_state(self, change: Change) -> None:
        """Submit or withdraw exactly once.

        The week's version and the length of its history are noted before the first attempt. If the
        response to an attempt is lost and the week has moved on, its history says whether this
        change did it.
        """
        pinned: Any = change.body
        if not change.tried or "version" not in pinned:
            timesheet = await self._read_week(change.target)
            if _is_reached(change.kind, timesheet):
                return self._record_state(change, timesheet)
            pinned = {"version": timesheet.version, "steps": len(timesheet.history)}
            if not self.outbox.mark_tried(change.seq, pinned):
                return None
        try:
            response = await self.api.send(
                "POST",
                week_path(change.target, f"/{change.kind}"),
                headers=_condition(pinned["version"]),
            )
            timesheet = read(Timesheet, response.body)
        except RequestRejected as rejection:
            if rejection.status not in (409, 412):
                raise
            timesheet = await self._read_week(change.target)
            if not _has_happened(change.kind, timesheet, pinned["steps"]):
                if rejection.status == 409:
                    raise
                # Another device has just changed the week's entries: read the version again.
                self.outbox.mark_tried(change.seq, {})
                raise Unreachable(offline=False) from rejection
        return self._record_state(change, timesheet)

    async def _read_week(self, week: str, person: str | None = None) -> Timesheet:
        of = {"person": person} if person is not None else None
        return read(Timesheet, (await self.api.get(week_path(week), of)).body)

    def _record_state(self, change: Change, timesheet: Timesheet) -> None:
        with self.database.transaction():
            self.store.put_timesheets([timesheet], with_entries=False)
            self.outbox.done(change, timesheet.version)

    async def _reopen(self, change: Change) -> None:
        """Reopen somebody's week; a repetition finds it open.

        The week's version is noted before the first attempt: an attempt that arrives late must
        not reopen a week that was approved again since.
        """
        week, person = change.weeks[0], change.body["person"]
        body = {"person": person, "reason": change.body["reason"]}
        pinned: Any = change.body
        if not change.tried or "version" not in pinned:
            pinned = {**body, "version": (await self._read_week(week, person)).version}
            if not self.outbox.mark_tried(change.seq, pinned):
                return
        try:
            headers = _condition(pinned["version"])
            await self.api.send("POST", week_path(week, "/reopen"), body, headers=headers)
        except RequestRejected as rejection:
            if rejection.status not in (409, 412):
                raise
            if (await self._read_week(week, person)).state is not State.OPEN:
                if rejection.status == 409:
                    raise
                self.outbox.mark_tried(change.seq, body)
                raise Unreachable(offline=False) from rejection
        self.outbox.done(change, None)

    async def _put_absence(self, change: Change) -> None:
        if not self.outbox.mark_tried(change.seq):
            return
        headers = _put_headers(change)
        path = absence_path(change.target)
        response = await self.api.send("PUT", path, change.body, headers=headers)
        with self.database.transaction():
            body = response.body if isinstance(response.body, dict) else {}
            self.store.calendar.put_absence({**change.body, **body, "id": change.target})
            self.outbox.done(change, body.get("version"))

    async def _delete_absence(self, change: Change) -> None:
        if not self.outbox.mark_tried(change.seq):
            return
        condition = _condition(change.base) if change.base is not None else {}
        await self._delete_at(absence_path(change.target), condition)
        with self.database.transaction():
            self.store.calendar.remove_absence(change.target)
            self.outbox.done(change, None)

    async def _decide(self, change: Change) -> None:
        if not self.outbox.mark_tried(change.seq):
            return
        path = approval_path(change.target, "/decision")
        response = await self.api.send("PUT", path, change.body)
        with self.database.transaction():
            if isinstance(response.body, dict) and "state" in response.body:
                self.store.put_approval(response.body, detailed=False)
            self.outbox.done(change, None)

    async def _change_profile(self, change: Change) -> None:
        response = await self._send_profile(change, "PATCH", PROFILE_PATH)
        if response is not None:
            read(Profile, response.body)
            with self.database.transaction():
                self.store.set(PROFILE, response.body)
                self.outbox.done(change, None)

    async def _change_delegate(self, change: Change) -> None:
        method = "PUT" if change.payload else "DELETE"
        response = await self._send_profile(change, method, f"{PROFILE_PATH}/delegate")
        if response is not None:
            self.outbox.done(change, None)

    async def _send_profile(self, change: Change, method: str, path: str) -> ApiResponse | None:
        """Change the profile exactly once, whatever it holds. None if the change is gone.

        The values before are noted with the first attempt. If the response to an attempt is lost,
        the profile says whether it arrived; if it holds something else by then, another device has
        changed it since, and the person decides. The condition is that of a moment ago: an attempt
        that arrives late, after a newer change, has no effect.
        """
        profile = await self.api.get(PROFILE_PATH)
        present = _present_values(change, profile.body)
        before = change.body.get(BEFORE) if change.tried else None
        if before is not None and present == change.payload:
            return profile
        if before is not None and present != before:
            raise RequestRejected(412, "Changed elsewhere.", {"current": profile.body})
        if not self.outbox.mark_tried(change.seq, {**change.payload, BEFORE: present}):
            return None
        headers = {"If-Match": profile.etag} if profile.etag is not None else {}
        body = change.payload or None
        try:
            return await self.api.send(method, path, body, headers=headers)
        except RequestRejected as rejection:
            if rejection.status == 404 and method == "DELETE":
                return ApiResponse(204, None)
            if rejection.status != 412:
                raise
            # Changed between the two requests, perhaps by an earlier attempt: try again soon.
            raise Unreachable(offline=False) from rejection


def _present_values(change: Change, profile: Any) -> Json:
    """The profile's values of what the change is about, in the form of its payload."""
    found = profile if isinstance(profile, dict) else {}
    if change.kind is ChangeKind.PROFILE:
        return {name: found.get(name) for name in change.payload}
    delegate = found.get("delegate") or {}
    return {name: delegate[name] for name in _DELEGATION if name in delegate}


def _condition(base: int | None) -> dict[str, str]:
    """Never overwrite a version that the person has not seen (RFC 9110 section 13.1)."""
    return {"If-None-Match": "*"} if base is None else {"If-Match": f'"{base}"'}


def _put_headers(change: Change) -> dict[str, str]:
    """Of a creation, a key as well: repeating it after another device deleted what it created
    does not bring it back. A change that is edited has another key."""
    headers = _condition(change.base)
    if change.base is None:
        name = f"{change.target} {change.created_at.isoformat()} {json.dumps(change.body)}"
        headers["Idempotency-Key"] = str(uuid.uuid5(uuid.NAMESPACE_URL, name))
    return headers


def _is_reached(kind: ChangeKind, timesheet: Timesheet) -> bool:
    """Whether the week already is in the state that the change leads to, or past it."""
    if kind is ChangeKind.WITHDRAW:
        return timesheet.state is State.OPEN
    return timesheet.state is not State.OPEN


def _has_happened(kind: ChangeKind, timesheet: Timesheet, steps_before: int) -> bool:
    """Whether the week's history shows this step since it had `steps_before` steps."""
    event = "submitted" if kind is ChangeKind.SUBMIT else "withdrawn"
    newer = len(timesheet.history) - steps_before
    # New steps are at either end: the order of the history does not matter.
    recent = (*timesheet.history[:newer], *timesheet.history[-newer:]) if newer > 0 else ()
    return any(step.event == event for step in recent)
