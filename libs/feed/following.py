"""Following another service's feed, in one process at a time.

Which one is a lease on the row of the cursor: it holds for some seconds and is renewed in time,
let go at a normal end, and runs out by itself after a crash.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass

import aiohttp
import structlog
from aiohttp import web

from libs.auth import MachineSettings, MachineTokens
from libs.feed import inbox
from libs.feed.applying import Applier, Handlers, LeaseLost
from libs.feed.client import Batch, FeedClient, FeedUnavailable
from libs.feed.metrics import FollowerMetrics
from libs.postgres.pool import DATABASE, Database
from libs.postgres.retry import jittered
from libs.web.metrics import METRICS
from libs.web.problems import ServiceUnavailable

FIRST_PAUSE = 0.25
LONGEST_PAUSE = 5.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Source:
    """A feed to follow. `name` is that of the service; it is how the cursor is found again."""

    name: str
    url: str


@dataclass(frozen=True, slots=True)
class Pace:
    """All but `limit` are seconds. After a crash another process follows within `lease` and
    `standby`; the lease must outlast the waiting. Whoever has caught up takes a `breath` before
    asking again: under load that makes few pages of many, and stays within the rate limit."""

    limit: int = 1000
    wait: float = 2.0
    lease: float = 3.0
    standby: float = 0.5
    breath: float = 0.02


class Follower:
    """Reads one feed and applies it, for as long as it runs and whatever happens."""

    def __init__(
        self,
        db: Database,
        source: str,
        client: FeedClient,
        handlers: Handlers,
        metrics: FollowerMetrics,
        pace: Pace | None = None,
    ) -> None:
        self._db = db
        self._source = source
        self._client = client
        self._metrics = metrics
        self._pace = pace or Pace()
        self._holder = uuid.uuid4()
        self._applier = Applier(db, source, handlers, self._holder, metrics)
        self._complete_at = time.time()
        self._renew_at = 0.0
        self._pause = FIRST_PAUSE

    async def run(self) -> None:
        """Follow until cancelled; then let go, so that another process can go on at once."""
        try:
            while True:
                if await self._succeed():
                    self._pause = FIRST_PAUSE
                else:
                    await asyncio.sleep(jittered(self._pause))
                    self._pause = min(self._pause * 2, LONGEST_PAUSE)
        finally:
            await self._let_go()

    async def _succeed(self) -> bool:
        try:
            await self._round()
        except (LeaseLost, FeedUnavailable, ServiceUnavailable) as error:
            self._note_failure(error)
        except Exception as error:
            self._note_failure(error)
            log.exception("following failed", source=self._source)
        else:
            return True
        return False

    async def _round(self) -> None:
        """Read and apply until there is nothing more, or, where another process follows, wait a
        little."""
        lead = await self._acquire_lease()
        if lead is None:
            self._metrics.forget_lag(self._source)
            await asyncio.sleep(jittered(self._pace.standby))
            return
        async with aclosing(self._pages(lead.after)) as pages:
            async for page in pages:
                if page.deliveries:
                    await self._applier.apply(page.deliveries)
                self._note_progress(page)
                if time.monotonic() > self._renew_at and await self._acquire_lease() is None:
                    return

    async def _acquire_lease(self) -> inbox.FollowerLease | None:
        async with self._db.connection() as connection:
            lead = await inbox.acquire_lease(
                connection, self._source, self._holder, self._pace.lease
            )
        if lead is not None:
            self._renew_at = time.monotonic() + self._pace.lease - self._pace.wait
            self._metrics.following.labels(self._source).set(1)
            self._metrics.dead_letter.labels(self._source).set(lead.dead_letter)
        return lead

    async def _pages(self, after: int) -> AsyncGenerator[Batch, None]:
        """Up to the first that is empty. While one is applied the next is read, if there is one."""
        asked_at, page = time.monotonic(), await self._fetch(after)
        while page.deliveries:
            if page.head > page.reached:
                ahead = asyncio.create_task(self._fetch(page.reached), name="read ahead")
                try:
                    yield page
                    page = await ahead
                finally:
                    ahead.cancel()
                    await asyncio.gather(ahead, return_exceptions=True)
            else:
                yield page
                await asyncio.sleep(self._pace.breath)
                asked_at, page = time.monotonic(), await self._fetch(page.reached)
        yield page
        if time.monotonic() - asked_at < self._pace.wait / 2:
            # A feed that is about to end, or has too many waiting, does not let us wait.
            await asyncio.sleep(jittered(FIRST_PAUSE))

    async def _fetch(self, after: int) -> Batch:
        return await self._client.fetch(after, self._pace.limit, self._pace.wait)

    def _note_progress(self, page: Batch) -> None:
        # What comes and goes is not away: each page that was applied ends the growing pauses.
        self._pause = FIRST_PAUSE
        now = time.time()
        missing = max(0, page.head - page.reached)
        # What comes next happened no earlier than what came last.
        behind = page.deliveries[-1].time.timestamp() if page.deliveries and missing else now
        self._complete_at = behind
        self._metrics.lag_events.labels(self._source).set(missing)
        self._metrics.lag_seconds.labels(self._source).set(max(0.0, now - self._complete_at))
        self._metrics.last_success.labels(self._source).set(now)

    def _note_failure(self, error: Exception) -> None:
        log.warning("a feed cannot be followed now", source=self._source, error=repr(error))
        self._metrics.count_failure(self._source)
        self._metrics.lag_seconds.labels(self._source).set(time.time() - self._complete_at)

    async def _let_go(self) -> None:
        with suppress(ServiceUnavailable):
            async with self._db.connection() as connection:
                await inbox.release_lease(connection, self._source, self._holder)


def follow(
    sources: Sequence[Source],
    handlers: Mapping[str, Handlers],
    machine: MachineSettings,
    audience: str,
) -> Callable[[web.Application], AsyncIterator[None]]:
    """A cleanup context that follows the sources, after the database's.

    `handlers` are by the name of the source and then by the type of the event.
    """

    async def follow_sources(app: web.Application) -> AsyncIterator[None]:
        metrics = FollowerMetrics(app[METRICS].registry)
        async with aiohttp.ClientSession() as session:
            tokens = MachineTokens(
                session, machine.token_url, machine.client_id, machine.client_secret, audience
            )
            tasks = [
                asyncio.create_task(
                    Follower(
                        app[DATABASE],
                        source.name,
                        FeedClient(session, source.url, tokens),
                        handlers[source.name],
                        metrics,
                    ).run(),
                    name=f"follow {source.name}",
                )
                for source in sources
            ]
            yield
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await tokens.close()

    return follow_sources
