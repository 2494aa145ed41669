"""The public holidays by which it was published who is off."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

import asyncpg

LIST_CALENDARS = """
    SELECT DISTINCT contract->>'calendar'
    FROM people CROSS JOIN LATERAL jsonb_array_elements(contracts) AS contract
    WHERE people.active AND contract->>'calendar' IS NOT NULL
"""
READ = "SELECT calendar, year, days::text[] FROM known_holidays"
SAVE = """
    INSERT INTO known_holidays (calendar, year, days) VALUES ($1, $2, $3::text[]::date[])
    ON CONFLICT (calendar, year) DO UPDATE SET days = excluded.days
"""


async def list_calendars(connection: asyncpg.Connection) -> list[str]:
    """The calendars in the contracts of active people."""
    return [calendar for (calendar,) in await connection.fetch(LIST_CALENDARS)]


async def read_known(connection: asyncpg.Connection) -> dict[tuple[str, int], frozenset[date]]:
    """The holidays of each calendar and year that were used."""
    records = await connection.fetch(READ)
    return {
        (record["calendar"], record["year"]): frozenset(map(date.fromisoformat, record["days"]))
        for record in records
    }


async def save_known(
    connection: asyncpg.Connection, calendar: str, year: int, days: Collection[date]
) -> None:
    """Keep the holidays of a calendar and year as those that are used."""
    await connection.execute(SAVE, calendar, year, sorted(map(str, days)))
