"""Publishing events in the transaction that makes the change."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from libs.web.context import current_traceparent
from libs.web.responses import encode_json

CHANNEL = "feed"
FEED_LOCK = 7_301_002

HOLD = f"SELECT pg_advisory_xact_lock({FEED_LOCK})"

# The lock is taken before the first number is drawn and released when the transaction has
# committed. So numbers are in commit order, and no event appears behind a cursor that was handed
# out. A transaction that publishes nothing never takes the lock.
PUBLISH = f"""
    WITH alone AS MATERIALIZED (SELECT pg_advisory_xact_lock({FEED_LOCK})),
    written AS (
        INSERT INTO events (type, subject, time, traceparent, data)
        SELECT type, subject, "time", traceparent, data::json
        FROM alone CROSS JOIN
            unnest($1::text[], $2::text[], $3::text[]::timestamptz[], $4::text[], $5::text[])
            WITH ORDINALITY AS event (type, subject, "time", traceparent, data, place)
        ORDER BY place
    )
    SELECT pg_notify('{CHANNEL}', '')
"""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to `subject`. The newest event of each subject is kept for ever."""

    type: str
    subject: str
    time: datetime
    data: dict[str, Any]


_deferred: ContextVar[list[tuple[Event, str | None]] | None] = ContextVar("deferred", default=None)


async def publish(
    connection: asyncpg.Connection, event: Event, traceparent: str | None = None
) -> None:
    """Write the event in the caller's transaction.

    Call this last: locking further rows after it can deadlock with a transaction that holds them
    and waits for the feed lock, which is held until COMMIT.

    The event belongs to the trace `traceparent`, or to that of the current request.
    """
    deferred, traced = _deferred.get(), (event, traceparent or current_traceparent())
    if deferred is not None:
        deferred.append(traced)
    else:
        await _write(connection, [traced])


@asynccontextmanager
async def deferred_publish(connection: asyncpg.Connection) -> AsyncIterator[None]:
    """Write the events that are published within the context at its end, in one statement.

    Inside of another such context, the outer one writes them.
    """
    if _deferred.get() is not None:
        yield
        return
    deferred: list[tuple[Event, str | None]] = []
    token = _deferred.set(deferred)
    try:
        yield
    finally:
        _deferred.reset(token)
    if deferred:
        await _write(connection, deferred)


async def hold_feed(connection: asyncpg.Connection) -> None:
    """Let nobody else publish until the transaction ends. Lock no rows after it that others lock:
    see `publish`."""
    await connection.execute(HOLD)


async def _write(
    connection: asyncpg.Connection, traced: Sequence[tuple[Event, str | None]]
) -> None:
    await connection.execute(
        PUBLISH,
        [event.type for event, _ in traced],
        [event.subject for event, _ in traced],
        [event.time.isoformat() for event, _ in traced],
        [traceparent for _, traceparent in traced],
        [encode_json(event.data).decode() for event, _ in traced],
    )
