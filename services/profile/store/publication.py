"""The progress of publishing everybody with the present fields of `person.changed`."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg

# Two keys, so that it does not collide with the locks that have one.
TRY_LOCK = "SELECT pg_try_advisory_xact_lock(7301009, 0)"
READ = "SELECT fields, through FROM publication"
SAVE = """
    INSERT INTO publication (fields, through) VALUES ($1, $2)
    ON CONFLICT (only_row) DO UPDATE SET fields = excluded.fields, through = excluded.through
"""
LIST_NEXT = "SELECT person FROM people WHERE person > $1 ORDER BY person LIMIT $2"


async def try_to_lock(connection: asyncpg.Connection) -> bool:
    """Whether no other replica is publishing, until the transaction ends."""
    return bool(await connection.fetchval(TRY_LOCK))


async def read_through(connection: asyncpg.Connection, fields: Sequence[str]) -> str | None:
    """The last person who was published with these fields; None if everybody was."""
    record = await connection.fetchrow(READ)
    if record is None or record["fields"] != list(fields):
        return ""
    through: str | None = record["through"]
    return through


async def save_through(
    connection: asyncpg.Connection, fields: Sequence[str], through: str | None
) -> None:
    """Keep the last person who was published, None if that was everybody."""
    await connection.execute(SAVE, list(fields), through)


async def list_next(connection: asyncpg.Connection, after: str, at_most: int) -> list[str]:
    """The next people, in order."""
    return [person for (person,) in await connection.fetch(LIST_NEXT, after, at_most)]
