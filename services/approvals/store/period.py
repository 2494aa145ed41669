"""The closed period, as far as entries has published it."""

from __future__ import annotations

from datetime import date

import asyncpg

READ = "SELECT closed_through FROM period"

SAVE = """
    INSERT INTO period (closed_through) VALUES ($1)
    ON CONFLICT (only_row) DO UPDATE SET closed_through = excluded.closed_through
"""


async def read_closed_through(connection: asyncpg.Connection) -> date | None:
    """The last closed day; None: no day is closed, or it is not known yet."""
    closed_through: date | None = await connection.fetchval(READ)
    return closed_through


async def save_closed_through(connection: asyncpg.Connection, day: date | None) -> None:
    """Store the last closed day, or that none is."""
    await connection.execute(SAVE, day)
