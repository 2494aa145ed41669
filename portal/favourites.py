"""Rows that a person keeps in every week; they are a preference, so they live here."""

from __future__ import annotations

import asyncpg

from libs.postgres.pool import Database
from portal.week_grid import RowKey

MAX_FAVOURITES = 20

LIST = "SELECT project, task FROM favourites WHERE person = $1 ORDER BY created_at, project, task"
ADD = """
INSERT INTO favourites (person, project, task)
SELECT $1, $2, $3 WHERE (SELECT count(*) FROM favourites WHERE person = $1) < $4
ON CONFLICT DO NOTHING
"""
REMOVE = "DELETE FROM favourites WHERE person = $1 AND project = $2 AND task = $3"


async def list_favourites(database: Database, person: str) -> list[RowKey]:
    """The rows that the person has pinned, in their order."""
    async with database.connection() as connection:
        rows = await connection.fetch(LIST, person)
    return [RowKey(row["project"], row["task"]) for row in rows]


async def set_favourite(database: Database, person: str, key: RowKey, *, is_pinned: bool) -> None:
    """Repeating it changes nothing; the twenty-first is not added."""

    async def change(connection: asyncpg.Connection) -> None:
        if is_pinned:
            await connection.execute(ADD, person, key.project, key.task, MAX_FAVOURITES)
        else:
            await connection.execute(REMOVE, person, key.project, key.task)

    await database.transact(change)
