"""Advisory locks that one transaction takes alone while many others share them."""

from __future__ import annotations

import asyncio
import time

import asyncpg

from libs.postgres.errors import DatabaseBusy
from libs.postgres.retry import jittered

MAX_WAIT = 30.0
PAUSE = 0.1
LOCK = "SELECT pg_advisory_xact_lock($1)"
# The transaction keeps the value, so the one it had before is put back.
SET_LOCK_TIMEOUT = "SELECT set_config('lock_timeout', $1, true)"
TRY_TIMEOUT = "50ms"


async def acquire_exclusively(
    connection: asyncpg.Connection, key: int, *, max_wait: float = MAX_WAIT
) -> None:
    """Take the advisory lock `key` alone until the transaction ends.

    PostgreSQL grants locks in the order of the requests: while a transaction waits for the lock
    alone, every new transaction that would share it queues behind. So each try waits for 50 ms at
    most, and the others go on during the pause between two tries.

    Raises `DatabaseBusy` if the lock is still shared after `max_wait` seconds. The transaction
    can go on after that.
    """
    deadline = time.monotonic() + max_wait
    while not await _try(connection, key):
        pause = jittered(PAUSE)
        if time.monotonic() + pause > deadline:
            raise DatabaseBusy("A long write, an upload for example, is under way. Try again.")
        await asyncio.sleep(pause)


async def _try(connection: asyncpg.Connection, key: int) -> bool:
    before = await connection.fetchval("SELECT current_setting('lock_timeout')")
    try:
        async with connection.transaction():
            await connection.execute(SET_LOCK_TIMEOUT, TRY_TIMEOUT)
            await connection.execute(LOCK, key)
            await connection.execute(SET_LOCK_TIMEOUT, before)
    except asyncpg.LockNotAvailableError:
        return False
    return True
