"""Metrics of the connections to the database."""

from __future__ import annotations

from functools import partial
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from libs.postgres.shares import Share

_BUCKETS = (0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 2.0, 5.0)
SHED_REASONS = ("full", "late", "away")


class Pool(Protocol):
    """The numbers of a pool that each scrape reads."""

    @property
    def size(self) -> int:
        """Open connections."""

    @property
    def in_use(self) -> int:
        """Connections that are lent."""

    @property
    def waiting(self) -> int:
        """Requests that wait for a connection."""

    @property
    def available(self) -> bool:
        """Whether the database could be reached at the last try."""

    def held_by(self, share: Share) -> int:
        """Connections that are lent to this share."""


class PoolMetrics:
    """The gauges read the pool when they are scraped."""

    def __init__(self, registry: CollectorRegistry, pool: Pool) -> None:
        gauges = {
            "timesheets_db_pool_connections": ("Connections that are open.", lambda: pool.size),
            "timesheets_db_pool_in_use": ("Connections that are in use.", lambda: pool.in_use),
            "timesheets_db_pool_waiting": (
                "Requests that wait for a connection.",
                lambda: pool.waiting,
            ),
            "timesheets_db_available": (
                "1 while the database can be reached.",
                lambda: pool.available,
            ),
        }
        for name, (text, read) in gauges.items():
            Gauge(name, text, registry=registry).set_function(read)
        held = Gauge(
            "timesheets_db_pool_share_in_use",
            "Connections in use, by what they are used for.",
            ("share",),
            registry=registry,
        )
        for share in Share:
            held.labels(share.value).set_function(partial(pool.held_by, share))
        self.acquire_seconds = Histogram(
            "timesheets_db_pool_acquire_seconds",
            "Time until a connection was available.",
            buckets=_BUCKETS,
            registry=registry,
        )
        self._shed = Counter(
            "timesheets_db_pool_shed_total",
            "Refused without a connection: queue full, waited too long, database away.",
            ("reason", "share"),
            registry=registry,
        )
        for reason in SHED_REASONS:
            for share in Share:
                # A series that begins with its first event hides that event from rate().
                self._shed.labels(reason, share.value)
        self._retries = Counter(
            "timesheets_db_transaction_retries_total",
            "Transactions that were repeated, by what ended the one before.",
            ("reason",),
            registry=registry,
        )

    def count_shed(self, share: Share, reason: str) -> None:
        """Count one who got no connection, and why."""
        self._shed.labels(reason, share.value).inc()

    def count_retry(self, reason: str) -> None:
        """Count one repeated transaction, and why it was repeated."""
        self._retries.labels(reason).inc()
