"""Metrics of the weeks that wait for a decision, and of the notices that are not sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta

import structlog
from aiohttp import web
from prometheus_client import CollectorRegistry, Gauge

from libs.postgres.pool import DATABASE
from libs.postgres.retry import jittered
from libs.postgres.shares import Share
from libs.web.app import CLOCK
from libs.web.metrics import METRICS
from services.approvals.notices.store.outbox import count_stuck
from services.approvals.store.approvals import Waiting, read_waiting

HALF_A_MINUTE = 30.0
STUCK_AFTER = timedelta(hours=1)

log = structlog.get_logger(__name__)


class ServiceMetrics:
    """The numbers of waiting weeks and notices."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._waiting = Gauge(
            "timesheets_approvals_waiting", "Weeks that wait for a decision.", registry=registry
        )
        self._oldest = Gauge(
            "timesheets_approvals_oldest_waiting_seconds",
            "How long the oldest of them has waited; 0 if none waits.",
            registry=registry,
        )

        self._stuck = Gauge(
            "timesheets_notices_stuck",
            "Notices that were due more than an hour ago and are not sent.",
            registry=registry,
        )

    def show(self, waiting: Waiting, stuck: int, now: datetime) -> None:
        """Set the gauges to what was counted at `now`."""
        self._waiting.set(waiting.number)
        since = now if waiting.oldest is None else waiting.oldest
        self._oldest.set((now - since).total_seconds())
        self._stuck.set(stuck)


def metrics_context(
    every: float = HALF_A_MINUTE,
) -> Callable[[web.Application], AsyncIterator[None]]:
    """A cleanup context that updates the metrics every so many seconds; follows the database's.

    Not at each scrape: their number and rate are not under our control.
    """

    async def keep_current(app: web.Application) -> AsyncIterator[None]:
        task = asyncio.create_task(
            _update_forever(app, ServiceMetrics(app[METRICS].registry), every)
        )
        yield
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    return keep_current


async def _update_forever(app: web.Application, shown: ServiceMetrics, every: float) -> None:
    while True:
        try:
            now = app[CLOCK].now()
            async with app[DATABASE].connection(Share.REPORTS) as connection:
                waiting = await read_waiting(connection)
                stuck = await count_stuck(connection, now - STUCK_AFTER)
            shown.show(waiting, stuck, now)
        except Exception as error:
            log.warning("could not update the metrics", error=repr(error))
        await asyncio.sleep(jittered(every))
