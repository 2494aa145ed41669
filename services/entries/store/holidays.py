"""The company's own days off."""

from __future__ import annotations

from datetime import date

import asyncpg

LIST = "SELECT date, name FROM company_days WHERE date BETWEEN $1 AND $2 ORDER BY date"

READ = "SELECT name FROM company_days WHERE date = $1"

SAVE = """
    INSERT INTO company_days (date, name) VALUES ($1, $2)
    ON CONFLICT (date) DO UPDATE SET name = excluded.name
"""

DELETE = "DELETE FROM company_days WHERE date = $1"


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
