"""The closed period."""

from __future__ import annotations

from datetime import date

import asyncpg

from libs.postgres.locks import acquire_exclusively

# The lock that every statement which writes entries shares: see migrations/versions/0001_entries.
RULES_LOCK = 7_301_001

READ = "SELECT closed_through FROM periods ORDER BY number DESC LIMIT 1"

CLOSE = "INSERT INTO periods (closed_through, actor, reason) VALUES ($1, $2, $3)"


async def take_rules_lock(connection: asyncpg.Connection) -> None:
    """Keep everybody from writing entries until the transaction ends.

    Raises `DatabaseBusy` if entries are still being written, by a batch for example, after 30 s.
    """
    await acquire_exclusively(connection, RULES_LOCK)


async def read_closed_through(connection: asyncpg.Connection) -> date | None:
    closed_through: date | None = await connection.fetchval(READ)
    return closed_through


async def close_period(
    connection: asyncpg.Connection, closed_through: date | None, actor: str, reason: str | None
) -> None:
    await connection.execute(CLOSE, closed_through, actor, reason)
