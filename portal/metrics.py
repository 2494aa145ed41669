"""The portal's own metrics."""

from __future__ import annotations

from enum import StrEnum

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Histogram

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 1.0)


class Renewal(StrEnum):
    """Outcomes of renewing a person's tokens: `ENDED` if the issuer refused it."""

    RENEWED = "renewed"
    ENDED = "ended"
    UNAVAILABLE = "unavailable"


class PageMetrics:
    """The seconds that pages take without the API, and the renewals of tokens."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._own = Histogram(
            "timesheets_portal_page_own_seconds",
            "Time to handle a request, without the time spent waiting for the API.",
            ("route",),
            buckets=BUCKETS,
            registry=registry,
        )
        self._renewals = Counter(
            "timesheets_portal_token_renewals_total",
            "Renewals of people's tokens at the issuer, by outcome.",
            ("outcome",),
            registry=registry,
        )
        for outcome in Renewal:
            self._renewals.labels(outcome)

    def count_renewal(self, outcome: Renewal) -> None:
        """Count a renewal of tokens by its outcome."""
        self._renewals.labels(outcome).inc()

    def observe(self, route: str, seconds: float) -> None:
        """Record a page's own time, without the API, in seconds."""
        self._own.labels(route).observe(seconds)


PAGE_METRICS = web.AppKey("PAGE_METRICS", PageMetrics)
