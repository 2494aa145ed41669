"""Record the notices that are due."""

from __future__ import annotations

from datetime import datetime, timedelta

import asyncpg

from libs.postgres.pool import Database
from services.approvals.notices.model import Kind, due_times
from services.approvals.notices.store import due as store
from services.approvals.notices.store.outbox import delete_old

# Longer than any fact is looked back for, so that nothing is recorded twice.
KEEP = timedelta(days=120)


async def record_due(database: Database, now: datetime) -> None:
    """Record what is due now and not recorded yet, and delete what is old."""

    async def record(connection: asyncpg.Connection) -> None:
        zones = await store.list_zones(connection)
        times = [time for zone in sorted(zones) for time in due_times(zone, now)]
        for kind in (Kind.WEEK_DUE, Kind.WEEK_OVERDUE):
            if due := [time for time in times if time.kind is kind]:
                await store.record_unsubmitted(connection, kind, due)
        if waiting := [time for time in times if time.kind is Kind.WEEKS_WAITING]:
            await store.record_waiting(connection, waiting)
        await store.record_rejected(connection, now)
        await delete_old(connection, now - KEEP)

    await database.transact(record)
