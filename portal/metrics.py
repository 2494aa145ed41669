"""The portal's own metrics."""

from __future__ import annotations

from aiohttp import web
from prometheus_client import CollectorRegistry, Histogram

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 1.0)


class PageMetrics:
    """The seconds that pages take without the API."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._own = Histogram(
            "timesheets_portal_page_own_seconds",
            "Time to handle a request, without the time spent waiting for the API.",
            ("route",),
            buckets=_BUCKETS,
            registry=registry,
        )

    def observe(self, route: str, seconds: float) -> None:
        self._own.labels(route).observe(seconds)


PAGE_METRICS = web.AppKey("PAGE_METRICS", PageMetrics)
