"""Waiting for what tells nobody that it has happened."""

import asyncio
from collections.abc import Awaitable, Callable


async def until(happened: Callable[[], bool | Awaitable[object]]) -> None:
    """Ask again and again; the test's own time-out ends it."""
    while True:
        answer = happened()
        if isinstance(answer, Awaitable):
            answer = bool(await answer)
        if answer:
            return
        await asyncio.sleep(0.002)
