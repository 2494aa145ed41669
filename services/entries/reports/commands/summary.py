"""Keeping the summary of totals up to date."""

from __future__ import annotations

from libs.postgres.dedicated import Timeouts
from libs.postgres.pool import Database
from libs.postgres.shares import Share
from libs.web.app import Clock
from services.entries.reports.store import summary as store

# Seconds between two additions: totals read the changes since, so fewer of them are faster.
INTERVAL = 15.0
TIMEOUTS = Timeouts(statement=3600.0, lock=5.0, work_mem="256MB")


async def keep_summary(db: Database, _clock: Clock) -> None:
    """Add what changed to the summary; the first time, compute it from all entries."""
    async with db.connection(Share.REPORTS) as connection:
        filled = await store.is_filled(connection)
    if not filled:
        async with db.dedicated(TIMEOUTS) as session:
            await session.transact(store.fill, isolation="repeatable_read")
    await db.transact(store.add_changes, share=Share.BATCHES)
