"""What a follower keeps in its own database: how far it is, who follows, what was set aside.

The row of `feed_cursors` is locked while events are applied, so they are applied once however
many processes believe to be the one that follows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from libs.feed.wire import Delivery, decode_delivery, encode_delivery

BEGIN_AT_START = """
    INSERT INTO feed_cursors (source) VALUES ($1) ON CONFLICT DO NOTHING RETURNING true
"""

# A row that is locked is being worked on, however late it is.
TAKE_LEAD = """
    UPDATE feed_cursors
    SET holder = $2, held_until = clock_timestamp() + make_interval(secs => $3)
    WHERE source = (
        SELECT source FROM feed_cursors
        WHERE source = $1 AND (holder = $2 OR held_until < clock_timestamp())
        FOR UPDATE SKIP LOCKED
    )
    RETURNING after, (
        SELECT count(*) FROM feed_set_aside WHERE source = $1 AND superseded_by IS NULL
    ) AS dead_letter
"""

GIVE_UP_LEAD = """
    UPDATE feed_cursors SET holder = NULL, held_until = '-infinity'
    WHERE source = $1 AND holder = $2
"""

LOCK = """
    SELECT after, ARRAY (
        SELECT subject FROM feed_set_aside WHERE source = $1 AND superseded_by IS NULL
    ) AS troubled
    FROM feed_cursors WHERE source = $1 AND holder = $2
    FOR UPDATE
"""

ADVANCE = "UPDATE feed_cursors SET after = $2 WHERE source = $1 AND after < $2"

SET_ASIDE = """
    INSERT INTO feed_set_aside (source, sequence, type, subject, event, reason)
    VALUES ($1, $2, $3, $4, $5, $6)
"""

SUPERSEDE = """
    UPDATE feed_set_aside SET superseded_by = $3
    WHERE source = $1 AND subject = $2 AND superseded_by IS NULL
"""

LIST = """
    SELECT source, event, reason, tries, superseded_by FROM feed_set_aside
    ORDER BY source, sequence
"""

LOCK_SOURCE = "SELECT FROM feed_cursors WHERE source = $1 FOR UPDATE"

LOCK_ONE = """
    SELECT source, event, reason, tries, superseded_by FROM feed_set_aside
    WHERE source = $1 AND sequence = $2
    FOR UPDATE
"""

REMOVE = "DELETE FROM feed_set_aside WHERE source = $1 AND sequence = $2"

COUNT_TRY = """
    UPDATE feed_set_aside SET tries = tries + 1, reason = $3 WHERE source = $1 AND sequence = $2
"""


@dataclass(frozen=True, slots=True)
class FollowerLease:
    """The right to follow, for a while: where to go on, and how many events are set aside."""

    after: int
    dead_letter: int


@dataclass(frozen=True, slots=True)
class Cursor:
    """`troubled` are the subjects of which an event is set aside."""

    after: int
    troubled: frozenset[str]


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An event that could not be handled. `superseded_by` is a later event of the same subject
    that was, so that handling this one now might undo what is newer."""

    source: str
    delivery: Delivery
    reason: str
    tries: int
    superseded_by: int | None


async def acquire_lease(
    connection: asyncpg.Connection, source: str, holder: UUID, seconds: float
) -> FollowerLease | None:
    """Become or remain the one that follows for so many seconds; None while another one does."""
    row = await connection.fetchrow(TAKE_LEAD, source, holder, seconds)
    if row is None and await connection.fetchval(BEGIN_AT_START, source):
        row = await connection.fetchrow(TAKE_LEAD, source, holder, seconds)
    return FollowerLease(row["after"], row["dead_letter"]) if row else None


async def release_lease(connection: asyncpg.Connection, source: str, holder: UUID) -> None:
    await connection.execute(GIVE_UP_LEAD, source, holder)


async def lock_cursor(connection: asyncpg.Connection, source: str, holder: UUID) -> Cursor | None:
    """The cursor, locked until the transaction ends; None when another one follows by now."""
    row = await connection.fetchrow(LOCK, source, holder)
    return Cursor(row["after"], frozenset(row["troubled"])) if row else None


async def advance(connection: asyncpg.Connection, source: str, after: int) -> None:
    await connection.execute(ADVANCE, source, after)


async def dead_letter(
    connection: asyncpg.Connection, source: str, delivery: Delivery, reason: str
) -> None:
    event = encode_delivery(delivery)
    await connection.execute(
        SET_ASIDE, source, delivery.sequence, delivery.type, delivery.subject, event, reason
    )


async def supersede(connection: asyncpg.Connection, source: str, delivery: Delivery) -> None:
    """Note that this event was handled, so that what is set aside of its subject is older."""
    await connection.execute(SUPERSEDE, source, delivery.subject, delivery.sequence)


async def list_dead_letters(connection: asyncpg.Connection) -> Sequence[DeadLetter]:
    return [_aside(row) for row in await connection.fetch(LIST)]


async def lock_dead_letter(
    connection: asyncpg.Connection, source: str, sequence: int
) -> DeadLetter | None:
    """One event that was set aside; nothing of its source is applied until the transaction ends."""
    await connection.execute(LOCK_SOURCE, source)
    row = await connection.fetchrow(LOCK_ONE, source, sequence)
    return _aside(row) if row else None


async def remove_dead_letter(aside: DeadLetter, connection: asyncpg.Connection) -> None:
    await connection.execute(REMOVE, aside.source, aside.delivery.sequence)


async def count_try(aside: DeadLetter, reason: str, connection: asyncpg.Connection) -> None:
    await connection.execute(COUNT_TRY, aside.source, aside.delivery.sequence, reason)


def _aside(row: asyncpg.Record) -> DeadLetter:
    return DeadLetter(
        row["source"],
        decode_delivery(row["event"]),
        row["reason"],
        row["tries"],
        row["superseded_by"],
    )
