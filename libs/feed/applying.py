"""Applying events: each takes effect exactly once, and none that fails holds up the others.

A batch is one transaction with the new cursor in it. When one of its events fails, all are
applied anew, one transaction each, and what fails then is set aside. So the usual case costs
one statement more for a whole batch, and a failure undoes nothing but itself, even one that
shows only at COMMIT.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from uuid import UUID

import asyncpg
import structlog

from libs.feed import inbox
from libs.feed.events import publishing_last
from libs.feed.metrics import FollowerMetrics
from libs.feed.wire import Delivery
from libs.postgres.errors import DatabaseBusy
from libs.postgres.pool import Database
from libs.web.problems import ServiceUnavailable

Handler = Callable[[asyncpg.Connection, Delivery], Awaitable[None]]
Handlers = Mapping[str, Handler]
"""What to do with each type of event, in the transaction it is given. It may be called again
for the same event, in a new transaction, when the one before was rolled back."""

# How often an event may find the database busy before that counts as its own fault.
BUSY_TRIES = 5

log = structlog.get_logger(__name__)


class LeadLost(Exception):
    """Another process follows by now."""


class Applier:
    """Applies what comes from one source."""

    def __init__(
        self,
        db: Database,
        source: str,
        handlers: Handlers,
        holder: UUID,
        metrics: FollowerMetrics,
    ) -> None:
        self._db = db
        self._source = source
        self._handlers = handlers
        self._holder = holder
        self._metrics = metrics
        self._busy: tuple[int, int] = (0, 0)

    async def apply(self, deliveries: Sequence[Delivery]) -> None:
        """Raises `LeadLost`, and `ServiceUnavailable` when it should be tried again later."""
        try:
            await self._apply_together(deliveries)
        except Exception as error:
            if not _is_about_events(error):
                raise
            log.info("applying events one by one", source=self._source, error=repr(error))
            for delivery in deliveries:
                await self._apply_alone(delivery)

    async def _apply_together(self, deliveries: Sequence[Delivery]) -> None:
        async def work(connection: asyncpg.Connection) -> list[tuple[str, str]]:
            cursor = await self._lock(connection)
            reached, outcomes = cursor.after, []
            async with publishing_last(connection):
                for delivery in deliveries:
                    outcome = "duplicate"
                    if delivery.sequence > reached:
                        outcome = await self._handle(connection, delivery, cursor)
                        reached = delivery.sequence
                    outcomes.append((delivery.type, outcome))
            if reached > cursor.after:
                await inbox.advance(connection, self._source, reached)
            return outcomes

        for kind, outcome in await self._db.transact(work):
            self._metrics.count(self._source, kind, outcome)

    async def _apply_alone(self, delivery: Delivery) -> None:
        try:
            await self._apply_together([delivery])
        except Exception as error:
            if not _is_about_events(error) or self._may_pass(error, delivery):
                raise
            await self._set_aside(delivery, error)

    def _may_pass(self, error: Exception, delivery: Delivery) -> bool:
        """Whether the database was busy, and not each time that this event was tried."""
        if not isinstance(error, DatabaseBusy):
            return False
        sequence, tries = self._busy
        tries = tries + 1 if sequence == delivery.sequence else 1
        self._busy = (delivery.sequence, tries)
        return tries < BUSY_TRIES

    async def _set_aside(self, delivery: Delivery, error: Exception) -> None:
        reason = reason_of(error)

        async def work(connection: asyncpg.Connection) -> None:
            await self._lock(connection)
            await inbox.set_aside(connection, self._source, delivery, reason)
            await inbox.advance(connection, self._source, delivery.sequence)

        await self._db.transact(work)
        self._metrics.count(self._source, delivery.type, "set_aside")
        log.error(
            "event set aside",
            source=self._source,
            sequence=delivery.sequence,
            type=delivery.type,
            reason=reason,
            exc_info=error,
        )

    async def _lock(self, connection: asyncpg.Connection) -> inbox.Cursor:
        cursor = await inbox.lock_cursor(connection, self._source, self._holder)
        if cursor is None:
            raise LeadLost(self._source)
        return cursor

    async def _handle(
        self, connection: asyncpg.Connection, delivery: Delivery, cursor: inbox.Cursor
    ) -> str:
        handler = self._handlers.get(delivery.type)
        if handler is None:
            return "skipped"
        await handle(handler, connection, delivery)
        if delivery.subject in cursor.troubled:
            await inbox.supersede(connection, self._source, delivery)
        return "handled"


async def handle(handler: Handler, connection: asyncpg.Connection, delivery: Delivery) -> None:
    """Call the handler within the trace of what the event tells of."""
    if delivery.traceparent is None:
        await handler(connection, delivery)
        return
    with structlog.contextvars.bound_contextvars(traceparent=delivery.traceparent):
        await handler(connection, delivery)


def _is_about_events(error: Exception) -> bool:
    """Not about who follows, nor about a database that cannot be reached."""
    return isinstance(error, DatabaseBusy) or not isinstance(error, LeadLost | ServiceUnavailable)


def reason_of(error: Exception) -> str:
    """Why, for whoever looks after what was set aside; nothing that PostgreSQL cannot store."""
    cause = error.__cause__ if isinstance(error, DatabaseBusy) and error.__cause__ else error
    told = f"{type(cause).__name__}: {cause}".replace("\0", "")[:1000]
    return told.encode(errors="replace").decode()
