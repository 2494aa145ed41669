"""Waking the readers of a feed when an event is published: one LISTEN for the whole process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import asyncpg
import structlog

from libs.feed.events import CHANNEL
from libs.postgres.retry import CONNECT_ERRORS, connect_with_retry, jittered
from libs.postgres.settings import DatabaseSettings

FOREVER = float("inf")
# Readers poll the feed in these intervals: while nothing listens, and while something does,
# because a notification may be lost. Behind a transaction pooler every one is.
POLL_INTERVAL = 0.5
POLL_INTERVAL_LISTENING = 5.0
# A draining process dismisses its readers within this time.
TICK = 0.1
# A statement in these intervals detects a dead connection.
ALIVE_EVERY = 20.0
ALIVE_TIMEOUT = 5.0

log = structlog.get_logger(__name__)


class Notifier:
    """Wakes readers of the feed when an event is published, on each tick, and while draining.

    Subscribe first, read the feed second and await the subscription third, so that an event
    published in between wakes the reader.
    """

    def __init__(self, draining: Callable[[], bool]) -> None:
        self.draining = draining
        self.listening = False
        self._changed = asyncio.Event()

    def subscribe(self) -> asyncio.Event:
        """An event that is set at the next publication."""
        return self._changed

    def notify(self) -> None:
        """Wake everybody who waits for a publication."""
        self._changed.set()
        self._changed = asyncio.Event()

    @asynccontextmanager
    async def connected(self, settings: DatabaseSettings) -> AsyncIterator[None]:
        """Listen, and tick, until the context ends."""
        tasks = [
            asyncio.create_task(self._tick(), name="tick for the feed"),
            asyncio.create_task(self._listen(settings), name="listen for the feed"),
        ]
        try:
            yield
        finally:
            self.notify()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        notified = loop.time()
        while True:
            await asyncio.sleep(TICK)
            interval = POLL_INTERVAL_LISTENING if self.listening else POLL_INTERVAL
            if self.draining() or loop.time() - notified >= interval:
                notified = loop.time()
                self.notify()

    async def _listen(self, settings: DatabaseSettings) -> None:
        while True:
            connection = await connect_with_retry(settings.arguments(), FOREVER, self._ignore)
            try:
                await self._listen_on(connection)
            except (TimeoutError, *CONNECT_ERRORS) as error:
                log.warning("no longer listening for events", error=repr(error))
            except Exception:
                log.exception("listening for events failed")
            finally:
                self.listening = False
                connection.terminate()
            await asyncio.sleep(jittered(POLL_INTERVAL))

    async def _listen_on(self, connection: asyncpg.Connection) -> None:
        ended = asyncio.Event()
        connection.add_termination_listener(lambda _connection: ended.set())
        await connection.add_listener(CHANNEL, self._notified)
        self.listening = True
        self.notify()
        while not ended.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(ALIVE_EVERY):
                    await ended.wait()
            await connection.execute("SELECT", timeout=ALIVE_TIMEOUT)

    def _notified(self, *_details: Any) -> None:
        self.notify()

    def _ignore(self, _error: Exception) -> None:
        """The pool logs the same outage, and readers poll meanwhile."""
