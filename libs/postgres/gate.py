"""The queue before the connection pool: fair, short, and honest about it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Generic, TypeVar

from libs.web.problems import ServiceUnavailable

T = TypeVar("T")


class Gate(Generic[T]):
    """Lets as many through as there are connections, in the order they came.

    The pool itself hands connections to whoever comes first to a free one, so that some wait for
    ever. Who cannot wait here, because too many do or because it took too long, is turned away:
    an answer that comes too late only costs the next one its time.

    Who leaves while others wait may hand on what he used, which the next one then need not fetch.
    """

    def __init__(
        self, places: int, max_waiting: int, max_wait: float, on_shed: Callable[[str], None]
    ) -> None:
        self._free = places
        self._max_waiting = max_waiting
        self._max_wait = max_wait
        self._on_shed = on_shed
        self._queue: deque[asyncio.Future[T | None]] = deque()
        self._left_over: list[T] = []
        self.waiting = 0
        self.inside = 0

    async def enter(self) -> T | None:
        """What was handed on, if anything. Raises `ServiceUnavailable`; otherwise `leave` or
        `hand_on` must follow."""
        if not self._free:
            return await self._wait()
        self._free -= 1
        self.inside += 1
        return self._left_over.pop() if self._left_over else None

    def leave(self) -> None:
        if not self._admit(None):
            self._free += 1
        self.inside -= 1

    def hand_on(self, used: T) -> bool:
        """Leave to whoever waits longest; False, and nothing is done, where nobody waits."""
        if not self._admit(used):
            return False
        self.inside -= 1
        return True

    def take_left_over(self) -> list[T]:
        """What was handed on to those who had gone by then."""
        left_over, self._left_over = self._left_over, []
        return left_over

    def _admit(self, used: T | None) -> bool:
        """Let the next one in; False where nobody waits."""
        while self._queue:
            waiter = self._queue.popleft()
            if not waiter.done():
                waiter.set_result(used)
                self.inside += 1
                return True
        return False

    async def _wait(self) -> T | None:
        if self.waiting >= self._max_waiting:
            raise self._turned_away("full")
        waiter: asyncio.Future[T | None] = asyncio.get_running_loop().create_future()
        self._queue.append(waiter)
        self.waiting += 1
        try:
            async with asyncio.timeout(self._max_wait):
                return await waiter
        except TimeoutError:
            self._step_back(waiter)
            raise self._turned_away("late") from None
        except BaseException:
            self._step_back(waiter)
            raise
        finally:
            self.waiting -= 1

    def _step_back(self, waiter: asyncio.Future[T | None]) -> None:
        """Pass the place on that was given in the very moment in which the waiter gave up."""
        if waiter.cancelled():
            with suppress(ValueError):
                self._queue.remove(waiter)
            return
        used = waiter.result()
        if used is not None and self.hand_on(used):
            return
        if used is not None:
            self._left_over.append(used)
        self.leave()

    def _turned_away(self, reason: str) -> ServiceUnavailable:
        self._on_shed(reason)
        return ServiceUnavailable("Too many requests wait for the database.", retry_after=1)
