"""The connections of one process to its database."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import structlog

from libs.postgres.errors import (
    TOO_MANY_CONNECTIONS,
    DatabaseUnavailable,
    has_lost_connection,
    is_aborted,
)
from libs.postgres.queue import ConnectionQueue
from libs.postgres.retry import CONNECT_ERRORS, connect_with_retry
from libs.postgres.settings import DatabaseSettings
from libs.postgres.shares import Bounds, Share
from libs.postgres.timestamps import set_timestamp_codec

IDLE_LIFETIME = 60.0
SWEEP_EVERY = 15.0
CLOSE_TIMEOUT = 5.0
RESET_TIMEOUT = 5.0
PROBE_TIMEOUT = 1.0
FOREVER = float("inf")

log = structlog.get_logger(__name__)


@dataclass(slots=True, eq=False)
class PooledConnection:
    """A connection, and the generation of the pool in which it was opened."""

    connection: asyncpg.Connection
    generation: int
    idle_since: float = field(default_factory=time.monotonic)


class ConnectionPool:
    """Opens connections when they are needed, reuses them and closes those that stay idle.

    While the database cannot be reached, every request is refused at once with
    `DatabaseUnavailable`; one task tries to connect, and its success ends the outage.
    """

    def __init__(self, settings: DatabaseSettings, on_shed: Callable[[Share, str], None]) -> None:
        self.settings = settings
        self._on_shed = on_shed
        self.queue: ConnectionQueue[PooledConnection] = ConnectionQueue(
            Bounds(settings.pool_max), settings.max_waiting, settings.max_wait, on_shed
        )
        self._open: set[PooledConnection] = set()
        self._generation = 0
        self._is_open = False
        self._outage: asyncio.Task[None] | None = None
        self._sweeper: asyncio.Task[None] | None = None
        self._background: set[asyncio.Task[None]] = set()
        self._emptied = asyncio.Event()

    @property
    def size(self) -> int:
        """The number of open connections."""
        return len(self._open)

    @property
    def available(self) -> bool:
        """Whether the database was reachable at the last try."""
        return self._is_open and self._outage is None

    async def open(self) -> str:
        """Open `pool_min` connections and return the server's version.

        Waits for the database for at most `start_timeout` seconds and raises the last error then.
        """
        first = await connect_with_retry(
            self.settings.arguments(),
            self.settings.start_timeout,
            _first_time(lambda error: self._warn("waiting for the database", error)),
        )
        version = ".".join(map(str, first.get_server_version()[:2]))
        if self.settings.pool_min:
            self.queue.add_idle(await self._pooled(first, self._generation))
        else:
            await first.close()
        missing = range(1, self.settings.pool_min)
        for pooled in await asyncio.gather(*(self._connect() for _ in missing)):
            self.queue.add_idle(pooled)
        self._is_open = True
        self._sweeper = asyncio.create_task(self._sweep(), name="close idle connections")
        return version

    async def close(self) -> None:
        """Close all connections; those still in use after some seconds are cut."""
        self._is_open = False
        for task in (self._outage, self._sweeper):
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        self.queue.refuse_waiters(DatabaseUnavailable())
        self._close_idle(lambda _pooled: True)
        self._emptied.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_TIMEOUT):
                if self._open:
                    await self._emptied.wait()
                await asyncio.gather(*self._background)
        if self._open:
            log.warning("connections were cut", target=self.settings.described())
        for pooled in self._open:
            pooled.connection.terminate()
        self._open.clear()

    async def acquire(self, share: Share) -> PooledConnection:
        """Return a connection for this work alone; `give_back` or `reset` must follow.

        Raises `ServiceUnavailable` when there is none in time, and `DatabaseUnavailable` when the
        database cannot be reached.
        """
        if not self.available:
            self._on_shed(share, "away")
            raise DatabaseUnavailable
        idle = await self.queue.acquire(share)
        try:
            while idle is not None and not self._is_usable(idle):
                self._close(idle)
                idle = self.queue.take_idle()
            return idle or await self._connect()
        except CONNECT_ERRORS as error:
            self.queue.release(share, None)
            self._begin_outage(error)
            self._on_shed(share, "away")
            raise DatabaseUnavailable from error
        except BaseException:
            self.queue.release(share, None)
            raise

    def give_back(
        self, share: Share, pooled: PooledConnection, error: BaseException | None
    ) -> bool:
        """Take a connection back after its work, which ended with `error` if it failed.

        Unless the last statement was answered, a statement or a transaction may still be running.
        Returns False for such a connection, which has to be reset.
        """
        answered = error is None or is_aborted(error)
        if answered and self._is_usable(pooled) and not pooled.connection.is_in_transaction():
            self._keep(share, pooled)
            return True
        return False

    async def reset(self, share: Share, pooled: PooledConnection) -> None:
        """Reset a connection and take it back, or close it.

        Does not raise: what was committed stays committed, whatever becomes of the connection.
        """
        await asyncio.shield(self._start(self._reset(share, pooled)))

    def expire(self) -> None:
        """Leave the server: close every connection, those in use as soon as they are released."""
        self._generation += 1
        self._close_idle(lambda _pooled: True)

    def close_idle(self, now: float) -> None:
        """Close the connections that nobody has used for `IDLE_LIFETIME` seconds."""
        self._close_idle(lambda pooled: now - pooled.idle_since > IDLE_LIFETIME)

    def expire_if_lost(self, error: Exception, pooled: PooledConnection) -> None:
        """Expire all connections if the work failed because its connection broke: the others lead
        to the same server, which is gone or no longer the primary."""
        is_lost = has_lost_connection(error, pooled.connection)
        if is_lost and pooled.generation == self._generation:
            self.expire()

    def _is_usable(self, pooled: PooledConnection) -> bool:
        return (
            self._is_open
            and pooled.generation == self._generation
            and not pooled.connection.is_closed()
        )

    def _keep(self, share: Share, pooled: PooledConnection) -> None:
        pooled.idle_since = time.monotonic()
        self.queue.release(share, pooled)

    async def _reset(self, share: Share, pooled: PooledConnection) -> None:
        connection = pooled.connection
        if self._is_usable(pooled):
            try:
                await connection.reset(timeout=RESET_TIMEOUT)
            except (TimeoutError, *CONNECT_ERRORS) as error:
                self._warn("a connection could not be reset", error)
                connection.terminate()
        if self._is_usable(pooled) and not connection.is_in_transaction():
            self._keep(share, pooled)
        else:
            self._close(pooled)
            self.queue.release(share, None)

    async def _connect(self) -> PooledConnection:
        generation = self._generation
        return await self._pooled(await asyncpg.connect(**self.settings.arguments()), generation)

    async def _pooled(self, connection: asyncpg.Connection, generation: int) -> PooledConnection:
        await set_timestamp_codec(connection)
        pooled = PooledConnection(connection, generation)
        self._open.add(pooled)
        return pooled

    def _close_idle(self, is_over: Callable[[PooledConnection], bool]) -> None:
        for pooled in self.queue.remove_idle(is_over):
            self._close(pooled)

    def _close(self, pooled: PooledConnection) -> None:
        """Close the connection in the background; the server ends the session."""
        self._open.discard(pooled)
        if not self._open:
            self._emptied.set()
        if not pooled.connection.is_closed():
            self._start(_close(pooled.connection))

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run work in the background; the event loop alone would not keep the task alive."""
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return task

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_EVERY)
            self.close_idle(time.monotonic())

    def _begin_outage(self, error: Exception) -> None:
        # A server without a free connection slot is there.
        if getattr(error, "sqlstate", None) == TOO_MANY_CONNECTIONS or self._outage is not None:
            return
        self._warn("the database cannot be reached", error)
        self._outage = asyncio.create_task(self._end_outage(), name="look for the database")

    async def _end_outage(self) -> None:
        began = time.monotonic()
        arguments = self.settings.arguments() | {"timeout": PROBE_TIMEOUT}
        try:
            connection = await connect_with_retry(arguments, FOREVER, lambda _error: None)
        finally:
            self._outage = None
        log.info("the database is back", seconds=round(time.monotonic() - began, 3))
        await connection.close()

    def _warn(self, event: str, error: Exception) -> None:
        log.warning(
            event,
            target=self.settings.described(),
            sqlstate=getattr(error, "sqlstate", None),
            error=f"{type(error).__name__}: {error}",
        )


async def _close(connection: asyncpg.Connection) -> None:
    with suppress(TimeoutError, *CONNECT_ERRORS):
        await connection.close(timeout=CLOSE_TIMEOUT)


def _first_time(report: Callable[[Exception], None]) -> Callable[[Exception], None]:
    """Report the first error only."""
    reported = False

    def report_once(error: Exception) -> None:
        nonlocal reported
        if not reported:
            report(error)
        reported = True

    return report_once
