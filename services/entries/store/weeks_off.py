"""The last week for which it was published who is off."""

from __future__ import annotations

import asyncpg

from libs.rules.calendar import Week

# Two keys, so that it does not collide with the locks that have one.
TRY_LOCK = "SELECT pg_try_advisory_xact_lock(7301007, 0)"
READ = "SELECT monday FROM weeks_off_horizon"
SAVE = """
    INSERT INTO weeks_off_horizon (monday) VALUES ($1)
    ON CONFLICT (only_row) DO UPDATE SET monday = excluded.monday
"""


async def try_to_lock(connection: asyncpg.Connection) -> bool:
    """Whether no other replica is publishing, until the transaction ends."""
    return bool(await connection.fetchval(TRY_LOCK))


async def read_horizon(connection: asyncpg.Connection) -> Week | None:
    """The last week that was published for everybody; None before the first."""
    monday = await connection.fetchval(READ)
    return None if monday is None else Week(monday)


async def save_horizon(connection: asyncpg.Connection, week: Week) -> None:
    """Keep the last week through which weeks off are stored."""
    await connection.execute(SAVE, week.monday)
