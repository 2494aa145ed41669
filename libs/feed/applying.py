"""Applying events exactly once, so that an event that fails does not block the others.

A page of events is applied in one transaction that also stores the new cursor. Within it each
handler gets all of its events that follow each other in one call, so that it can read and write
for many of them with one statement.

If that fails, each half of the page is applied in a transaction of its own, and so on down to the
single event that cannot be handled. It becomes a dead letter. A failing event rolls back only
itself, even if it fails at COMMIT; its neighbours may be applied again.

A database that is busy or unavailable says nothing about an event: it is retried without limit,
and never becomes a dead letter.
"""

from __future__ import annotations

import time
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
from libs.postgres.errors import ConcurrentUpdate, DatabaseBusy, sqlstate_of
from libs.postgres.pool import Database
from libs.postgres.shares import Share
from libs.web.problems import ServiceUnavailable
from libs.web.tracing import record_events

Handler = Callable[[asyncpg.Connection, Sequence[Delivery]], Awaitable[None]]
"""Applies events in the given order within the caller's transaction. It may be called again for
the same events, with other neighbours, after a rollback."""

Handlers = Mapping[str, Handler]
"""The handler of each type of event. Types with the same handler share its calls."""

# An event may lose this often against concurrent updates, each time with all its retries, before
# that counts as its own fault: a constraint that it always violates looks the same.
CONFLICT_ROUNDS = 5

log = structlog.get_logger(__name__)


class LeaseLost(Exception):
    """Another process holds the lease now."""


class Applier:
    """Applies the events of one source while `holder` has the lease.

    Each step forward renews the lease for `lease_seconds`.
    """

    def __init__(
        self,
        db: Database,
        source: str,
        handlers: Handlers,
        holder: UUID,
        metrics: FollowerMetrics,
        lease_seconds: float,
    ) -> None:
        self._db = db
        self._source = source
        self._handlers = handlers
        self._holder = holder
        self._metrics = metrics
        self._lease_seconds = lease_seconds
        self._conflicts: tuple[int, int] = (0, 0)

    async def apply(self, deliveries: Sequence[Delivery]) -> None:
        """Apply the events in order.

        Raises `LeaseLost`, and `ServiceUnavailable` when the rest should be tried again later.
        """
        try:
            await self._apply_together(deliveries)
        except Exception as error:
            if not _is_about_events(error):
                raise
            if len(deliveries) > 1:
                log.info("applying fewer events at once", source=self._source, error=repr(error))
                for part in _parts(deliveries, error):
                    await self.apply(part)
            elif self._must_be_retried(error, deliveries[0]):
                self._report_busy(error, deliveries[0])
                raise
            else:
                await self._dead_letter(deliveries[0], error)

    async def _apply_together(self, deliveries: Sequence[Delivery]) -> None:
        async def work(connection: asyncpg.Connection) -> list[Delivery]:
            cursor = await self._lock(connection)
            fresh = _beyond(cursor.after, deliveries)
            known = [delivery for delivery in fresh if delivery.type in self._handlers]
            async with deferred_publish(connection):
                for handler, events in groupby(known, lambda event: self._handlers[event.type]):
                    await handler(connection, list(events))
            for delivery in known:
                if delivery.subject in cursor.subjects_with_dead_letters:
                    await inbox.supersede(connection, self._source, delivery)
            if fresh:
                await self._advance(connection, fresh[-1].sequence)
            return fresh

        began = time.time()
        fresh = await self._db.transact(work, share=Share.FEEDS)
        record_events(self._source, ((each.type, each.traceparent) for each in fresh), began)
        self._count(deliveries, fresh)

    def _count(self, deliveries: Sequence[Delivery], fresh: Sequence[Delivery]) -> None:
        for kind, number in Counter(delivery.type for delivery in fresh).items():
            outcome = "handled" if kind in self._handlers else "skipped"
            self._metrics.count(self._source, kind, outcome, number)
        if repeated := len(deliveries) - len(fresh):
            self._metrics.count(self._source, "other", "duplicate", repeated)

    def _must_be_retried(self, error: Exception, delivery: Delivery) -> bool:
        """Whether the database was busy; of concurrent updates, not in every round."""
        if not isinstance(error, DatabaseBusy):
            return False
        if not isinstance(error.__cause__, ConcurrentUpdate):
            return True
        sequence, rounds = self._conflicts
        rounds = rounds + 1 if sequence == delivery.sequence else 1
        self._conflicts = (delivery.sequence, rounds)
        return rounds < CONFLICT_ROUNDS

    def _report_busy(self, error: Exception, delivery: Delivery) -> None:
        self._metrics.count_busy(self._source)
        log.warning(
            "the database is busy, the event is retried",
            source=self._source,
            sequence=delivery.sequence,
            type=delivery.type,
            sqlstate=sqlstate_of(error.__cause__),
            reason=reason_of(error),
        )

    async def _advance(self, connection: asyncpg.Connection, after: int) -> None:
        await inbox.advance(connection, self._source, after, self._lease_seconds)

    async def _dead_letter(self, delivery: Delivery, error: Exception) -> None:
        reason = reason_of(error)

        async def work(connection: asyncpg.Connection) -> None:
            await self._lock(connection)
            await inbox.dead_letter(connection, self._source, delivery, reason)
            await self._advance(connection, delivery.sequence)

        await self._db.transact(work, share=Share.FEEDS)
        self._metrics.count(self._source, delivery.type, "dead_letter")
        log.error(
            "the event is a dead letter",
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
    """The events that have not been applied yet, each once."""
    fresh = []
    for delivery in deliveries:
        if delivery.sequence > after:
            fresh.append(delivery)
            after = delivery.sequence
    return fresh


def _parts(deliveries: Sequence[Delivery], error: Exception) -> list[Sequence[Delivery]]:
    """Halves; or single events if the database is busy, because each attempt waits for it."""
    size = 1 if isinstance(error, DatabaseBusy) else -(-len(deliveries) // 2)
    return [deliveries[start : start + size] for start in range(0, len(deliveries), size)]


def _is_about_events(error: Exception) -> bool:
    """Whether fewer events might be applied: not if the lease or the database is lost."""
    return isinstance(error, DatabaseBusy) or not isinstance(error, LeaseLost | ServiceUnavailable)


def reason_of(error: Exception) -> str:
    """The error as a text of at most 1000 characters that PostgreSQL can store."""
    cause = error.__cause__ if isinstance(error, DatabaseBusy) and error.__cause__ else error
    text = f"{type(cause).__name__}: {cause}".replace("\0", "")[:1000]
    return text.encode(errors="replace").decode()
