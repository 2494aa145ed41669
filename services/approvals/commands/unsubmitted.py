"""Storing which weeks are not submitted."""

from __future__ import annotations

from libs.postgres.pool import Database
from libs.postgres.shares import Share
from libs.web.app import Clock
from services.approvals.store import unsubmitted as store

# Seconds between two rounds: the weeks of people who changed since are computed when they are read.
INTERVAL = 5.0
PEOPLE_AT_ONCE = 200


async def store_unsubmitted(db: Database, _clock: Clock) -> None:
    """Store the weeks of everybody whose weeks changed, in short transactions."""
    stored = PEOPLE_AT_ONCE
    while stored == PEOPLE_AT_ONCE:
        stored = await db.transact(
            lambda connection: store.store_changed(connection, PEOPLE_AT_ONCE), share=Share.BATCHES
        )
