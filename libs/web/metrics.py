"""Prometheus metrics, in a registry of the application's own."""

from __future__ import annotations

from functools import lru_cache

from aiohttp import web
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
)

from libs.web.build import Build

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """The metrics that every service has; `registry` takes further ones."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        # Finding a counter by its labels costs more than counting.
        self._of_route = lru_cache(maxsize=1024)(self._find_route)
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        build = Build.read()
        Gauge(
            "timesheets_build_info",
            "1; the labels say which build runs.",
            ("version", "revision"),
            registry=self.registry,
        ).labels(build.version, build.revision).set(1)
        self.requests = Counter(
            "timesheets_http_requests_total",
            "Requests answered, by route template.",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self.durations = Histogram(
            "timesheets_http_request_duration_seconds",
            "Time from the first handler to the answer.",
            ("method", "route"),
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self.in_flight = Gauge(
            "timesheets_http_requests_in_flight",
            "Requests being answered now.",
            registry=self.registry,
        )
        self.errors = Counter(
            "timesheets_http_unhandled_errors_total",
            "Requests that ended in an error nobody foresaw.",
            ("method", "route"),
            registry=self.registry,
        )
        self.token_verifications = Counter(
            "timesheets_auth_token_verifications_total",
            "Access tokens checked, by outcome.",
            ("outcome",),
            registry=self.registry,
        )
        self.key_fetches = Counter(
            "timesheets_auth_key_fetches_total",
            "Fetches of the issuer's key set, by outcome.",
            ("outcome",),
            registry=self.registry,
        )

    def count_answer(
        self, method: str, route: str, status: str, seconds: float, trace_id: str | None = None
    ) -> None:
        """Count a request; `trace_id` becomes the exemplar of its duration."""
        requests, durations = self._of_route(method, route, status)
        requests.inc()
        durations.observe(seconds, {"trace_id": trace_id} if trace_id else None)

    def _find_route(self, method: str, route: str, status: str) -> tuple[Counter, Histogram]:
        return self.requests.labels(method, route, status), self.durations.labels(method, route)


METRICS = web.AppKey("METRICS", Metrics)

TRACE_ID = web.RequestKey("TRACE_ID", str)
"""The trace of the request, where it is sampled (`libs.web.tracing`)."""


def route_of(request: web.Request) -> str:
    """The template of the route that serves the request, never its address."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "unmatched"
