"""The weeks for which it was published who is off: since when of each person, and how far ahead."""

from __future__ import annotations

from datetime import date

import asyncpg

from libs.rules.calendar import Week

# Two keys, so that it does not collide with the locks that have one.
TRY_LOCK = "SELECT pg_try_advisory_xact_lock(7301007, 0)"
READ_HORIZON = "SELECT monday FROM weeks_off_horizon"
SAVE_HORIZON = """
    INSERT INTO weeks_off_horizon (monday) VALUES ($1)
    ON CONFLICT (only_row) DO UPDATE SET monday = excluded.monday
"""

READ_SINCE = "SELECT weeks_off_since FROM people WHERE person = $1"
READ_FIRST = "SELECT min(weeks_off_since) FROM people WHERE active"
# A row of version 0 was never written to.
START = """
    UPDATE people
    SET weeks_off_since = least(
        $2::date, (SELECT min(monday) FROM weeks WHERE weeks.person = $1 AND version > 0)
    )
    WHERE person = $1
    RETURNING weeks_off_since
"""
# Locked first, so that a change of the working time is published after this, or read.
MOVE_START = """
    UPDATE people SET weeks_off_since = $2
    FROM (
        SELECT weeks_off_since AS monday FROM people
        WHERE person = $1 AND weeks_off_since > $2 FOR UPDATE
    ) AS known
    WHERE person = $1
    RETURNING known.monday
"""
LOCK_UNPUBLISHED = """
    SELECT person FROM people WHERE active AND weeks_off_since IS NULL
    ORDER BY person LIMIT $1 FOR UPDATE
"""


async def try_to_lock(connection: asyncpg.Connection) -> bool:
    """Whether no other replica is publishing, until the transaction ends."""
    return bool(await connection.fetchval(TRY_LOCK))


async def read_horizon(connection: asyncpg.Connection) -> Week | None:
    """The last week that was published for everybody; None before the first."""
    return _week(await connection.fetchval(READ_HORIZON))


async def save_horizon(connection: asyncpg.Connection, week: Week) -> None:
    """Keep the last week through which weeks off are stored."""
    await connection.execute(SAVE_HORIZON, week.monday)


async def read_since(connection: asyncpg.Connection, person: str) -> Week | None:
    """The week from which on the person's were published; None if none were."""
    return _week(await connection.fetchval(READ_SINCE, person))


async def read_first_since(connection: asyncpg.Connection) -> Week | None:
    """The earliest of these weeks of anybody active."""
    return _week(await connection.fetchval(READ_FIRST))


async def start(connection: asyncpg.Connection, person: str, week: Week) -> Week:
    """Keep that the person's weeks are published from this one on, or from the first that has
    entries or was submitted if that is earlier. Returns which it is."""
    return Week(await connection.fetchval(START, person, week.monday))


async def move_start(connection: asyncpg.Connection, person: str, week: Week) -> Week | None:
    """Keep that the person's weeks are published from this one on. Returns the week from which on
    they were before; None if that is not later, or if none were."""
    return _week(await connection.fetchval(MOVE_START, person, week.monday))


async def lock_unpublished(connection: asyncpg.Connection, at_most: int) -> list[str]:
    """Active people of whom no weeks were published, locked until the transaction ends."""
    return [person for (person,) in await connection.fetch(LOCK_UNPUBLISHED, at_most)]


def _week(monday: date | None) -> Week | None:
    return None if monday is None else Week(monday)
