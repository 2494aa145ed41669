"""One call under way at a time, however many wait for what it brings."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Flight(Generic[T]):
    """Share one call: callers that come while it is running wait for it.

    The call has a task of its own: a waiter that is cancelled (its client hung up) leaves it
    running for the others.
    """

    def __init__(self, call: Callable[[], Coroutine[Any, Any, T]]) -> None:
        self._call = call
        self._task: asyncio.Task[T] | None = None

    @property
    def is_under_way(self) -> bool:
        """Whether the call runs at the moment."""
        return self._task is not None and not self._task.done()

    def start(self) -> asyncio.Task[T]:
        """The running call, or a new one."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._call())
            # With nobody left to wait for it, an error would be reported as never retrieved.
            self._task.add_done_callback(_retrieve)
        return self._task

    async def join(self) -> T:
        """The result of the running call, or of a new one. A caller that is cancelled does not end
        it."""
        return await asyncio.shield(self.start())

    async def close(self) -> None:
        """Cancel the call and wait for its end."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await self._task


def _retrieve(task: asyncio.Task[Any]) -> None:
    if not task.cancelled():
        task.exception()
