"""Connections outside the pool, for uploads and exports.

The pool's few connections are for requests that take milliseconds. A client that sends or reads
slowly must not hold one of them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TypeVar

import asyncpg

from libs.postgres.errors import (
    DatabaseUnavailable,
    TransactionConflict,
    raise_unavailable,
)
from libs.postgres.retry import CONNECT_ERRORS
from libs.postgres.settings import DatabaseSettings
from libs.postgres.transactions import Isolation, Work, repeat, run_transaction
from libs.web.tracing import is_sampled, start_query_spans

T = TypeVar("T")

CLOSE_TIMEOUT = 2.0
# The server ends a statement first; only a network that is gone leaves it to the client.
GRACE = 5.0


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds. `statement` None: without a limit, where the caller watches the time."""

    statement: float | None
    lock: float
    work_mem: str = "64MB"
    """The memory of a sort or a hash before it goes to disk."""


class DedicatedConnection:
    """A connection for one piece of work, with time-outs of its own."""

    def __init__(
        self, connection: asyncpg.Connection, on_retry: Callable[[Exception], None]
    ) -> None:
        self.connection = connection
        self._on_retry = on_retry

    async def transact(self, work: Work[T], *, isolation: Isolation = "read_committed") -> T:
        """As `Database.transact`, but a broken connection ends it: what the session held, such as
        temporary tables, is lost with it."""

        async def attempt() -> T:
            try:
                return await run_transaction(self.connection, work, isolation)
            except Exception as error:
                raise_unavailable(error, self.connection)
                raise

        return await repeat(attempt, TransactionConflict, self._on_retry)


@asynccontextmanager
async def open_dedicated(
    settings: DatabaseSettings, timeouts: Timeouts, on_retry: Callable[[Exception], None]
) -> AsyncIterator[DedicatedConnection]:
    """Raises `ServiceUnavailable` as the connections of the pool do."""
    try:
        connection = await asyncpg.connect(**_arguments(settings, timeouts))
    except CONNECT_ERRORS as error:
        raise DatabaseUnavailable from error
    if is_sampled():
        start_query_spans(connection)
    try:
        yield DedicatedConnection(connection, on_retry)
    except Exception as error:
        raise_unavailable(error, connection)
        raise
    finally:
        await _close(connection)


def _arguments(settings: DatabaseSettings, timeouts: Timeouts) -> dict[str, object]:
    arguments = settings.arguments()
    statement = timeouts.statement or 0.0
    arguments["command_timeout"] = statement + GRACE if statement else None
    arguments["server_settings"] |= {
        "statement_timeout": str(round(statement * 1000)),
        "lock_timeout": str(round(timeouts.lock * 1000)),
        "work_mem": timeouts.work_mem,
        "temp_buffers": "32MB",
    }
    return arguments


async def _close(connection: asyncpg.Connection) -> None:
    """A statement that still runs is cancelled: nobody waits for its result any more."""
    try:
        await connection.close(timeout=CLOSE_TIMEOUT)
    except (TimeoutError, *CONNECT_ERRORS):
        with suppress(*CONNECT_ERRORS):
            connection.terminate()
