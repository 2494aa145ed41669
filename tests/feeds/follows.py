"""An applier of its own, and what it left behind."""

import uuid

from prometheus_client import CollectorRegistry

from libs.feed import inbox
from libs.feed.applying import Applier, Handlers
from libs.feed.metrics import FollowerMetrics
from libs.feed.wire import Delivery
from libs.postgres.pool import Database
from tests.feeds.conftest import HANDLERS, SOURCE, fetch

LEASE_SECONDS = 60.0


class Follows:
    """An applier and what it counted."""

    def __init__(self, db: Database, handlers: Handlers = HANDLERS) -> None:
        self.db = db
        self.holder = uuid.uuid4()
        self.registry = CollectorRegistry()
        metrics = FollowerMetrics(self.registry)
        self.applier = Applier(db, SOURCE, handlers, self.holder, metrics, LEASE_SECONDS)

    async def lead(self, seconds: float = LEASE_SECONDS) -> inbox.FollowerLease | None:
        async with self.db.connection() as connection:
            return await inbox.acquire_lease(connection, SOURCE, self.holder, seconds)

    async def apply(self, *deliveries: Delivery) -> None:
        await self.applier.apply(deliveries)

    def counted(self, outcome: str, kind: str = "timesheet.submitted") -> float:
        labels = {"source": SOURCE, "type": kind, "outcome": outcome}
        return self.registry.get_sample_value("timesheets_feed_events_total", labels) or 0


async def effects(db: Database) -> list[str]:
    return await fetch(db, "SELECT what FROM effects ORDER BY number")


async def cursor(db: Database) -> int:
    found: int = (await fetch(db, "SELECT after FROM feed_cursors WHERE source = $1", SOURCE))[0]
    return found


async def dead_letters(db: Database) -> list[tuple[int, str]]:
    async with db.connection() as connection:
        return [
            (one.delivery.sequence, one.reason) for one in await inbox.list_dead_letters(connection)
        ]
