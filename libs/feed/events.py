"""What is published, and publishing it."""

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

# The lock is taken before the first number is drawn and let go when the transaction has
# committed, so numbers follow the order of commits: no event appears behind a cursor that was
# given out. A transaction that publishes nothing never takes it.
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
    """Something that happened to `subject`; of each subject the newest event is kept for ever."""

    type: str
    subject: str
    time: datetime
    data: dict[str, Any]


_postponed: ContextVar[list[tuple[Event, str | None]] | None] = ContextVar(
    "postponed", default=None
)


async def publish(
    connection: asyncpg.Connection, event: Event, traceparent: str | None = None
) -> None:
    """Write the event in the caller's transaction, as the last thing the transaction does.

    From here to COMMIT nobody else publishes, and who has locked rows that are yet to be changed
    here waits for this one as this one waits for him. It belongs to the trace that is given, or
    to that of the request that is being answered.
    """
    waiting, traced = _postponed.get(), (event, traceparent or current_traceparent())
    if waiting is not None:
        waiting.append(traced)
    else:
        await _write(connection, [traced])


@asynccontextmanager
async def deferred_publish(connection: asyncpg.Connection) -> AsyncIterator[None]:
    """Write what is published within at the end of it, for work that is many pieces."""
    waiting: list[tuple[Event, str | None]] = []
    token = _postponed.set(waiting)
    try:
        yield
    finally:
        _postponed.reset(token)
    if waiting:
        await _write(connection, waiting)


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
