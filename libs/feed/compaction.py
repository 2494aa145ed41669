"""Compaction: of the events older than 90 days, only the newest of each subject stays.

A follower that begins at the start misses nothing that still holds: a later event of the same
subject has replaced what was removed.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import asyncpg

from libs.postgres.pool import Database
from libs.postgres.shares import Share

KEEP = timedelta(days=90)
STEP = 1000

# Compaction reads this service's own feed and keeps its place as a follower does.
CURSOR = "compaction"

BEGIN = "INSERT INTO feed_cursors (source) VALUES ($1) ON CONFLICT DO NOTHING"
# Another replica that compacts at this moment does the same work.
LOCK = "SELECT after FROM feed_cursors WHERE source = $1 FOR UPDATE SKIP LOCKED"
ADVANCE = "UPDATE feed_cursors SET after = $2 WHERE source = $1"

# Each event that has become old replaces the older events of its subject. Events are old in the
# order of the feed: the step ends before the first that is not.
COMPACT = """
    WITH page AS MATERIALIZED (
        SELECT sequence, subject, time FROM events
        WHERE sequence > $1 ORDER BY sequence LIMIT $3
    ),
    old AS MATERIALIZED (
        SELECT sequence, subject FROM page WHERE sequence < coalesce(
            (SELECT min(sequence) FROM page WHERE time >= $2), 9223372036854775807
        )
    ),
    newest AS (SELECT subject, max(sequence) AS sequence FROM old GROUP BY subject),
    removed AS (
        DELETE FROM events USING newest
        WHERE events.subject = newest.subject AND events.sequence < newest.sequence
        RETURNING true
    )
    SELECT (SELECT max(sequence) FROM old) AS reached,
           (SELECT count(*) FROM old) = $3 AS is_full,
           (SELECT count(*) FROM removed) AS removed
"""


async def compact(db: Database, now: datetime, *, keep: timedelta = KEEP, step: int = STEP) -> int:
    """Remove the events that are older than `keep` and not the newest such event of their subject.

    Goes on where the last compaction ended, in one transaction for each `step` events. Returns
    how many events were removed.
    """

    async def work(connection: asyncpg.Connection) -> asyncpg.Record | None:
        await connection.execute(BEGIN, CURSOR)
        after = await connection.fetchval(LOCK, CURSOR)
        if after is None:
            return None
        done = await connection.fetchrow(COMPACT, after, now - keep, step)
        if done["reached"] is not None:
            await connection.execute(ADVANCE, CURSOR, done["reached"])
        return done

    removed, is_full = 0, True
    while is_full:
        done = await db.transact(work, share=Share.BATCHES)
        removed += int(done["removed"]) if done else 0
        is_full = bool(done and done["is_full"])
    return removed
