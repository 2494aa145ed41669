"""Connections of tests to their databases, beside those of the services."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import asyncpg


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection that is closed at the end."""
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


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
