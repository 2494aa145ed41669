"""Appending to the change log and reading it."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Self

import asyncpg
import msgspec
from msgspec import Meta

from libs.postgres.records import RecordType, placeholders, values_of

FIRST_PREVIOUS = "0" * 64


@dataclass(frozen=True, slots=True)
class Actor:
    """The `sub` of the token that makes a change, and the client it was issued to."""

    subject: str
    client: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """A change of `subject` (a `sub`, a project's code, ...), which is of this `kind`.

    `before` is None for what was created, `after` for what was removed.
    """

    kind: str
    subject: str
    action: str
    actor: Actor
    at: datetime
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None
    reason: str | None = None


class LoggedChange(msgspec.Struct, frozen=True):
    """A row of the change log."""

    number: Annotated[int, Meta(description="Counts the rows from 1 without gaps.", examples=[17])]
    at: Annotated[
        datetime,
        Meta(description="When.", examples=["2026-11-23T09:30:00Z"]),
    ]
    kind: Annotated[str, Meta(description="What was changed.", examples=["person"])]
    subject: Annotated[str, Meta(description="Its key.", examples=["auth0|erin"])]
    action: Annotated[str, Meta(description="What was done.", examples=["changed"])]
    actor: Annotated[str, Meta(description="The `sub` of who did it.", examples=["auth0|ada"])]
    client: Annotated[str | None, Meta(description="By which client.", examples=["portal"])]
    reason: Annotated[str | None, Meta(description="The reason given.", examples=["Promotion"])]
    before: Annotated[
        dict[str, Any] | None,
        Meta(description="The old values; null if created.", examples=[{"manager": None}]),
    ]
    after: Annotated[
        dict[str, Any] | None,
        Meta(description="The new values; null if removed.", examples=[{"manager": "auth0|max"}]),
    ]
    previous: Annotated[str, Meta(description="The SHA-256 of the row before, in hex.")]

    @property
    def digest(self) -> str:
        """The SHA-256 of the members as JSON: UTF-8, ordered by name, no white space."""
        at = self.at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds")
        facts = {name: getattr(self, name) for name in ROWS.names} | {"at": f"{at}Z"}
        return hashlib.sha256(msgspec.json.encode(facts, order="sorted")).hexdigest()


class ChangeAnswer(LoggedChange, frozen=True):
    """A row with its digest, which anybody can compute from the rest."""

    sha256: Annotated[
        str,
        Meta(
            description=(
                "Of all other members as JSON in UTF-8, ordered by name, without white space."
            )
        ),
    ]

    @classmethod
    def of(cls, row: LoggedChange) -> Self:
        """The change as the log shows it, from its row."""
        members = {name: getattr(row, name) for name in ROWS.names}
        return cls(**members, sha256=row.digest)


ROWS = RecordType(LoggedChange)

# The first writer creates the row; all others lock it.
LOCK_HEAD = f"""
    INSERT INTO change_log AS head (number, sha256) VALUES (0, '{FIRST_PREVIOUS}')
    ON CONFLICT (only_row) DO UPDATE SET number = head.number
    RETURNING number, sha256
"""

APPEND = f"INSERT INTO changes ({ROWS.columns}) VALUES ({placeholders(ROWS.names)})"

MOVE_HEAD = "UPDATE change_log SET number = $1, sha256 = $2"

READ_HEAD = "SELECT number, sha256 FROM change_log"

READ_ON = f"SELECT {ROWS.columns} FROM changes WHERE number > $1 ORDER BY number LIMIT $2"

# The key of the page before is ($1, $2). One statement for each set of filters, so that each
# finds its rows by an index.
LIST = f"""
    SELECT {ROWS.columns} FROM changes
    WHERE (at, number) < ($1, $2){{conditions}}
    ORDER BY at DESC, number DESC
    LIMIT $3
"""


@dataclass(frozen=True, slots=True)
class ChangeFilter:
    """Which rows of the log, older than the key (`at`, `number`), newest first."""

    at: datetime
    number: int
    limit: int
    subject: str | None = None
    actor: str | None = None
    since: datetime | None = None

    def statement(self) -> tuple[str, list[Any]]:
        """The SELECT of these filters and its arguments."""
        arguments: list[Any] = [self.at, self.number, self.limit]
        conditions = ""
        for condition, value in (
            ("subject =", self.subject),
            ("actor =", self.actor),
            ("at >=", self.since),
        ):
            if value is not None:
                arguments.append(value)
                conditions += f" AND {condition} ${len(arguments)}"
        return LIST.format(conditions=conditions), arguments


async def record_changes(connection: asyncpg.Connection, changes: Sequence[Change]) -> None:
    """Append to the log in the caller's transaction, after its own writes and before it publishes.

    From here to COMMIT nobody else appends.
    """
    if not changes:
        return
    number, digest = await connection.fetchrow(LOCK_HEAD)
    rows = []
    for change in changes:
        row = _row(change, number + 1, digest)
        number, digest = row.number, row.digest
        rows.append(values_of(row, ROWS.names))
    await connection.executemany(APPEND, rows)
    await connection.execute(MOVE_HEAD, number, digest)


def difference(
    before: Mapping[str, Any], after: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The old and the new values of the members that differ."""
    names = [name for name in after if before.get(name) != after[name]]
    return {name: before.get(name) for name in names}, {name: after[name] for name in names}


async def list_changes(connection: asyncpg.Connection, filters: ChangeFilter) -> list[LoggedChange]:
    """The changes that match, newest first."""
    statement, arguments = filters.statement()
    return [ROWS.decode(record) for record in await connection.fetch(statement, *arguments)]


async def read_all(
    connection: asyncpg.Connection, page_size: int = 500
) -> AsyncIterator[LoggedChange]:
    """Every row by number, a page at a time."""
    last = 0
    while records := await connection.fetch(READ_ON, last, page_size):
        for record in records:
            yield ROWS.decode(record)
        last = records[-1]["number"]


def _row(change: Change, number: int, previous: str) -> LoggedChange:
    return LoggedChange(
        number=number,
        at=change.at.astimezone(UTC),
        kind=change.kind,
        subject=change.subject,
        action=change.action,
        actor=change.actor.subject,
        client=change.actor.client,
        reason=change.reason,
        before=_as_stored(change.before),
        after=_as_stored(change.after),
        previous=previous,
    )


def _as_stored(values: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Convert the values to JSON and back, so that the digest is that of the stored row."""
    return None if values is None else msgspec.json.decode(msgspec.json.encode(dict(values)))
