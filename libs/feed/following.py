"""Following another service's feed, in one process at a time.

The process that follows holds a lease on the row of the cursor. It renews the lease before it
expires, releases it at a normal end, and after a crash the lease expires.
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
from libs.postgres.errors import sqlstate_of
from libs.postgres.pool import DATABASE, Database
from libs.postgres.retry import jittered
from libs.postgres.shares import Share
from libs.web.metrics import METRICS
from libs.web.problems import ServiceUnavailable

FIRST_PAUSE = 0.25
LONGEST_PAUSE = 5.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Source:
    """A feed to follow. `name` is that of the service and the key of the stored cursor."""

    name: str
    url: str


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds, except `limit`, the events in a page.

    After a crash another process takes over within `lease` + `standby_interval`. The lease
    outlasts `wait`, the long poll, by the `margin` for the network. `poll_delay` is the pause
    after the last page, so that under load events are fetched in larger batches.
    """

    limit: int = 1000
    wait: float = 2.0
    lease: float = 4.0
    margin: float = 1.0
    standby_interval: float = 0.5
    poll_delay: float = 0.02


class Follower:
    """Reads one feed and applies its events until cancelled. Failures are retried with backoff."""

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
        self._applier = Applier(db, source, handlers, self._holder, metrics, self._pace.lease)
        self._complete_at = time.time()
        self._lease_ends = 0.0
        self._pause = FIRST_PAUSE

    async def run(self) -> None:
        """Follow until cancelled; then release the lease, so that another process can go on."""
        structlog.contextvars.bind_contextvars(source=self._source)
        try:
            while True:
                if await self._succeed():
                    self._pause = FIRST_PAUSE
                else:
                    await asyncio.sleep(jittered(self._pause))
                    self._pause = min(self._pause * 2, LONGEST_PAUSE)
        finally:
            await self._release_lease()

    async def _succeed(self) -> bool:
        try:
            await self._round()
        except LeaseLost:
            log.info("another process follows now", source=self._source)
        except (FeedUnavailable, ServiceUnavailable) as error:
            self._note_failure(error)
            return False
        except Exception as error:
            self._note_failure(error)
            log.exception("following failed", source=self._source)
            return False
        return True

    async def _round(self) -> None:
        """Read and apply until the feed is exhausted, or wait while another process follows."""
        lease = await self._acquire_lease()
        if lease is None:
            self._metrics.forget_lag(self._source)
            await asyncio.sleep(jittered(self._pace.standby_interval))
            return
        async with aclosing(self._pages(lease.after)) as pages:
            async for page in pages:
                if page.deliveries:
                    await self._applier.apply(page.deliveries)
                self._note_progress(page)

    async def _acquire_lease(self) -> inbox.FollowerLease | None:
        # The lease runs from a moment after this one.
        began = time.monotonic()
        async with self._db.connection(Share.FEEDS) as connection:
            lease = await inbox.acquire_lease(
                connection, self._source, self._holder, self._pace.lease
            )
        if lease is not None:
            self._lease_ends = began + self._pace.lease
            self._metrics.following.labels(self._source).set(1)
            self._metrics.dead_letters.labels(self._source).set(lease.dead_letters)
        return lease

    async def _keep_lease(self) -> None:
        """Renew the lease unless it outlasts the next long poll. Raises `LeaseLost`."""
        remaining = self._lease_ends - time.monotonic()
        needed = self._pace.wait + self._pace.margin
        if remaining < needed and await self._acquire_lease() is None:
            raise LeaseLost(self._source)

    async def _pages(self, after: int) -> AsyncGenerator[Batch, None]:
        """The pages up to the first empty one. While a page is applied the next one is fetched."""
        requested_at, page = time.monotonic(), await self._fetch(after)
        while page.deliveries:
            if page.head > page.reached:
                ahead = asyncio.create_task(self._fetch(page.reached), name="read ahead")
                try:
                    yield page
                    await self._keep_lease()
                    page = await ahead
                finally:
                    ahead.cancel()
                    await asyncio.gather(ahead, return_exceptions=True)
            else:
                yield page
                await asyncio.sleep(self._pace.poll_delay)
                await self._keep_lease()
                requested_at, page = time.monotonic(), await self._fetch(page.reached)
        yield page
        if time.monotonic() - requested_at < self._pace.wait / 2:
            # A feed that is draining, or has too many readers waiting, responds at once.
            await asyncio.sleep(jittered(FIRST_PAUSE))

    async def _fetch(self, after: int) -> Batch:
        return await self._client.fetch(after, self._pace.limit, self._pace.wait)

    def _note_progress(self, page: Batch) -> None:
        # Each page that was applied resets the backoff.
        self._pause = FIRST_PAUSE
        now = time.time()
        missing = max(0, page.head - page.reached)
        # The next event happened no earlier than the last one of this page.
        behind = page.deliveries[-1].time.timestamp() if page.deliveries and missing else now
        self._complete_at = behind
        self._metrics.lag_events.labels(self._source).set(missing)
        self._metrics.lag_seconds.labels(self._source).set(max(0.0, now - self._complete_at))
        self._metrics.last_success.labels(self._source).set(now)

    def _note_failure(self, error: Exception) -> None:
        log.warning(
            "a feed cannot be followed now",
            source=self._source,
            sqlstate=sqlstate_of(error.__cause__),
            error=repr(error),
        )
        self._metrics.count_failure(self._source)
        self._metrics.lag_seconds.labels(self._source).set(time.time() - self._complete_at)

    async def _release_lease(self) -> None:
        with suppress(ServiceUnavailable):
            async with self._db.connection(Share.FEEDS) as connection:
                await inbox.release_lease(connection, self._source, self._holder)


def follow(
    sources: Sequence[Source],
    handlers: Mapping[str, Handlers],
    machine: MachineSettings,
    audience: str,
) -> Callable[[web.Application], AsyncIterator[None]]:
    """A cleanup context that follows the sources. The database's context comes first.

    `handlers` has the handlers of each source by the type of the event.
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
