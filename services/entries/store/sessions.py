"""Connections of their own for what takes long: uploads and exports.

The pool's few connections are for requests that are over in milliseconds; somebody who sends or
reads slowly must not hold one of them.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

import asyncpg

from libs.postgres.errors import (
    DatabaseUnavailable,
    OutcomeUnknown,
    has_lost_connection,
    may_be_repeated,
    passing_trouble,
)
from libs.postgres.pool import FIRST_PAUSE, TRIES, Database
from libs.postgres.retry import CONNECT_ERRORS, jittered
from libs.postgres.transactions import Work, run_transaction

T = TypeVar("T")

CLOSE_TIMEOUT = 2.0


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds. `statement` None: as long as it takes, where somebody else watches the clock."""

    statement: float | None
    lock: float
    memory: str = "64MB"
    """What a sort or a hash may take before it goes to disk."""


class Session:
    """One connection, and transactions on it that are begun anew when another one crossed."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self.connection = connection

    async def transact(self, work: Work[T]) -> T:
        """As `Database.transact`, but a lost connection is not replaced: what is staged is lost
        with it."""
        for attempt in range(1, TRIES):
            try:
                return await run_transaction(self.connection, work, "read_committed")
            except Exception as error:
                if isinstance(error, OutcomeUnknown) or not may_be_repeated(error):
                    raise
            await asyncio.sleep(jittered(FIRST_PAUSE * 2**attempt))
        return await run_transaction(self.connection, work, "read_committed")


@asynccontextmanager
async def open_session(db: Database, timeouts: Timeouts) -> AsyncIterator[Session]:
    """Raises `ServiceUnavailable` for what has to do with the database and not with the work."""
    connection = await _connect(db, timeouts)
    try:
        yield Session(connection)
    except Exception as error:
        if has_lost_connection(error, connection) and not isinstance(error, OutcomeUnknown):
            raise DatabaseUnavailable("The database cannot be reached right now.") from error
        if refusal := passing_trouble(error):
            raise refusal from error
        raise
    finally:
        await _close(connection)


async def _connect(db: Database, timeouts: Timeouts) -> asyncpg.Connection:
    if not db.available:
        raise DatabaseUnavailable("The database cannot be reached right now.")
    arguments = db.settings.arguments()
    statement = timeouts.statement or 0.0
    arguments["command_timeout"] = statement + 5.0 if statement else None
    arguments["server_settings"] |= {
        "statement_timeout": str(round(statement * 1000)),
        "lock_timeout": str(round(timeouts.lock * 1000)),
        "work_mem": timeouts.memory,
        "temp_buffers": "32MB",
    }
    try:
        return await asyncpg.connect(**arguments)
    except CONNECT_ERRORS as error:
        raise DatabaseUnavailable("The database cannot be reached right now.") from error


async def _close(connection: asyncpg.Connection) -> None:
    """A statement that still runs is told to stop: nobody waits for it any more."""
    try:
        await connection.close(timeout=CLOSE_TIMEOUT)
    except (TimeoutError, *CONNECT_ERRORS):
        with contextlib.suppress(*CONNECT_ERRORS):
            connection.terminate()
