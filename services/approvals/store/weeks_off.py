"""The weeks in which holidays and absences leave people nothing to work."""

from __future__ import annotations

from collections.abc import Mapping

import asyncpg

from libs.rules.calendar import Week

SAVE = """
    INSERT INTO weeks_off (person, monday) VALUES ($1, $2) ON CONFLICT DO NOTHING
"""
DELETE = "DELETE FROM weeks_off WHERE person = $1 AND monday = $2"


async def save_weeks_off(
    connection: asyncpg.Connection, weeks: Mapping[tuple[str, Week], bool]
) -> None:
    """Store for each person and week whether the person is off."""
    off = sorted((person, week.monday) for (person, week), is_off in weeks.items() if is_off)
    at_work = sorted(
        (person, week.monday) for (person, week), is_off in weeks.items() if not is_off
    )
    await connection.executemany(SAVE, off)
    await connection.executemany(DELETE, at_work)
