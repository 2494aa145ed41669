"""Serving until SIGTERM, and then ending without a failed request."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib import import_module

import structlog
from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from libs.web.health import LIFECYCLE, Lifecycle, admin_application
from libs.web.logs import AccessLog
from libs.web.metrics import METRICS
from libs.web.problems import ServiceUnavailable
from libs.web.protocol import ServiceRunner
from libs.web.settings import WebSettings

# A token of 8 KiB and the word Bearer must pass the parser, so that it is answered with 401.
MAX_HEADER_BYTES = 16 * 1024
# The gateway's own idle time-out must be below this one.
KEEPALIVE_SECONDS = 75.0
# After SHUTDOWN_TIMEOUT handlers that still run are cancelled when this is over.
CANCEL_SECONDS = 3.0

log = structlog.get_logger(__name__)


def announce_draining(request: web.Request, response: web.StreamResponse) -> None:
    """While draining, let no client use its connection again."""
    if request.app[LIFECYCLE].draining:
        response.headers[hdrs.CONNECTION] = "close"
        response.force_close()


@web.middleware
async def track_request(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let a draining process wait for this request."""
    requests = request.app[LIFECYCLE].requests
    requests.add(request)
    try:
        return await handler(request)
    finally:
        requests.remove(request)


def run(app: web.Application, settings: WebSettings) -> None:
    """Serve on the event loop of the settings, which this call starts, until SIGTERM."""
    with asyncio.Runner(loop_factory=_loop_factory(settings.event_loop)) as runner:
        runner.run(serve(app, settings))


def _loop_factory(event_loop: str) -> Callable[[], asyncio.AbstractEventLoop] | None:
    """The factory of the event loop; None stands for asyncio's own."""
    if event_loop != "uvloop":
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = import_module("uvloop").new_event_loop
    return factory


async def serve(app: web.Application, settings: WebSettings) -> None:
    """Run until SIGTERM or SIGINT, then drain.

    Draining takes these steps: report "not ready"; for SHUTDOWN_DELAY go on accepting requests,
    each answered with `Connection: close`, while the load balancer learns that this process is
    leaving; stop listening and finish the requests in flight, within SHUTDOWN_TIMEOUT; close.
    A second signal ends the delay.
    """
    stop, hurry = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def on_signal() -> None:
        (hurry if stop.is_set() else stop).set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal)
    lifecycle = app[LIFECYCLE]
    async with running(app, settings):
        _spare_permanent_objects()
        await stop.wait()
        lifecycle.draining = True
        log.info("draining", seconds=settings.shutdown_delay)
        await _wait(hurry, settings.shutdown_delay)
    log.info("stopped")


def _spare_permanent_objects() -> None:
    """Exempt what the start has made from garbage collection, as it lives until the end.

    Each full collection would visit these 90,000 objects, for tens of milliseconds during which
    no request is answered, every few seconds under load.
    """
    gc.collect()
    gc.freeze()


@asynccontextmanager
async def running(app: web.Application, settings: WebSettings) -> AsyncIterator[tuple[int, int]]:
    """The application and its admin port, listening; yields both ports.

    The admin port opens first and closes last, so that the probes see the whole life.
    """
    lifecycle = app[LIFECYCLE]
    admin = web.AppRunner(admin_application(lifecycle, app[METRICS]), access_log=None)
    runner = ServiceRunner(
        app,
        access_log_class=AccessLog,
        keepalive_timeout=KEEPALIVE_SECONDS,
        shutdown_timeout=CANCEL_SECONDS,
        max_line_size=MAX_HEADER_BYTES,
        max_field_size=MAX_HEADER_BYTES,
        # aiohttp takes a gzip body that was cut off for a whole one. Uploads decompress theirs.
        auto_decompress=False,
    )
    try:
        admin_port = await _listen(admin, settings.host, settings.admin_port)
        port = await _listen(runner, settings.host, settings.port)
        lifecycle.started = True
        log.info("ready", port=port, admin_port=admin_port)
        yield port, admin_port
    finally:
        await _finish_requests(runner, lifecycle, settings.shutdown_timeout)
        await runner.cleanup()
        await admin.cleanup()


async def _finish_requests(runner: web.AppRunner, lifecycle: Lifecycle, seconds: float) -> None:
    """Stop listening and wait for the requests in flight.

    `AppRunner.cleanup` drops request bodies that are still arriving, so it must not begin
    before. Clients whose bodies take longer than `seconds` get a 503.
    """
    lifecycle.draining = True  # kept-alive connections end with their next response
    for site in list(runner.sites):
        await site.stop()
    if not await lifecycle.requests.wait_until_idle(seconds):
        log.warning("requests cut off", requests=len(lifecycle.requests), seconds=seconds)
        lifecycle.requests.abort_bodies(
            ServiceUnavailable("The server is shutting down. Send the request again.")
        )


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
