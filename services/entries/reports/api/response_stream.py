"""Responses that are sent while they are produced, for as long as the client reads."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from aiohttp import hdrs, web

CONNECTION_CHECK_SECONDS = 0.25
# Seconds in which the client may read nothing, its minimum average rate over the time spent
# waiting for it, and how long the whole response may take. A slow reader keeps a snapshot open,
# which holds back VACUUM.
STALL_SECONDS = 60.0
MIN_BYTES_A_SECOND = 4 * 1024
MAX_SECONDS = 15 * 60.0
# PostgreSQL sends pieces of 8 KiB, each of which would be a system call and a packet.
PIECE = 64 * 1024

log = structlog.get_logger(__name__)


class ResponseStream:
    """Sends pieces. The response begins with the first one, so earlier errors are problems."""

    def __init__(self, request: web.Request, response: web.StreamResponse) -> None:
        self._request = request
        self._response = response
        self._pending: list[bytes] = []
        self._size = 0
        self._sent = 0
        self._waited = 0.0

    async def send(self, data: bytes) -> None:
        """Wait while the client does not read. Raises TimeoutError or ConnectionError."""
        self._pending.append(data)
        self._size += len(data)
        if self._size >= PIECE:
            await self.flush()

    async def flush(self) -> None:
        """Send the pending pieces."""
        data, self._pending, self._size = b"".join(self._pending), [], 0
        if not self._response.prepared:
            await self._response.prepare(self._request)
        loop = asyncio.get_running_loop()
        began = loop.time()
        allowed = STALL_SECONDS + self._sent / MIN_BYTES_A_SECOND - self._waited
        async with asyncio.timeout(min(STALL_SECONDS, allowed)):
            await self._response.write(data)
        self._waited += loop.time() - began
        self._sent += len(data)


class _HeadersOnly(ResponseStream):
    """Sends nothing; `complete` is set where the body would begin."""

    def __init__(self, request: web.Request, response: web.StreamResponse) -> None:
        super().__init__(request, response)
        self.complete = asyncio.Event()

    async def send(self, _data: bytes) -> None:
        self.complete.set()


async def stream(
    request: web.Request,
    response: web.StreamResponse,
    produce: Callable[[ResponseStream], Awaitable[None]],
) -> web.StreamResponse:
    """Send the response that `produce` writes.

    When the client disconnects, `produce` is cancelled, and with it its statement. A response that
    fails midway is cut off, so that no client takes it for complete.
    """
    if request.method == hdrs.METH_HEAD:
        await _settle_headers(request, response, produce)
        await response.prepare(request)
        return response
    body = ResponseStream(request, response)
    producing = asyncio.ensure_future(_within_ceiling(produce, body))
    watching = asyncio.create_task(_wait_for_disconnect(request))
    try:
        await asyncio.wait({producing, watching}, return_when=asyncio.FIRST_COMPLETED)
        if producing.done():
            await producing
            await body.flush()
            await response.write_eof()
    except Exception as error:
        if not response.prepared:
            raise
        if not isinstance(error, ConnectionError):
            log.warning("an export was cut off", path=request.path, error=repr(error))
        if request.transport is not None:
            request.transport.abort()
    finally:
        await _end(producing, watching)
    return response


async def _settle_headers(
    request: web.Request,
    response: web.StreamResponse,
    produce: Callable[[ResponseStream], Awaitable[None]],
) -> None:
    """Set the headers of GET, or raise its problem: both are those of the snapshot."""
    body = _HeadersOnly(request, response)
    producing = asyncio.ensure_future(_within_ceiling(produce, body))
    waiting = asyncio.create_task(body.complete.wait())
    try:
        await asyncio.wait({producing, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if producing.done():
            await producing
    finally:
        await _end(producing, waiting)


async def _end(*tasks: asyncio.Future[Any]) -> None:
    for task in tasks:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await task


async def _within_ceiling(
    produce: Callable[[ResponseStream], Awaitable[None]], body: ResponseStream
) -> None:
    async with asyncio.timeout(MAX_SECONDS):
        await produce(body)


async def _wait_for_disconnect(request: web.Request) -> None:
    # aiohttp reports a lost connection only while something is read or written.
    while request.transport is not None and not request.transport.is_closing():  # noqa: ASYNC110 - the reason above
        await asyncio.sleep(CONNECTION_CHECK_SECONDS)
