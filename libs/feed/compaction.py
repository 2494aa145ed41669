"""Compaction: of old events the newest of each subject stays.

A follower that is behind merely misses what a later event of the same subject has replaced.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import asyncpg

from libs.postgres.pool import Database

KEEP = timedelta(days=90)
STEP = 1000

# Rows of a step are locked for the moment of their deletion, and nobody else wants them.
COMPACT = """
    WITH step AS MATERIALIZED (
        SELECT sequence, subject, time FROM events
        WHERE sequence > $1 ORDER BY sequence LIMIT $3
    ),
    removed AS (
        DELETE FROM events USING step
        WHERE events.sequence = step.sequence AND step.time < $2 AND EXISTS (
            SELECT FROM events AS later
            WHERE later.subject = step.subject AND later.sequence > step.sequence
              AND later.time < $2
        )
        RETURNING true
    )
    SELECT max(sequence) AS reached, min(time) < $2 AS has_old,
           (SELECT count(*) FROM removed) AS removed
    FROM step
"""


async def compact(db: Database, now: datetime, *, keep: timedelta = KEEP, step: int = STEP) -> int:
    """Remove what is older than `keep` and not the newest such event of its subject.

    One transaction a step, however much there is. Returns how many events were removed.
    """
    reached, removed = 0, 0
    while True:

        async def work(connection: asyncpg.Connection, after: int = reached) -> asyncpg.Record:
            return await connection.fetchrow(COMPACT, after, now - keep, step)

        done = await db.transact(work)
        removed += int(done["removed"])
        if not done["has_old"]:
            return removed
        reached = int(done["reached"])
