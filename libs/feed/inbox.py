"""A follower's tables in its own database: its cursor, its lease and its dead letters.

The row of `feed_cursors` is locked while events are applied. So each event is applied once, even
if several processes believe that they hold the lease.

Dead letters are in the table `feed_set_aside`, which keeps the name of its first release.
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

# Events are being applied under a locked row, even if its lease has run out meanwhile.
ACQUIRE_LEASE = """
    UPDATE feed_cursors
    SET holder = $2, held_until = clock_timestamp() + make_interval(secs => $3)
    WHERE source = (
        SELECT source FROM feed_cursors
        WHERE source = $1 AND (holder = $2 OR held_until < clock_timestamp())
        FOR UPDATE SKIP LOCKED
    )
    RETURNING after, (
        SELECT count(*) FROM feed_set_aside WHERE source = $1 AND superseded_by IS NULL
    ) AS dead_letters
"""

RELEASE_LEASE = """
    UPDATE feed_cursors SET holder = NULL, held_until = '-infinity'
    WHERE source = $1 AND holder = $2
"""

LOCK = """
    SELECT after, ARRAY (
        SELECT subject FROM feed_set_aside WHERE source = $1 AND superseded_by IS NULL
    ) AS subjects_with_dead_letters
    FROM feed_cursors WHERE source = $1 AND holder = $2
    FOR UPDATE
"""

# Progress renews the lease: the transaction may have taken longer than the rest of it.
ADVANCE = """
    UPDATE feed_cursors
    SET after = greatest(after, $2),
        held_until = greatest(held_until, clock_timestamp() + make_interval(secs => $3))
    WHERE source = $1
"""

ADD_DEAD_LETTER = """
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
    """The right to follow a feed for some seconds, and what its holder has to know.

    `after` is the cursor; `dead_letters` how many events could not be handled and were not
    superseded since.
    """

    after: int
    dead_letters: int


@dataclass(frozen=True, slots=True)
class Cursor:
    """The place in a feed, and the subjects that have a dead letter which is not superseded."""

    after: int
    subjects_with_dead_letters: frozenset[str]


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An event that could not be handled.

    `superseded_by` is the sequence of a later event of the same subject that was handled:
    handling this one now might undo what is newer.
    """

    source: str
    delivery: Delivery
    reason: str
    tries: int
    superseded_by: int | None


async def acquire_lease(
    connection: asyncpg.Connection, source: str, holder: UUID, seconds: float
) -> FollowerLease | None:
    """Acquire or renew the lease for so many seconds. None while another process holds it."""
    row = await connection.fetchrow(ACQUIRE_LEASE, source, holder, seconds)
    if row is None and await connection.fetchval(BEGIN_AT_START, source):
        row = await connection.fetchrow(ACQUIRE_LEASE, source, holder, seconds)
    return FollowerLease(row["after"], row["dead_letters"]) if row else None


async def release_lease(connection: asyncpg.Connection, source: str, holder: UUID) -> None:
    """Let another replica follow the feed at once. Does nothing if the lease is no longer ours."""
    await connection.execute(RELEASE_LEASE, source, holder)


async def lock_cursor(connection: asyncpg.Connection, source: str, holder: UUID) -> Cursor | None:
    """Lock the cursor until the transaction ends. None if another process holds the lease."""
    row = await connection.fetchrow(LOCK, source, holder)
    if row is None:
        return None
    return Cursor(row["after"], frozenset(row["subjects_with_dead_letters"]))


async def advance(
    connection: asyncpg.Connection, source: str, after: int, lease_seconds: float
) -> None:
    """Move the cursor to `after` and renew the lease."""
    await connection.execute(ADVANCE, source, after, lease_seconds)


async def dead_letter(
    connection: asyncpg.Connection, source: str, delivery: Delivery, reason: str
) -> None:
    """Keep an event that could not be applied, so that those after it can be."""
    event = encode_delivery(delivery)
    await connection.execute(
        ADD_DEAD_LETTER, source, delivery.sequence, delivery.type, delivery.subject, event, reason
    )


async def supersede(connection: asyncpg.Connection, source: str, delivery: Delivery) -> None:
    """Mark the dead letters of the event's subject as older than this event."""
    await connection.execute(SUPERSEDE, source, delivery.subject, delivery.sequence)


async def list_dead_letters(connection: asyncpg.Connection) -> Sequence[DeadLetter]:
    """Every event that waits to be tried again, oldest first."""
    return [_dead_letter(row) for row in await connection.fetch(LIST)]


async def lock_dead_letter(
    connection: asyncpg.Connection, source: str, sequence: int
) -> DeadLetter | None:
    """Lock one dead letter. No event of its source is applied until the transaction ends."""
    await connection.execute(LOCK_SOURCE, source)
    row = await connection.fetchrow(LOCK_ONE, source, sequence)
    return _dead_letter(row) if row else None


async def remove_dead_letter(letter: DeadLetter, connection: asyncpg.Connection) -> None:
    """Forget an event that was applied after all."""
    await connection.execute(REMOVE, letter.source, letter.delivery.sequence)


async def count_try(letter: DeadLetter, reason: str, connection: asyncpg.Connection) -> None:
    """Record one more failed try and the reason of it."""
    await connection.execute(COUNT_TRY, letter.source, letter.delivery.sequence, reason)


def _dead_letter(row: asyncpg.Record) -> DeadLetter:
    return DeadLetter(
        row["source"],
        decode_delivery(row["event"]),
        row["reason"],
        row["tries"],
        row["superseded_by"],
    )
