"""Connecting to a database that cannot be reached yet, or not at the moment."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from typing import Any

import asyncpg

FIRST_PAUSE = 0.05
LONGEST_PAUSE = 0.5

# The errors of connecting, from an unknown host and a refused password to a standby.
CONNECT_ERRORS = (
    OSError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)


async def connect_with_retry(
    arguments: dict[str, Any],
    max_wait: float,
    on_failure: Callable[[Exception], None],
) -> asyncpg.Connection:
    """Connect, trying again for `max_wait` seconds; then raise the last error.

    `on_failure` is called after each attempt that will be repeated.
    """
    deadline = time.monotonic() + max_wait
    pause = FIRST_PAUSE
    while True:
        try:
            return await asyncpg.connect(**arguments)
        except CONNECT_ERRORS as error:
            if time.monotonic() + pause > deadline:
                raise
            on_failure(error)
        await asyncio.sleep(jittered(pause))
        pause = min(pause * 2, LONGEST_PAUSE)


def jittered(seconds: float) -> float:
    """Between half and all of it, so that processes that failed together retry at other times."""
    return random.uniform(seconds / 2, seconds)  # noqa: S311 - spreads load, guards nothing
