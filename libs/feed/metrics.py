"""What Prometheus learns about following."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge


class FollowerMetrics:
    """For each source. Only the process that follows has the gauges about the lag."""

    def __init__(self, registry: CollectorRegistry) -> None:
        by_source = ("source",)
        self.following = Gauge(
            "feed_following", "1 in the process that follows.", by_source, registry=registry
        )
        self.lag_events = Gauge(
            "feed_lag_events", "Numbers between us and the end.", by_source, registry=registry
        )
        self.lag_seconds = Gauge(
            "feed_lag_seconds",
            "Time since everything there was had been handled.",
            by_source,
            registry=registry,
        )
        self.last_success = Gauge(
            "feed_last_success_timestamp_seconds",
            "When the feed was last read and what it held handled.",
            by_source,
            registry=registry,
        )
        self.dead_letter = Gauge(
            "feed_set_aside",
            "Events that could not be handled and that no later one replaces.",
            by_source,
            registry=registry,
        )
        self._events = Counter(
            "feed_events_total",
            "Events received, by what became of them.",
            ("source", "type", "outcome"),
            registry=registry,
        )
        self._failures = Counter(
            "feed_failures_total",
            "Rounds that failed and were tried again.",
            by_source,
            registry=registry,
        )

    def count(self, source: str, kind: str, outcome: str, number: int = 1) -> None:
        # A type that nobody here knows is somebody else's text.
        told = kind if outcome in ("handled", "dead_letter") else "other"
        self._events.labels(source, told, outcome).inc(number)

    def count_failure(self, source: str) -> None:
        self._failures.labels(source).inc()

    def forget_lag(self, source: str) -> None:
        """Another process follows, and knows."""
        self.following.labels(source).set(0)
        for gauge in (self.lag_events, self.lag_seconds, self.dead_letter, self.last_success):
            gauge.remove(source)
