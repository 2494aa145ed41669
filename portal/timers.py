"""The store of running timers."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from libs.postgres.pool import Database

READ = "SELECT entry_id, started_at, project, task, note FROM timers WHERE person = $1"
START = """
INSERT INTO timers (person, entry_id, started_at, project, task, note)
VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (person) DO NOTHING
"""
DELETE = "DELETE FROM timers WHERE person = $1 AND entry_id = $2"


@dataclass(frozen=True, slots=True)
class Timer:
    """`entry_id` is the entry it will become: stopping twice adds it once."""

    entry_id: uuid.UUID
    started_at: datetime
    project: str
    task: str
    note: str

    def minutes(self, now: datetime) -> int:
        """Rounded up, so that a started minute counts."""
        return max(1, -(-int((now - self.started_at).total_seconds()) // 60))


async def read_timer(database: Database, person: str) -> Timer | None:
    """The person's running timer, or None."""
    async with database.connection() as connection:
        row = await connection.fetchrow(READ, person)
    return Timer(**dict(row)) if row else None


async def start_timer(database: Database, person: str, timer: Timer) -> None:
    """Does nothing while another one runs."""

    async def insert(connection: asyncpg.Connection) -> None:
        await connection.execute(
            START, person, timer.entry_id, timer.started_at, timer.project, timer.task, timer.note
        )

    await database.transact(insert)


async def delete_timer(database: Database, person: str, entry_id: uuid.UUID) -> None:
    """Delete this timer; one that was started since stays."""

    async def delete(connection: asyncpg.Connection) -> None:
        await connection.execute(DELETE, person, entry_id)

    await database.transact(delete)
