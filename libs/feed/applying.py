"""Applying events: each takes effect exactly once, and none that fails holds up the others.

A page is one transaction with the new cursor in it, and within it each handler gets all of its
events that follow each other at once, so that it can read and write for many in one go. When
that fails, each half is applied by itself, and so on down to the one event that cannot be
handled, which is set aside. So a failure undoes nothing but itself, even one that shows only at
COMMIT, and costs the others some repetitions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from itertools import groupby
from uuid import UUID

import asyncpg
import structlog

from libs.feed import inbox
from libs.feed.events import deferred_publish
from libs.feed.metrics import FollowerMetrics
from libs.feed.wire import Delivery
from libs.postgres.errors import DatabaseBusy
from libs.postgres.pool import Database
from libs.web.problems import ServiceUnavailable

Handler = Callable[[asyncpg.Connection, Sequence[Delivery]], Awaitable[None]]
"""Has events take effect, one after the other as they come, in the transaction it is given. It
may be called again for the same ones, in other company, when that was rolled back."""

Handlers = Mapping[str, Handler]
"""The handler of each type of event. Types with the same one share its calls."""

# How often an event may find the database busy before that counts as its own fault.
BUSY_TRIES = 5

log = structlog.get_logger(__name__)


class LeaseLost(Exception):
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
        """Raises `LeaseLost`, and `ServiceUnavailable` when it should be tried again later."""
        try:
            await self._apply_together(deliveries)
        except Exception as error:
            if not _is_about_events(error):
                raise
            if len(deliveries) > 1:
                log.info("applying fewer events at once", source=self._source, error=repr(error))
                for part in _parts(deliveries, error):
                    await self.apply(part)
            elif self._may_pass(error, deliveries[0]):
                raise
            else:
                await self._set_aside(deliveries[0], error)

    async def _apply_together(self, deliveries: Sequence[Delivery]) -> None:
        async def work(connection: asyncpg.Connection) -> list[Delivery]:
            cursor = await self._lock(connection)
            fresh = _beyond(cursor.after, deliveries)
            known = [delivery for delivery in fresh if delivery.type in self._handlers]
            async with deferred_publish(connection):
                for handler, events in groupby(known, lambda event: self._handlers[event.type]):
                    await handler(connection, list(events))
            for delivery in known:
                if delivery.subject in cursor.troubled:
                    await inbox.supersede(connection, self._source, delivery)
            if fresh:
                await inbox.advance(connection, self._source, fresh[-1].sequence)
            return fresh

        self._count(deliveries, await self._db.transact(work))

    def _count(self, deliveries: Sequence[Delivery], fresh: Sequence[Delivery]) -> None:
        for kind, number in Counter(delivery.type for delivery in fresh).items():
            outcome = "handled" if kind in self._handlers else "skipped"
            self._metrics.count(self._source, kind, outcome, number)
        if repeated := len(deliveries) - len(fresh):
            self._metrics.count(self._source, "other", "duplicate", repeated)

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
            await inbox.dead_letter(connection, self._source, delivery, reason)
            await inbox.advance(connection, self._source, delivery.sequence)

        await self._db.transact(work)
        self._metrics.count(self._source, delivery.type, "dead_letter")
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
            raise LeaseLost(self._source)
        return cursor


def _beyond(after: int, deliveries: Sequence[Delivery]) -> list[Delivery]:
    """Those that have not taken effect yet, each once."""
    fresh = []
    for delivery in deliveries:
        if delivery.sequence > after:
            fresh.append(delivery)
            after = delivery.sequence
    return fresh


def _parts(deliveries: Sequence[Delivery], error: Exception) -> list[Sequence[Delivery]]:
    """Halves, or, as each attempt waits for a database that is busy, one at a time."""
    size = 1 if isinstance(error, DatabaseBusy) else -(-len(deliveries) // 2)
    return [deliveries[start : start + size] for start in range(0, len(deliveries), size)]


def _is_about_events(error: Exception) -> bool:
    """Not about who follows, nor about a database that cannot be reached."""
    return isinstance(error, DatabaseBusy) or not isinstance(error, LeaseLost | ServiceUnavailable)


def reason_of(error: Exception) -> str:
    """Why, for whoever looks after what was set aside; nothing that PostgreSQL cannot store."""
    cause = error.__cause__ if isinstance(error, DatabaseBusy) and error.__cause__ else error
    told = f"{type(cause).__name__}: {cause}".replace("\0", "")[:1000]
    return told.encode(errors="replace").decode()
