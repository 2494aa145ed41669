"""Metrics of following a feed."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge


class FollowerMetrics:
    """By source. Only the process that holds the lease has the gauges about the lag."""

    def __init__(self, registry: CollectorRegistry) -> None:
        by_source = ("source",)
        self.following = Gauge(
            "timesheets_feed_following",
            "1 in the process that holds the lease.",
            by_source,
            registry=registry,
        )
        self.lag_events = Gauge(
            "timesheets_feed_lag_events",
            "Sequence numbers between the cursor and the head.",
            by_source,
            registry=registry,
        )
        self.lag_seconds = Gauge(
            "timesheets_feed_lag_seconds",
            "Time since every event of the feed had been handled.",
            by_source,
            registry=registry,
        )
        self.last_success = Gauge(
            "timesheets_feed_last_success_timestamp_seconds",
            "When the feed was last read and its events handled.",
            by_source,
            registry=registry,
        )
        self.dead_letters = Gauge(
            "timesheets_feed_dead_letters",
            "Events that could not be handled and that no later event supersedes.",
            by_source,
            registry=registry,
        )
        self._events = Counter(
            "timesheets_feed_events_total",
            "Events received, by outcome.",
            ("source", "type", "outcome"),
            registry=registry,
        )
        self._failures = Counter(
            "timesheets_feed_failures_total",
            "Rounds that failed and were tried again.",
            by_source,
            registry=registry,
        )
        self._busy = Counter(
            "timesheets_feed_busy_total",
            "Attempts to handle an event that found the database busy and will be repeated.",
            by_source,
            registry=registry,
        )

    def count(self, source: str, kind: str, outcome: str, number: int = 1) -> None:
        """Count events of a feed by their type and by what became of them."""
        # Unknown types come from another service and are not bounded.
        label = kind if outcome in ("handled", "dead_letter") else "other"
        self._events.labels(source, label, outcome).inc(number)

    def count_busy(self, source: str) -> None:
        """Count a try that ended because the database was busy."""
        self._busy.labels(source).inc()

    def count_failure(self, source: str) -> None:
        """Count a request to the feed that failed."""
        self._failures.labels(source).inc()

    def forget_lag(self, source: str) -> None:
        """Remove the gauges: the process that holds the lease has them."""
        self.following.labels(source).set(0)
        for gauge in (self.lag_events, self.lag_seconds, self.dead_letters, self.last_success):
            gauge.remove(source)
