"""Connections to the service's database, and transactions that are retried where that is safe."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import NamedTuple, TypeVar

import asyncpg
import structlog
from aiohttp import web
from prometheus_client import CollectorRegistry

from libs.postgres.errors import (
    TOO_MANY_CONNECTIONS,
    UNKNOWN,
    DatabaseBusy,
    DatabaseUnavailable,
    OutcomeUnknown,
    has_lost_connection,
    is_aborted,
    is_closed,
    may_be_repeated,
    passing_trouble,
)
from libs.postgres.gate import Gate
from libs.postgres.metrics import PoolMetrics
from libs.postgres.retry import CONNECT_ERRORS, connect_with_retry, jittered
from libs.postgres.settings import DatabaseSettings
from libs.postgres.transactions import Isolation, Work, run_transaction
from libs.web.metrics import METRICS
from libs.web.problems import ServiceUnavailable

T = TypeVar("T")

TRIES = 5
FIRST_PAUSE = 0.01
IDLE_LIFETIME = 60.0
CLOSE_TIMEOUT = 5.0
RELEASE_TIMEOUT = 5.0
PROBE_TIMEOUT = 1.0
FOREVER = float("inf")

log = structlog.get_logger(__name__)


class Lease(NamedTuple):
    """A connection of the pool, and how often the server had been left when it was taken."""

    connection: asyncpg.Connection
    generation: int


class Database:
    """A bounded set of connections to one database.

    While the database cannot be reached everybody is refused at once with `ServiceUnavailable`,
    and one task looks for it; the first connection it gets ends the outage.
    """

    def __init__(
        self, settings: DatabaseSettings, registry: CollectorRegistry | None = None
    ) -> None:
        self.settings = settings
        self.metrics = PoolMetrics(registry or CollectorRegistry(), self)
        self._gate: Gate[Lease] = Gate(
            settings.pool_max, settings.max_waiting, settings.max_wait, self.metrics.count_shed
        )
        self._pool: asyncpg.Pool | None = None
        self._generation = 0
        self._outage: asyncio.Task[None] | None = None

    @property
    def size(self) -> int:
        return self._pool.get_size() if self._pool is not None else 0

    @property
    def in_use(self) -> int:
        return self._gate.inside

    @property
    def waiting(self) -> int:
        return self._gate.waiting

    @property
    def available(self) -> bool:
        return self._pool is not None and self._outage is None

    async def start(self) -> None:
        """Connect, waiting for the database for at most `start_timeout` seconds."""
        began = time.monotonic()
        first = await connect_with_retry(
            self.settings.arguments(),
            self.settings.start_timeout,
            _once(lambda error: self._report("waiting for the database", error)),
        )
        version = ".".join(map(str, first.get_server_version()[:2]))
        await first.close()
        self._pool = await asyncpg.create_pool(
            **self.settings.arguments(),
            # A floor would keep idle connections for ever, to a server that others have left.
            min_size=0,
            init_size=self.settings.pool_min,
            max_size=self.settings.pool_max,
            max_inactive_connection_lifetime=IDLE_LIFETIME,
            reset=_keep,
        )
        log.info(
            "connected to the database",
            target=self.settings.described(),
            server=version,
            seconds=round(time.monotonic() - began, 3),
        )

    async def stop(self) -> None:
        """Close the connections; those still in use after some seconds are cut."""
        if self._outage is not None:
            self._outage.cancel()
            await asyncio.gather(self._outage, return_exceptions=True)
        if self._pool is None:
            return
        for lease in self._gate.take_left_over():
            await self._give_back(lease)
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await self._pool.close()
        except (TimeoutError, *CONNECT_ERRORS) as error:
            self._report("connections were cut", error)
            self._pool.terminate()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[asyncpg.Connection]:
        """A connection without a transaction, for reading.

        Nothing of a session may be changed on it (SET, LISTEN, session locks): it is handed on as
        it is, because cleaning it would cost every request a round trip.
        """
        lease, is_clean = await self._acquire(), False
        try:
            yield lease.connection
            is_clean = True
        except Exception as error:
            if refusal := await self._refusal(error, lease.connection):
                raise refusal from error
            raise
        finally:
            await self._release(lease, is_clean)

    async def transact(self, work: Work[T], *, isolation: Isolation = "read_committed") -> T:
        """Run `work(connection)` in a transaction and return what it returns, once committed.

        `work` may be called several times, each time in a new transaction: after a deadlock or a
        serialization failure, and when the connection broke before COMMIT. It is never repeated
        when nobody knows whether COMMIT succeeded; that is `OutcomeUnknown`.
        """
        for attempt in range(1, TRIES + 1):
            lease, is_clean = await self._acquire(), False
            try:
                result = await run_transaction(lease.connection, work, isolation)
                is_clean = True
                return result
            except Exception as error:
                refusal = await self._refusal(error, lease.connection)
                if attempt == TRIES or not self._is_worth_repeating(error, lease.connection):
                    if refusal is None:
                        raise
                    raise refusal from error
            finally:
                await self._release(lease, is_clean)
            await asyncio.sleep(jittered(FIRST_PAUSE * 2**attempt))
        raise AssertionError("the last attempt returns or raises")

    async def execute_once(self, statement: Work[T]) -> T | None:
        """Run one statement that is a transaction by itself: one round trip where `transact` has
        three. None where the database refused it, so that nothing was changed.

        It is never repeated, and whatever else ends it is `OutcomeUnknown`.
        """
        lease, is_clean = await self._acquire(), False
        try:
            result = await statement(lease.connection)
            is_clean = True
            return result
        except Exception as error:
            refusal = await self._refusal(error, lease.connection)
            if not is_aborted(error):
                if refusal is None:
                    raise
                raise OutcomeUnknown(UNKNOWN) from error
            if isinstance(refusal, DatabaseBusy) and not may_be_repeated(error):
                raise refusal from error
            return None
        finally:
            await self._release(lease, is_clean)

    def _is_worth_repeating(self, error: Exception, connection: asyncpg.Connection) -> bool:
        if isinstance(error, OutcomeUnknown):
            return False
        if may_be_repeated(error):
            self.metrics.count_retry("conflict")
            return True
        if has_lost_connection(error, connection):
            self.metrics.count_retry("connection")
            return True
        return False

    async def _acquire(self) -> Lease:
        began = time.perf_counter()
        if self._outage is not None or self._pool is None:
            self.metrics.count_shed("away")
            raise _away()
        handed_on = await self._gate.enter()
        try:
            lease = await self._usable(self._pool, handed_on)
        except CONNECT_ERRORS as error:
            self._gate.leave()
            self._begin_outage(error)
            self.metrics.count_shed("away")
            raise _away() from error
        except BaseException:
            self._gate.leave()
            raise
        self.metrics.acquire_seconds.observe(time.perf_counter() - began)
        return lease

    async def _usable(self, pool: asyncpg.Pool, handed_on: Lease | None) -> Lease:
        if handed_on is not None:
            if self._is_current(handed_on):
                return handed_on
            await self._give_back(handed_on)
        generation = self._generation
        # Its time-out is that of connecting: the gate leaves nothing else to wait for.
        return Lease(await pool.acquire(), generation)

    def _is_current(self, lease: Lease) -> bool:
        return lease.generation == self._generation and not is_closed(lease.connection)

    async def _release(self, lease: Lease, is_clean: bool) -> None:
        """Never raises: what was committed stays committed, whatever becomes of the connection.

        A clean one goes straight to whoever waits: by way of the pool, which starts a task for
        each that comes back, a list takes a fifth more of CPU time.
        """
        may_hand_on = (
            is_clean and self._is_current(lease) and not lease.connection.is_in_transaction()
        )
        if may_hand_on and self._gate.hand_on(lease):
            return
        try:
            await self._give_back(lease)
        finally:
            self._gate.leave()

    async def _give_back(self, lease: Lease) -> None:
        if self._pool is None:
            return
        try:
            await self._pool.release(lease.connection, timeout=RELEASE_TIMEOUT)
        except (TimeoutError, *CONNECT_ERRORS) as error:
            self._report("a connection ended while it was given back", error)

    async def _refusal(
        self, error: Exception, connection: asyncpg.Connection
    ) -> ServiceUnavailable | None:
        if has_lost_connection(error, connection):
            self._generation += 1
            if self._pool is not None:
                # The others lead to the same server, which is gone or no longer the primary.
                await self._pool.expire_connections()
            return None if isinstance(error, OutcomeUnknown) else _away()
        return passing_trouble(error)

    def _begin_outage(self, error: Exception) -> None:
        if getattr(error, "sqlstate", None) == TOO_MANY_CONNECTIONS or self._outage is not None:
            return
        self._report("the database cannot be reached", error)
        self._outage = asyncio.create_task(self._look_for_database(), name="look for the database")

    async def _look_for_database(self) -> None:
        began = time.monotonic()
        arguments = self.settings.arguments() | {"timeout": PROBE_TIMEOUT}
        try:
            connection = await connect_with_retry(arguments, FOREVER, lambda _error: None)
        finally:
            self._outage = None
        log.info("the database is back", seconds=round(time.monotonic() - began, 3))
        await connection.close()

    def _report(self, event: str, error: Exception) -> None:
        told = f"{type(error).__name__}: {error}"
        log.warning(event, target=self.settings.described(), error=told)


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


def _away() -> DatabaseUnavailable:
    return DatabaseUnavailable("The database cannot be reached right now.")


async def _keep(_connection: asyncpg.Connection) -> None:
    """In place of asyncpg's reset, a round trip that undoes what nothing here does. A transaction
    left open it rolls back all the same."""


def _once(report: Callable[[Exception], None]) -> Callable[[Exception], None]:
    told = False

    def report_once(error: Exception) -> None:
        nonlocal told
        if not told:
            report(error)
        told = True

    return report_once
