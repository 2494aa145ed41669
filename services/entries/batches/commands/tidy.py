"""Delete what batches no longer need."""

from __future__ import annotations

from datetime import timedelta

import asyncpg

from libs.postgres.pool import Database
from libs.web.app import Clock
from services.entries.batches.store import batches as store

KEEP_DRY_RUNS = timedelta(days=1)
KEEP_ERRORS = timedelta(days=30)
KEEP_CHANGES = timedelta(days=90)


async def tidy_batches(db: Database, clock: Clock) -> None:
    """Delete the errors of batches after 30 days and what undoing them needs after 90; of dry runs
    both after one day."""
    now = clock.now()

    async def delete(connection: asyncpg.Connection) -> None:
        dry_runs = now - KEEP_DRY_RUNS
        await store.delete_old_errors(connection, dry_runs, now - KEEP_ERRORS)
        await store.delete_old_changes(connection, dry_runs, now - KEEP_CHANGES)

    await db.transact(delete)
