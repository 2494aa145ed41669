"""One change of the outbox on its way to the server, and what its answer means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from mobile.core.database import Database
from mobile.core.network import Answer, Refused, Unreachable
from mobile.core.outbox import Change, Kind, Outbox, Trouble
from mobile.core.rules import State
from mobile.core.services import approval_path, entry_path, week_path
from mobile.core.store import Store
from mobile.core.wire import Entry, Json, Profile, Sheet, read

PROFILE = "profile"


class Sender(Protocol):
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
class Courier:
    """Sends a change and notes its end. Repeating a change that arrived changes nothing."""

    database: Database
    store: Store
    outbox: Outbox
    api: Sender

    async def deliver(self, change: Change) -> None:
        """Raises `Unreachable` or `SignedOut`: the change then stays where it is."""
        try:
            match change.kind:
                case Kind.PUT:
                    await self._put(change)
                case Kind.DELETE:
                    await self._delete(change)
                case Kind.SUBMIT | Kind.WITHDRAW:
                    await self._step(change)
                case Kind.DECIDE:
                    await self._decide(change)
                case Kind.PROFILE | Kind.DELEGATE:
                    await self._change_profile(change)
        except Refused as refusal:
            await self._note_trouble(change, refusal)

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
        except Refused as refusal:
            if refusal.status != 404:  # gone already, perhaps by our own first try
                raise
        with self.database.transaction():
            self.store.remove_entry(change.target)
            self.outbox.done(change, None)

    async def _step(self, change: Change) -> None:
        """Submit or withdraw, exactly once.

        The week's version is noted before the first try. When a try's answer is lost and the week
        has moved on, the history tells whether that was our own step.
        """
        wanted = State.SUBMITTED if change.kind is Kind.SUBMIT else State.OPEN
        pinned: Any = change.body
        if not change.tried or "version" not in pinned:
            sheet = await self._read_week(change.target)
            if sheet.state is wanted or (
                wanted is not State.OPEN and sheet.state is not State.OPEN
            ):
                return self._stepped(change, sheet)
            pinned = {"version": sheet.version, "steps": len(sheet.history)}
            self.outbox.mark_tried(change.seq, pinned)
        try:
            answer = await self.api.send(
                "POST",
                week_path(change.target, f"/{change.kind}"),
                headers=_condition(pinned["version"]),
            )
            sheet = read(Sheet, answer.body)
        except Refused as refusal:
            if refusal.status not in (409, 412):
                raise
            sheet = await self._read_week(change.target)
            if not _is_step_taken(change.kind, sheet, pinned["steps"]):
                if refusal.status == 409:
                    raise
                # Its entries were changed from another device just now: look again.
                self.outbox.mark_tried(change.seq, {})
                raise Unreachable(offline=False) from refusal
        return self._stepped(change, sheet)

    async def _read_week(self, week: str) -> Sheet:
        return read(Sheet, (await self.api.get(week_path(week))).body)

    def _stepped(self, change: Change, sheet: Sheet) -> None:
        with self.database.transaction():
            self.store.put_sheets([sheet], with_entries=False)
            self.outbox.done(change, sheet.version)

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
        if change.kind is Kind.PROFILE:
            answer = await self.api.send("PATCH", "/v1/profile", change.body)
        elif change.body:
            answer = await self.api.send("PUT", "/v1/profile/delegate", change.body)
        else:
            answer = await self.api.send("DELETE", "/v1/profile/delegate")
        with self.database.transaction():
            self.outbox.done(change, None)
            if change.kind is Kind.PROFILE:
                read(Profile, answer.body)
                self.store.set(PROFILE, answer.body)

    async def _note_trouble(self, change: Change, refusal: Refused) -> None:
        """With the server's version beside what was wanted; nothing is dropped."""
        current = refusal.current
        if current is None:
            current = await self._current(change)
        trouble = Trouble(
            status=refusal.status,
            detail=refusal.detail,
            lock_reason=refusal.lock_reason,
            errors=tuple(refusal.errors),
            current=current,
        )
        with self.database.transaction():
            self.outbox.set_trouble(change.seq, trouble)
            self._take_over(change, current)

    async def _current(self, change: Change) -> Json | None:
        paths = {
            Kind.PUT: entry_path(change.target),
            Kind.DELETE: entry_path(change.target),
            Kind.SUBMIT: week_path(change.target),
            Kind.WITHDRAW: week_path(change.target),
            Kind.DECIDE: approval_path(change.target),
        }
        path = paths.get(change.kind)
        if path is None:
            return None
        try:
            found = (await self.api.get(path)).body
        except Refused:
            return None
        return found if isinstance(found, dict) else None

    def _take_over(self, change: Change, current: Json | None) -> None:
        if change.kind in (Kind.PUT, Kind.DELETE):
            if current is None:
                self.store.remove_entry(change.target)
            else:
                self.store.put_entry(read(Entry, current))
        elif current is not None and change.kind is Kind.DECIDE:
            self.store.put_approval(current, detailed=True)
        elif current is not None:
            self.store.put_sheets([read(Sheet, current)], with_entries=False)


def _condition(base: int | None) -> dict[str, str]:
    """Nobody else's work is overwritten unseen (RFC 9110 section 13.1)."""
    return {"If-None-Match": "*"} if base is None else {"If-Match": f'"{base}"'}


def _is_step_taken(kind: Kind, sheet: Sheet, steps_before: int) -> bool:
    """Whether the week took this step since `steps_before`, whatever became of it later."""
    event = "submitted" if kind is Kind.SUBMIT else "withdrawn"
    newer = len(sheet.history) - steps_before
    # The history's order does not matter: only what is new in it, at either end.
    recent = (*sheet.history[:newer], *sheet.history[-newer:]) if newer > 0 else ()
    return any(step.event == event for step in recent)
