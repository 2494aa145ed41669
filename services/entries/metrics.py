"""Metrics of entries, weeks and batches."""

from __future__ import annotations

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter

SOURCES = ("app", "portal", "batch")
BATCH_STATES = ("applied", "refused", "dry_run")


class ServiceMetrics:
    """Counters are raised after COMMIT, so that a retry counts once."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._entries = Counter(
            "timesheets_entries_logged_total",
            "Entries made, by how.",
            ("source",),
            registry=registry,
        )
        self._weeks = Counter(
            "timesheets_weeks_submitted_total", "Weeks submitted.", registry=registry
        )
        self._batches = Counter(
            "timesheets_batches_total",
            "Batches uploaded, by what became of them.",
            ("state",),
            registry=registry,
        )
        # A series that begins with its first event hides that event from rate().
        for source in SOURCES:
            self._entries.labels(source)
        for state in BATCH_STATES:
            self._batches.labels(state)

    def count_entries(self, source: str, number: int = 1) -> None:
        """Count new entries by their source."""
        self._entries.labels(source).inc(number)

    def count_week(self) -> None:
        """Count a submitted week."""
        self._weeks.inc()

    def count_batch(self, state: str) -> None:
        """Count a batch by the state it ended in."""
        self._batches.labels(state).inc()


SERVICE_METRICS = web.AppKey("SERVICE_METRICS", ServiceMetrics)
