"""Waiting for conditions that send no notification."""

import asyncio
from collections.abc import Awaitable, Callable

from libs.postgres.pool import Database

TIMEOUT = 30.0


async def until(happened: Callable[[], bool | Awaitable[object]]) -> None:
    """Poll the condition, for at most half a minute.

    pytest's own time-out is no help: its signal may come while another task runs, and end that.
    """
    async with asyncio.timeout(TIMEOUT):
        while not await _answer(happened):
            await asyncio.sleep(0.002)


async def _answer(happened: Callable[[], bool | Awaitable[object]]) -> bool:
    answer = happened()
    return bool(await answer) if isinstance(answer, Awaitable) else answer


async def ask(db: Database, sql: str = "SELECT 1", *values: object) -> object:
    async with db.connection() as connection:
        return await connection.fetchval(sql, *values)


async def sleeping(db: Database) -> None:
    """Wait until the server runs pg_sleep: before that it ignores a cancellation."""
    sql = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
    await until(lambda: ask(db, sql))
