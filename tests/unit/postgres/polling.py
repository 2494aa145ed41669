"""Waiting for what tells nobody that it has happened."""

import asyncio
from collections.abc import Awaitable, Callable

PATIENCE = 30.0


async def until(happened: Callable[[], bool | Awaitable[object]]) -> None:
    """Ask again and again, for half a minute.

    pytest's own time-out is no help: its signal may come while another task runs, and end that.
    """
    async with asyncio.timeout(PATIENCE):
        while not await _answer(happened):
            await asyncio.sleep(0.002)


async def _answer(happened: Callable[[], bool | Awaitable[object]]) -> bool:
    answer = happened()
    return bool(await answer) if isinstance(answer, Awaitable) else answer
