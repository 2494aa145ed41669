"""The closed period."""

from __future__ import annotations

from datetime import date

import asyncpg

# The lock that every statement which writes entries shares: see migrations/versions/0001_entries.
RULES_LOCK = 7_301_001

READ = "SELECT closed_through FROM periods ORDER BY number DESC LIMIT 1"

CLOSE = "INSERT INTO periods (closed_through, actor, reason) VALUES ($1, $2, $3)"


async def take_rules_lock(connection: asyncpg.Connection) -> None:
    """Wait until no entry is being written, and keep others from it until the transaction ends."""
    await connection.execute("SELECT pg_advisory_xact_lock($1)", RULES_LOCK)


async def read_closed_through(connection: asyncpg.Connection) -> date | None:
    closed_through: date | None = await connection.fetchval(READ)
    return closed_through


async def close_period(
    connection: asyncpg.Connection, closed_through: date | None, actor: str, reason: str | None
) -> None:
    await connection.execute(CLOSE, closed_through, actor, reason)
