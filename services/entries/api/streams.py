"""Answers that are sent while they are made, for as long as somebody takes them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import structlog
from aiohttp import web

# How often we look whether the client is still there, and how long it may take nothing.
LOOK_SECONDS = 0.25
STALL_SECONDS = 60.0
# PostgreSQL hands out pieces of 8 KiB, each of which would be a call of the system, and a packet.
PIECE = 64 * 1024

log = structlog.get_logger(__name__)


class Outlet:
    """Sends pieces. The answer begins with the first one: what fails before is still a problem."""

    def __init__(self, request: web.Request, response: web.StreamResponse) -> None:
        self._request = request
        self._response = response
        self._waiting: list[bytes] = []
        self._size = 0

    async def send(self, data: bytes) -> None:
        """Waits while the client does not read. Raises TimeoutError, ConnectionError."""
        self._waiting.append(data)
        self._size += len(data)
        if self._size >= PIECE:
            await self.flush()

    async def flush(self) -> None:
        """Send what waits for more."""
        data, self._waiting, self._size = b"".join(self._waiting), [], 0
        if not self._response.prepared:
            await self._response.prepare(self._request)
        async with asyncio.timeout(STALL_SECONDS):
            await self._response.write(data)


async def stream(
    request: web.Request,
    response: web.StreamResponse,
    work: Callable[[Outlet], Awaitable[None]],
) -> web.StreamResponse:
    """The answer that `work` sends; it is cancelled, and its statement with it, once the client
    has gone. An answer that cannot be finished is broken off, so that nobody takes it for whole.
    """
    outlet = Outlet(request, response)
    working = asyncio.ensure_future(work(outlet))
    watching = asyncio.create_task(_until_gone(request))
    try:
        await asyncio.wait({working, watching}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            await working
            await outlet.flush()
            await response.write_eof()
    except Exception as error:
        if not response.prepared:
            raise
        if not isinstance(error, ConnectionError):
            log.warning("an export was broken off", path=request.path, error=repr(error))
        if request.transport is not None:
            request.transport.abort()
    finally:
        for task in (working, watching):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await task
    return response


async def _until_gone(request: web.Request) -> None:
    # aiohttp tells nobody that a connection was lost while nothing is read or written.
    while request.transport is not None and not request.transport.is_closing():  # noqa: ASYNC110 - the reason above
        await asyncio.sleep(LOOK_SECONDS)
