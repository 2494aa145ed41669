"""What the person did and the server has not confirmed yet; nothing leaves it unseen.

A change leaves the outbox in the same transaction in which its effect is noted, so a kill at any
point means at worst that it is sent again, which the server takes for what it is.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from sqlite3 import Row

from mobile.core.database import Database
from mobile.core.wire import Json


class ChangeKind(StrEnum):
    PUT = "put"
    DELETE = "delete"
    SUBMIT = "submit"
    WITHDRAW = "withdraw"
    DECIDE = "decide"
    PROFILE = "profile"
    DELEGATE = "delegate"


ENTRY_KINDS = frozenset({ChangeKind.PUT, ChangeKind.DELETE})
WEEK_KINDS = frozenset({ChangeKind.SUBMIT, ChangeKind.WITHDRAW})


@dataclass(frozen=True, slots=True)
class Failure:
    """Why the server refused. `current` is its version, None where it has none."""

    status: int
    detail: str
    lock_reason: str | None = None
    errors: tuple[tuple[str, str], ...] = ()
    current: Json | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """`base` is the version that the change rests on; None: the server has nothing yet.

    `weeks` are those it touches; `hold_until` is the moment until which it can be undone.
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


class Outbox:
    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self,
        kind: ChangeKind,
        target: str,
        body: Json,
        now: datetime,
        *,
        weeks: Iterable[str] = (),
        base: int | None = None,
        hold_until: float = 0.0,
    ) -> int:
        """The number of the change."""
        values = (kind, target, " ".join(sorted(set(weeks))), json.dumps(body), base, hold_until)
        with self._database.transaction() as connection:
            cursor = connection.execute(
                "INSERT INTO outbox (kind, target, weeks, body, base, hold_until, created_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (*values, now.isoformat()),
            )
        return int(cursor.lastrowid or 0)

    def read(self, seq: int) -> Change | None:
        row = self._database.connection.execute(
            "SELECT * FROM outbox WHERE seq = ?", (seq,)
        ).fetchone()
        return _change(row) if row is not None else None

    def all(self) -> list[Change]:
        """In the order in which the person made them."""
        rows = self._database.connection.execute("SELECT * FROM outbox ORDER BY seq")
        return [_change(row) for row in rows]

    def of_target(self, target: str) -> list[Change]:
        rows = self._database.connection.execute(
            "SELECT * FROM outbox WHERE target = ? ORDER BY seq", (target,)
        )
        return [_change(row) for row in rows]

    def of_week(self, week: str) -> list[Change]:
        """Those after which an entry is in the week, or no longer in it, and the week's own."""
        rows = self._database.connection.execute(
            "SELECT * FROM outbox WHERE weeks LIKE ? ORDER BY seq", (f"%{week}%",)
        )
        return [_change(row) for row in rows]

    def counts(self) -> tuple[int, int]:
        """(waiting, in failure)."""
        [all_of_them, failed] = self._database.connection.execute(
            "SELECT count(*), count(problem) FROM outbox"
        ).fetchone()
        return all_of_them - failed, failed

    def next(self, now: float, passed_over: Collection[int] = ()) -> Change | None:
        """The first change that may be sent. Those that rest on one in failure, on one that can
        still be undone or on one passed over wait; the others do not wait for them."""
        rows = self._database.connection.execute(
            "SELECT seq, kind, target, weeks, hold_until, problem IS NOT NULL AS failed"
            " FROM outbox ORDER BY seq"
        )
        stopped: set[str] = set()
        for row in rows:
            stops, waits_for = _keys(ChangeKind(row["kind"]), row["target"], row["weeks"].split())
            held = row["failed"] or row["hold_until"] > now or row["seq"] in passed_over
            if not held and stopped.isdisjoint(waits_for):
                return self.read(row["seq"])
            stopped |= stops
        return None

    def next_hold_end(self, now: float) -> float | None:
        """When the next change that can still be undone will have to go."""
        [found] = self._database.connection.execute(
            "SELECT min(hold_until) FROM outbox WHERE hold_until > ? AND problem IS NULL", (now,)
        ).fetchone()
        return None if found is None else float(found)

    def mark_tried(self, seq: int, body: Json | None = None) -> None:
        """Before it is sent: from now on it may have arrived. `body` replaces what it says."""
        with self._database.transaction() as connection:
            connection.execute("UPDATE outbox SET tried = 1 WHERE seq = ?", (seq,))
            if body is not None:
                connection.execute(
                    "UPDATE outbox SET body = ? WHERE seq = ?", (json.dumps(body), seq)
                )

    def cancel(self, seq: int) -> bool:
        """Undo a change that was never sent; False where it may have arrived."""
        with self._database.transaction() as connection:
            done = connection.execute("DELETE FROM outbox WHERE seq = ? AND tried = 0", (seq,))
        return done.rowcount == 1

    def done(self, change: Change, version: int | None) -> None:
        """The server has it, as `version`: what follows on the same target rests on that."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM outbox WHERE seq = ?", (change.seq,))
            if change.kind in ENTRY_KINDS:
                connection.execute(
                    "UPDATE outbox SET base = ? WHERE target = ? AND kind IN ('put', 'delete')",
                    (version, change.target),
                )

    def set_failure(self, seq: int, failure: Failure) -> None:
        told = {
            "status": failure.status,
            "detail": failure.detail,
            "lock_reason": failure.lock_reason,
            "errors": failure.errors,
            "current": failure.current,
        }
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE outbox SET problem = ? WHERE seq = ?", (json.dumps(told), seq)
            )

    def retry(
        self, seq: int, *, base: int | None, body: Json | None = None, weeks: Iterable[str] = ()
    ) -> None:
        """Back among those that wait, in its old place, resting on `base`."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE outbox SET problem = NULL, base = ?, tried = 0 WHERE seq = ?", (base, seq)
            )
            if body is not None:
                connection.execute(
                    "UPDATE outbox SET body = ?, weeks = ? WHERE seq = ?",
                    (json.dumps(body), " ".join(sorted(set(weeks))), seq),
                )

    def drop(self, change: Change) -> None:
        """The person lets it go, and with it what they did to the same target since."""
        with self._database.transaction() as connection:
            connection.execute(
                "DELETE FROM outbox WHERE target = ? AND seq >= ?", (change.target, change.seq)
            )


def _keys(kind: ChangeKind, target: str, weeks: list[str]) -> tuple[set[str], set[str]]:
    """(what waits if this one does, what this one waits for)."""
    entries_of = {f"entries {week}" for week in weeks}
    timesheets = {f"timesheet {week}" for week in weeks}
    if kind in ENTRY_KINDS:
        own = {f"entry {target}"}
        return own | entries_of, own | timesheets
    if kind in WEEK_KINDS:
        return timesheets, entries_of | timesheets
    other = {f"{kind} {target}"}
    return other, other


def _change(row: Row) -> Change:
    return Change(
        seq=row["seq"],
        kind=ChangeKind(row["kind"]),
        target=row["target"],
        weeks=tuple(row["weeks"].split()),
        body=json.loads(row["body"]),
        base=row["base"],
        tried=bool(row["tried"]),
        hold_until=row["hold_until"],
        created_at=datetime.fromisoformat(row["created_at"]),
        failure=_failure(row["problem"]),
    )


def _failure(text: str | None) -> Failure | None:
    if text is None:
        return None
    found = json.loads(text)
    errors = tuple((field, message) for field, message in found.pop("errors"))
    return Failure(**found, errors=errors)
