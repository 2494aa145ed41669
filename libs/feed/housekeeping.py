"""Removing what a service's database no longer needs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import structlog
from aiohttp import web

from libs.feed.compaction import compact
from libs.postgres.idempotency import forget_old_keys
from libs.postgres.pool import DATABASE, Database
from libs.postgres.retry import jittered
from libs.web.app import CLOCK, Clock

AN_HOUR = 3600.0
KEYS_AT_ONCE = 10_000

Housework = Callable[[Database, Clock], Awaitable[None]]

log = structlog.get_logger(__name__)


def housekeeping(
    every: float = AN_HOUR, work: Housework | None = None
) -> Callable[[web.Application], AsyncIterator[None]]:
    """A cleanup context that tidies up every `every` seconds. The database's context comes first.

    Every replica does it. The second one finds nothing left, which is cheaper than electing one.
    """

    async def tidy_regularly(app: web.Application) -> AsyncIterator[None]:
        task = asyncio.create_task(_tidy_every(app[DATABASE], app[CLOCK], every, work or tidy))
        yield
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    return tidy_regularly


async def tidy(db: Database, clock: Clock) -> None:
    """Remove old idempotency keys and superseded events, in bounded steps."""
    keys = removed = await forget_old_keys(db, at_most=KEYS_AT_ONCE)
    while removed == KEYS_AT_ONCE:
        removed = await forget_old_keys(db, at_most=KEYS_AT_ONCE)
        keys += removed
    events = await compact(db, clock.now())
    log.info("tidied up", keys=keys, events=events)


async def _tidy_every(db: Database, clock: Clock, every: float, work: Housework) -> None:
    while True:
        await asyncio.sleep(jittered(every))
        try:
            await work(db, clock)
        except Exception as error:
            log.warning("could not tidy up", error=repr(error))
