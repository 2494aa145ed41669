"""Serving until SIGTERM, and then ending without a failed request."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from aiohttp import hdrs, web

from libs.web.health import LIFECYCLE, admin_application
from libs.web.logs import AccessLog
from libs.web.metrics import METRICS
from libs.web.settings import WebSettings

# A token of 8 KiB and the word Bearer must pass the parser, so that it is answered with 401.
MAX_HEADER_BYTES = 16 * 1024
# The gateway's own idle time-out must be below this one.
KEEPALIVE_SECONDS = 75.0

log = structlog.get_logger(__name__)


async def announce_draining(request: web.Request, response: web.StreamResponse) -> None:
    """A signal for `on_response_prepare`: while draining, no connection is used again."""
    if request.app[LIFECYCLE].draining:
        response.headers[hdrs.CONNECTION] = "close"
        response.force_close()


async def serve(app: web.Application, settings: WebSettings) -> None:
    """Run until SIGTERM or SIGINT, then drain: not ready, pause, finish what runs, close.

    A second signal ends the pause. In the pause requests are still taken, each answered with
    `Connection: close`, while the load balancer learns that this process is leaving: closing
    at once loses whatever travels on kept-alive connections.
    """
    stop, hurry = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def on_signal() -> None:
        (hurry if stop.is_set() else stop).set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal)
    lifecycle = app[LIFECYCLE]
    async with running(app, settings):
        await stop.wait()
        lifecycle.draining = True
        log.info("draining", seconds=settings.shutdown_delay)
        await _wait(hurry, settings.shutdown_delay)
    log.info("stopped")


@asynccontextmanager
async def running(app: web.Application, settings: WebSettings) -> AsyncIterator[tuple[int, int]]:
    """The application and its admin port, listening; yields both ports.

    The admin port opens first and closes last, so that the probes see the whole life.
    """
    lifecycle = app[LIFECYCLE]
    admin = web.AppRunner(admin_application(lifecycle, app[METRICS]), access_log=None)
    runner = web.AppRunner(
        app,
        access_log_class=AccessLog,
        keepalive_timeout=KEEPALIVE_SECONDS,
        shutdown_timeout=settings.shutdown_timeout,
        max_line_size=MAX_HEADER_BYTES,
        max_field_size=MAX_HEADER_BYTES,
    )
    try:
        admin_port = await _listen(admin, settings.host, settings.admin_port)
        port = await _listen(runner, settings.host, settings.port)
        lifecycle.started = True
        log.info("ready", port=port, admin_port=admin_port)
        yield port, admin_port
    finally:
        await runner.cleanup()
        await admin.cleanup()


async def _listen(runner: web.AppRunner, host: str, port: int) -> int:
    await runner.setup()
    site = web.TCPSite(runner, host, port, backlog=1024)
    await site.start()
    address = runner.addresses[0]
    return int(address[1])


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
