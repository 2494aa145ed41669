"""Requests in flight: what a draining process has to finish before it may end."""

from __future__ import annotations

import asyncio

from aiohttp import web


class RequestTracker:
    """Knows every request from its headers until its handler has returned."""

    def __init__(self) -> None:
        self._requests: dict[int, web.BaseRequest] = {}  # by id(): a request is not hashable
        self._idle: asyncio.Event | None = None  # while somebody waits

    def __len__(self) -> int:
        return len(self._requests)

    def add(self, request: web.BaseRequest) -> None:
        """Note a request that has begun."""
        self._requests[id(request)] = request

    def remove(self, request: web.BaseRequest) -> None:
        """Note that a request has ended."""
        self._requests.pop(id(request), None)
        if self._idle is not None and not self._requests:
            self._idle.set()

    async def wait_until_idle(self, seconds: float) -> bool:
        """Wait until no request is in flight. Returns False if that took longer than `seconds`."""
        if not self._requests:
            return True
        self._idle = asyncio.Event()
        try:
            async with asyncio.timeout(seconds):
                await self._idle.wait()
        except TimeoutError:
            return False
        return True

    def abort_bodies(self, error: Exception) -> None:
        """Raise `error` in every handler that still reads a request body."""
        for request in self._requests.values():
            if not request.content.is_eof():
                request.content.set_exception(error)
