"""The company's own days off."""

from __future__ import annotations

from datetime import date

import asyncpg

# Changes of company days take it alone, those of a person's absences or working time share it.
# Which weeks are off follows from all of them, so a change has to see the others or be seen. Two
# keys, so that it does not collide with the locks that have one.
LOCK = "SELECT pg_advisory_xact_lock(7301009, 0)"
SHARE = "SELECT pg_advisory_xact_lock_shared(7301009, 0)"

LIST = "SELECT date, name FROM company_days WHERE date BETWEEN $1 AND $2 ORDER BY date"

READ = "SELECT name FROM company_days WHERE date = $1"

SAVE = """
    INSERT INTO company_days (date, name) VALUES ($1, $2)
    ON CONFLICT (date) DO UPDATE SET name = excluded.name
"""

DELETE = "DELETE FROM company_days WHERE date = $1"


async def lock_company_days(connection: asyncpg.Connection) -> None:
    """Wait until no absence, working time or company day is being changed, and hold such changes
    until the transaction ends."""
    await connection.execute(LOCK)


async def share_company_days(connection: asyncpg.Connection) -> None:
    """Keep the company days as they are until the transaction ends."""
    await connection.execute(SHARE)


async def list_company_days(
    connection: asyncpg.Connection, since: date, until: date
) -> dict[date, str]:
    """The names of the company days of a range."""
    return {record["date"]: record["name"] for record in await connection.fetch(LIST, since, until)}


async def read_company_day(connection: asyncpg.Connection, day: date) -> str | None:
    """The name of the company day, or None."""
    name: str | None = await connection.fetchval(READ, day)
    return name


async def save_company_day(connection: asyncpg.Connection, day: date, name: str) -> None:
    """Insert or rename a company day."""
    await connection.execute(SAVE, day, name)


async def delete_company_day(connection: asyncpg.Connection, day: date) -> None:
    """Delete a company day."""
    await connection.execute(DELETE, day)
