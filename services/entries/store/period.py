"""The closed period."""

from __future__ import annotations

from datetime import date

import asyncpg

from libs.postgres.locks import acquire_exclusively
from libs.postgres.records import RecordType
from services.entries.resources import Period, PeriodStep

# The lock that every statement which writes entries shares: see migrations/versions/0001_entries.
RULES_LOCK = 7_301_001
SHARE_RULES = f"SELECT pg_advisory_xact_lock_shared({RULES_LOCK})"

READ = "SELECT closed_through FROM periods ORDER BY number DESC LIMIT 1"

STEPS = RecordType(PeriodStep)
MAX_STEPS = 100
HISTORY = f"SELECT {STEPS.columns} FROM periods ORDER BY number DESC LIMIT {MAX_STEPS}"

CLOSE = "INSERT INTO periods (closed_through, actor, reason) VALUES ($1, $2, $3)"


async def take_rules_lock(connection: asyncpg.Connection) -> None:
    """Wait until no entry is being written, and keep others from it until the transaction ends.

    Raises `DatabaseBusy` if an upload is being merged for too long.
    """
    await acquire_exclusively(connection, RULES_LOCK)


async def share_rules_lock(connection: asyncpg.Connection) -> None:
    """Keep the closed period and the projects as they are until the transaction ends."""
    await connection.execute(SHARE_RULES)


async def read_closed_through(connection: asyncpg.Connection) -> date | None:
    """The last closed day, or None."""
    closed_through: date | None = await connection.fetchval(READ)
    return closed_through


async def read_period(connection: asyncpg.Connection) -> Period:
    """The last closed day, and each step that led there, newest first."""
    history = [STEPS.decode(record) for record in await connection.fetch(HISTORY)]
    return Period(history[0].closed_through if history else None, history)


async def close_period(
    connection: asyncpg.Connection, closed_through: date | None, actor: str, reason: str | None
) -> None:
    """Add a step: closed through this day, or open where it is None."""
    await connection.execute(CLOSE, closed_through, actor, reason)
