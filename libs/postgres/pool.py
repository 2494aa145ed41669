"""The service's database: connections, and transactions that are repeated where that is safe."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import TracebackType
from typing import TypeVar

import asyncpg
import structlog
from aiohttp import web
from prometheus_client import CollectorRegistry

from libs.postgres.connections import ConnectionPool
from libs.postgres.dedicated import DedicatedConnection, Timeouts, open_dedicated
from libs.postgres.errors import (
    ConnectionLost,
    DatabaseUnavailable,
    OutcomeUnknown,
    TransactionConflict,
    has_lost_connection,
    is_aborted,
    is_conflict,
    raise_unavailable,
    unavailable_for,
)
from libs.postgres.metrics import PoolMetrics
from libs.postgres.settings import DatabaseSettings
from libs.postgres.shares import Share
from libs.postgres.transactions import Isolation, Work, repeat, run_transaction
from libs.web.metrics import METRICS
from libs.web.tracing import is_sampled, start_query_spans, stop_query_spans

T = TypeVar("T")

log = structlog.get_logger(__name__)


class Borrowed:
    """The context in which a connection belongs to one piece of work.

    A class, because each request enters one: a generator of `asynccontextmanager` costs 2 µs more.
    """

    __slots__ = ("_is_traced", "_metrics", "_pool", "_pooled", "_share")

    def __init__(self, pool: ConnectionPool, metrics: PoolMetrics, share: Share) -> None:
        self._pool = pool
        self._metrics = metrics
        self._share = share

    async def __aenter__(self) -> asyncpg.Connection:
        began = time.perf_counter()
        self._pooled = await self._pool.acquire(self._share)
        self._metrics.acquire_seconds.observe(time.perf_counter() - began)
        self._is_traced = is_sampled()
        if self._is_traced:
            start_query_spans(self._pooled.connection)
        return self._pooled.connection

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        try:
            if isinstance(error, Exception):
                self._pool.expire_if_lost(error, self._pooled)
                raise_unavailable(error, self._pooled.connection)
        finally:
            if self._is_traced:
                stop_query_spans(self._pooled.connection)
            if not self._pool.give_back(self._share, self._pooled, error):
                await self._pool.reset(self._share, self._pooled)


class Database:
    """A bounded number of connections to one database.

    A transient refusal by the database is raised as a
    `ServiceUnavailable`, see `libs.postgres.errors`; every other error as asyncpg raises it.
    """

    def __init__(
        self, settings: DatabaseSettings, registry: CollectorRegistry | None = None
    ) -> None:
        self.settings = settings
        self.metrics = PoolMetrics(registry or CollectorRegistry(), self)
        self._pool = ConnectionPool(settings, self.metrics.count_shed)

    @property
    def size(self) -> int:
        """The number of open connections."""
        return self._pool.size

    @property
    def in_use(self) -> int:
        """The number of connections that somebody holds."""
        return self._pool.queue.in_use

    @property
    def waiting(self) -> int:
        """The number of requests that wait for a connection."""
        return self._pool.queue.waiting

    @property
    def available(self) -> bool:
        """Whether the database can be reached, as far as is known."""
        return self._pool.available

    def held_by(self, share: Share) -> int:
        """The number of connections that a share holds."""
        return self._pool.queue.held_by(share)

    async def start(self) -> None:
        """Connect, waiting for the database for at most `start_timeout` seconds."""
        began = time.monotonic()
        version = await self._pool.open()
        log.info(
            "connected to the database",
            target=self.settings.described(),
            server=version,
            seconds=round(time.monotonic() - began, 3),
        )

    async def stop(self) -> None:
        """Close the connections; those still in use after some seconds are cut."""
        await self._pool.close()

    def connection(self, share: Share = Share.READS) -> Borrowed:
        """A connection without a transaction, for reading: `async with db.connection() as ...`.

        Do not change session state (SET, LISTEN, session locks): connections are reused without
        RESET, which would cost a round trip for each request.
        """
        return Borrowed(self._pool, self.metrics, share)

    async def transact(
        self,
        work: Work[T],
        *,
        isolation: Isolation = "read_committed",
        share: Share = Share.WRITES,
    ) -> T:
        """Run `work(connection)` in a transaction and return its result once it is committed.

        `work` may be called several times, each time in a new transaction: after a deadlock, a
        serialization failure or `ConcurrentUpdate`, and when the connection broke before COMMIT.
        It is never repeated when COMMIT may have succeeded; that is `OutcomeUnknown`.
        """

        async def attempt() -> T:
            async with self.connection(share) as connection:
                return await run_transaction(connection, work, isolation)

        return await repeat(attempt, (TransactionConflict, ConnectionLost), self._count_retry)

    async def execute_once(self, statement: Work[T], *, share: Share = Share.WRITES) -> T | None:
        """Run one statement that is a transaction of its own: one round trip instead of three.

        Returns None where the database refused it, so that nothing was changed. It is never
        repeated. Raises `OutcomeUnknown` when nobody can tell whether it took effect.
        """
        async with self.connection(share) as connection:
            try:
                return await statement(connection)
            except Exception as error:
                lost = has_lost_connection(error, connection)
                if is_conflict(error) or (is_aborted(error) and not unavailable_for(error)):
                    if lost:
                        self._pool.expire()
                    return None
                if not is_aborted(error) and (lost or unavailable_for(error)):
                    raise OutcomeUnknown from error
                raise

    @asynccontextmanager
    async def dedicated(self, timeouts: Timeouts) -> AsyncIterator[DedicatedConnection]:
        """A connection outside the pool, for an upload or an export that takes long."""
        if not self.available:
            raise DatabaseUnavailable
        async with open_dedicated(self.settings, timeouts, self._count_retry) as dedicated:
            yield dedicated

    def _count_retry(self, error: Exception) -> None:
        conflict = isinstance(error, TransactionConflict)
        self.metrics.count_retry("conflict" if conflict else "connection")


DATABASE = web.AppKey("DATABASE", Database)


def database_context(
    settings: DatabaseSettings,
) -> Callable[[web.Application], AsyncIterator[None]]:
    """A cleanup context that puts a started `Database` at `app[DATABASE]`."""

    async def context(app: web.Application) -> AsyncIterator[None]:
        app[DATABASE] = started = Database(settings, app[METRICS].registry)
        await started.start()
        yield
        await started.stop()

    return context
