"""Connections of tests to their databases, beside those of the services."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import asyncpg

from libs.postgres.pool import Database
from libs.postgres.settings import DatabaseSettings


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection that is closed at the end."""
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def started(settings: DatabaseSettings) -> AsyncIterator[Database]:
    """A pool that is stopped at the end."""
    db = Database(settings)
    await db.start()
    try:
        yield db
    finally:
        await db.stop()


async def try_statement(
    connection: asyncpg.Connection,
    chance: random.Random,
    statement: str,
    arguments: Sequence[object],
) -> None:
    """Run a statement in a transaction; one in ten rolls back. A refused one changes nothing."""
    try:
        async with connection.transaction():
            await connection.execute(statement, *arguments)
            if chance.random() < 0.1:
                await connection.execute("SELECT 1 / 0")  # rolls back
    except (asyncpg.DivisionByZeroError, asyncpg.IntegrityConstraintViolationError):
        pass
