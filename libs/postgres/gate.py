"""The queue before the connection pool: fair, short, and honest about it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from libs.web.problems import ServiceUnavailable


class Gate:
    """Lets as many through as there are connections, in the order they came.

    The pool itself hands connections to whoever comes first to a free one, so that some wait for
    ever. Who cannot wait here, because too many do or because it took too long, is turned away:
    an answer that comes too late only costs the next one its time.
    """

    def __init__(
        self, places: int, max_waiting: int, max_wait: float, on_shed: Callable[[str], None]
    ) -> None:
        self._places = asyncio.Semaphore(places)
        self._max_waiting = max_waiting
        self._max_wait = max_wait
        self._on_shed = on_shed
        self.waiting = 0
        self.inside = 0

    async def enter(self) -> None:
        """Raises `ServiceUnavailable`; otherwise `leave` must follow."""
        if self._places.locked():
            await self._wait()
        else:
            await self._places.acquire()
        self.inside += 1

    def leave(self) -> None:
        self.inside -= 1
        self._places.release()

    async def _wait(self) -> None:
        if self.waiting >= self._max_waiting:
            raise self._turned_away("full")
        self.waiting += 1
        try:
            async with asyncio.timeout(self._max_wait):
                await self._places.acquire()
        except TimeoutError:
            raise self._turned_away("late") from None
        finally:
            self.waiting -= 1

    def _turned_away(self, reason: str) -> ServiceUnavailable:
        self._on_shed(reason)
        return ServiceUnavailable("Too many requests wait for the database.", retry_after=1)
