"""Changes that the person made and the server has not confirmed yet.

A change leaves the outbox in the transaction that records its effect. After a kill it is at worst
sent again, and the server recognises the repetition.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from datetime import datetime
from sqlite3 import Row

from mobile.core.changes import (
    ABSENCE_KINDS,
    ENTRY_KINDS,
    MAX_HOLD_SECONDS,
    Change,
    ChangeKind,
    Failure,
    dependencies,
    is_held,
)
from mobile.core.database import Database
from mobile.core.wire import Json


class Outbox:
    """Changes in the order in which they were made, kept until the server has them."""

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
        """Append a change and return its number. Raises `StoreFull`."""
        values = (kind, target, " ".join(sorted(set(weeks))), json.dumps(body), base, hold_until)
        with self._database.transaction() as connection:
            cursor = connection.execute(
                "INSERT INTO outbox (kind, target, weeks, body, base, hold_until, created_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (*values, now.isoformat()),
            )
        return int(cursor.lastrowid or 0)

    def read(self, seq: int) -> Change | None:
        """The change with this number; None once it is sent or dropped."""
        row = self._database.connection.execute(
            "SELECT * FROM outbox WHERE seq = ?", (seq,)
        ).fetchone()
        return _change(row) if row is not None else None

    def all(self) -> list[Change]:
        """Every change, in the order in which the person made them."""
        rows = self._database.connection.execute("SELECT * FROM outbox ORDER BY seq")
        return [_change(row) for row in rows]

    def of_target(self, target: str) -> list[Change]:
        """The changes of one entry, week or approval, oldest first."""
        rows = self._database.connection.execute(
            "SELECT * FROM outbox WHERE target = ? ORDER BY seq", (target,)
        )
        return [_change(row) for row in rows]

    def of_week(self, week: str) -> list[Change]:
        """The changes that touch the week: its entries, absences and state."""
        rows = self._database.connection.execute(
            "SELECT * FROM outbox WHERE weeks LIKE ? ORDER BY seq", (f"%{week}%",)
        )
        return [_change(row) for row in rows]

    def of_kinds(self, kinds: Collection[ChangeKind]) -> list[Change]:
        """The changes of some kinds, oldest first."""
        marks = ", ".join("?" * len(kinds))
        rows = self._database.connection.execute(
            f"SELECT * FROM outbox WHERE kind IN ({marks}) ORDER BY seq", tuple(kinds)
        )
        return [_change(row) for row in rows]

    def counts(self) -> tuple[int, int]:
        """(waiting, failed)."""
        [total, failed] = self._database.connection.execute(
            "SELECT count(*), count(problem) FROM outbox"
        ).fetchone()
        return total - failed, failed

    def next(
        self, now: float, skipped: Collection[int] = (), blocked_kinds: Collection[ChangeKind] = ()
    ) -> Change | None:
        """The first change that may be sent, None if there is none.

        A change waits behind a failed, held or skipped change that it depends on, and while its
        kind is one of `blocked_kinds`.
        """
        rows = self._database.connection.execute(
            "SELECT seq, kind, target, weeks, hold_until, problem IS NOT NULL AS failed"
            " FROM outbox ORDER BY seq"
        )
        blocked: set[str] = set()
        for row in rows:
            kind = ChangeKind(row["kind"])
            blocks, depends_on = dependencies(kind, row["target"], row["weeks"].split())
            stays = (
                row["failed"]
                or is_held(row["hold_until"], now)
                or row["seq"] in skipped
                or kind in blocked_kinds
            )
            if not stays and blocked.isdisjoint(depends_on):
                return self.read(row["seq"])
            blocked |= blocks
        return None

    def next_hold_end(self, now: float) -> float | None:
        """The Unix time at which the next held change is due."""
        [found] = self._database.connection.execute(
            "SELECT min(hold_until) FROM outbox"
            " WHERE hold_until > ? AND hold_until <= ? AND problem IS NULL",
            (now, now + MAX_HOLD_SECONDS),
        ).fetchone()
        return None if found is None else float(found)

    def release_holds(self) -> None:
        """End the time to undo: the app is about to pause or close."""
        with self._database.transaction() as connection:
            connection.execute("UPDATE outbox SET hold_until = 0 WHERE hold_until > 0")

    def mark_tried(self, seq: int, body: Json | None = None) -> bool:
        """Note that the change is about to be sent; `body` replaces what it holds.

        False if the change is gone: the person has undone it, and it must not be sent.
        """
        with self._database.transaction() as connection:
            marked = connection.execute("UPDATE outbox SET tried = 1 WHERE seq = ?", (seq,))
            if body is not None:
                connection.execute(
                    "UPDATE outbox SET body = ? WHERE seq = ?", (json.dumps(body), seq)
                )
        return marked.rowcount == 1

    def count_attempt(self, seq: int) -> int:
        """Count a response 500 and return how many there were."""
        with self._database.transaction() as connection:
            connection.execute("UPDATE outbox SET attempts = attempts + 1 WHERE seq = ?", (seq,))
        change = self.read(seq)
        return change.attempts if change is not None else 0

    def cancel(self, seq: int) -> bool:
        """Remove a change that was never sent. False if it may have arrived."""
        with self._database.transaction() as connection:
            done = connection.execute("DELETE FROM outbox WHERE seq = ? AND tried = 0", (seq,))
        return done.rowcount == 1

    def done(self, change: Change, version: int | None) -> None:
        """Remove a confirmed change; later ones on the same target are based on `version`."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM outbox WHERE seq = ?", (change.seq,))
            for kinds in (ENTRY_KINDS, ABSENCE_KINDS):
                if change.kind in kinds:
                    connection.execute(
                        "UPDATE outbox SET base = ? WHERE target = ? AND kind IN (?, ?)"
                        " AND problem IS NULL",
                        (version, change.target, *kinds),
                    )

    def set_failure(self, seq: int, failure: Failure) -> None:
        """Keep why the server refused a change; it becomes a problem to solve."""
        members = {
            "status": failure.status,
            "detail": failure.detail,
            "lock_reason": failure.lock_reason,
            "errors": failure.errors,
            "current": failure.current,
        }
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE outbox SET problem = ? WHERE seq = ?", (json.dumps(members), seq)
            )

    def retry(
        self, seq: int, *, base: int | None, body: Json | None = None, weeks: Iterable[str] = ()
    ) -> None:
        """Send a failed change again, in its old place and based on `base`."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE outbox SET problem = NULL, base = ?, tried = 0, attempts = 0 WHERE seq = ?",
                (base, seq),
            )
            if body is not None:
                connection.execute(
                    "UPDATE outbox SET body = ?, weeks = ? WHERE seq = ?",
                    (json.dumps(body), " ".join(sorted(set(weeks))), seq),
                )

    def drop(self, change: Change) -> list[Change]:
        """Discard a failed change and the later ones on its target; returns what was removed."""
        removed = [each for each in self.of_target(change.target) if each.seq >= change.seq]
        with self._database.transaction() as connection:
            connection.execute(
                "DELETE FROM outbox WHERE target = ? AND seq >= ?", (change.target, change.seq)
            )
        return removed

    def restore(self, changes: Iterable[Change]) -> None:
        """Undo `drop`: the changes return to their places, failures included."""
        with self._database.transaction() as connection:
            for change in changes:
                connection.execute(
                    "INSERT OR IGNORE INTO outbox"
                    " (seq, kind, target, weeks, body, base, tried, hold_until, created_at)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?)",
                    (
                        *(change.seq, change.kind, change.target, " ".join(change.weeks)),
                        *(json.dumps(change.body), change.base, change.tried),
                        change.created_at.isoformat(),
                    ),
                )
                if change.failure is not None:
                    self.set_failure(change.seq, change.failure)


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
        attempts=row["attempts"],
    )


def _failure(text: str | None) -> Failure | None:
    if text is None:
        return None
    found = json.loads(text)
    errors = tuple((field, message) for field, message in found.pop("errors"))
    return Failure(**found, errors=errors)
