"""An upload that is held up half-way, so that something can happen to it there."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from tests.api.entries.agency import NDJSON, ndjson, row
from tests.support.client import Caller, Reply

STAGING = """
    SELECT pid FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
      AND query LIKE '%staged_rows%'
"""
WAITING = """
    SELECT pid FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'
"""

ROWS = [row(n, minutes=1) for n in range(1200)]
FIRST, REST = ndjson(ROWS[:1000]), ndjson(ROWS[1000:])


class Slow:
    """A body that stops after its first rows, until the test continues or breaks it."""

    def __init__(self, first: bytes, rest: bytes = b"") -> None:
        self._parts = (first, rest)
        self.go_on = asyncio.Event()

    async def pieces(self) -> AsyncIterator[bytes]:
        first, rest = self._parts
        yield first
        await self.go_on.wait()
        yield rest

    def send(self, caller: Caller, key: str) -> asyncio.Task[Reply]:
        headers = {"Content-Type": NDJSON, "Idempotency-Key": key}
        sending = caller.post("/v1/batches", data=self.pieces(), headers=headers)
        return asyncio.create_task(sending)


async def staging_session(connection: asyncpg.Connection) -> int:
    """The server process that takes rows in, once it does."""
    return await _found(connection, STAGING)


async def waiting_session(connection: asyncpg.Connection) -> int:
    """The server process that waits for somebody's lock, once it does."""
    return await _found(connection, WAITING)


async def _found(connection: asyncpg.Connection, query: str) -> int:
    async with asyncio.timeout(10):
        while (pid := await connection.fetchval(query)) is None:
            await asyncio.sleep(0.01)
    found: int = pid
    return found


async def is_empty(connection: asyncpg.Connection) -> bool:
    tables = ("entries", "weeks", "batches", "batch_errors", "idempotency_keys")
    found = [await connection.fetchval(f"SELECT count(*) FROM {table}") for table in tables]
    return not any(found)


@asynccontextmanager
async def holding_week(database: str) -> AsyncIterator[None]:
    """Somebody else's transaction that is writing erin's week, and is rolled back in the end."""
    holder = await asyncpg.connect(database)
    transaction = holder.transaction()
    await transaction.start()
    await holder.execute(
        "INSERT INTO entries (person, id, date, project, minutes, billable, source) "
        "VALUES ('auth0|erin', $1, '2026-11-23', 'APOLLO', 1, true, 'app')",
        uuid.uuid4(),
    )
    try:
        yield
    finally:
        holder.terminate()
