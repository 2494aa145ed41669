"""The admin port: probes and metrics, apart from what the ingress can reach."""

from __future__ import annotations

from dataclasses import dataclass, field

from aiohttp import hdrs, web
from prometheus_client.exposition import choose_encoder

from libs.web.in_flight import RequestTracker
from libs.web.metrics import METRICS, Metrics


@dataclass(slots=True)
class Lifecycle:
    """The phase of the process between start and end."""

    started: bool = False
    draining: bool = False
    requests: RequestTracker = field(default_factory=RequestTracker)

    @property
    def ready(self) -> bool:
        """Whether the load balancer may send requests: started, and not draining."""
        return self.started and not self.draining


LIFECYCLE = web.AppKey("LIFECYCLE", Lifecycle)


def admin_application(lifecycle: Lifecycle, metrics: Metrics) -> web.Application:
    """The application of the second port: health and metrics, for the cluster only."""
    app = web.Application()
    app[LIFECYCLE] = lifecycle
    app[METRICS] = metrics
    app.router.add_get("/livez", report_live)
    app.router.add_get("/readyz", report_ready)
    app.router.add_get("/metrics", show_metrics)
    return app


async def report_live(_request: web.Request) -> web.Response:
    """Touches nothing: a restart mends only a loop that no longer turns."""
    return web.Response(text="ok\n")


async def report_ready(request: web.Request) -> web.Response:
    """Started and not draining; not the database, whose blink would take every pod away."""
    lifecycle = request.app[LIFECYCLE]
    if lifecycle.ready:
        return web.Response(text="ok\n")
    return web.Response(status=503, text="draining\n" if lifecycle.draining else "starting\n")


async def show_metrics(request: web.Request) -> web.Response:
    """In the format that the caller accepts; exemplars exist in OpenMetrics only."""
    encode, content_type = choose_encoder(request.headers.get(hdrs.ACCEPT, ""))
    body = encode(request.app[METRICS].registry)
    return web.Response(body=body, headers={hdrs.CONTENT_TYPE: content_type})
