import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest
from aiohttp import web
from structlog.testing import capture_logs

from libs.feed import housekeeping as module
from libs.feed.events import Event
from libs.feed.housekeeping import housekeeping, tidy
from libs.postgres.idempotency import IDEMPOTENCY_KEYS_V1_DOWN, IDEMPOTENCY_KEYS_V1_UP
from libs.postgres.pool import DATABASE, Database
from libs.web.app import CLOCK
from tests.feeds.conftest import NOON, fetch, publish_all
from tests.support.clock import StandingClock
from tests.unit.postgres.polling import until

ADD_KEYS = """
    INSERT INTO idempotency_keys (caller, key, fingerprint, status, headers, body, created_at)
    SELECT 'auth0|erin', number::text, '', 200, '{}', '', now() - make_interval(days => number)
    FROM generate_series(1, 12) AS number
"""


@pytest.fixture
async def untidy(publisher: Database) -> AsyncIterator[Database]:
    """Keys of one to twelve days, and two events of the same subject of long ago."""
    async with publisher.connection() as connection:
        await connection.execute(IDEMPOTENCY_KEYS_V1_UP)
        await connection.execute(ADD_KEYS)
    old = NOON - timedelta(days=100)
    await publish_all(publisher, *(Event("person.changed", "erin", old, {}) for _ in range(2)))
    yield publisher
    async with publisher.connection() as connection:
        await connection.execute(IDEMPOTENCY_KEYS_V1_DOWN)


async def left(db: Database) -> tuple[int, int]:
    """The number of keys and events."""
    keys = await fetch(db, "SELECT key FROM idempotency_keys")
    return len(keys), len(await fetch(db, "SELECT sequence FROM events"))


async def test_old_keys_and_replaced_events_go(
    untidy: Database, clock: StandingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "KEYS_AT_ONCE", 2)

    await tidy(untidy, clock)

    assert await left(untidy) == (6, 1)


async def test_an_application_keeps_house_while_it_runs(
    untidy: Database, clock: StandingClock
) -> None:
    app = web.Application()
    app[DATABASE], app[CLOCK] = untidy, clock
    app.cleanup_ctx.append(housekeeping(every=0.01))
    runner = web.AppRunner(app)
    await runner.setup()

    async def is_tidy() -> bool:
        return await left(untidy) == (6, 1)

    await until(is_tidy)
    await runner.cleanup()
    assert not [task for task in asyncio.all_tasks() if "tidy" in repr(task.get_coro())]


async def test_a_failure_is_retried_later(untidy: Database, clock: StandingClock) -> None:
    async with untidy.connection() as connection:
        await connection.execute("ALTER TABLE events RENAME TO elsewhere")
    app = web.Application()
    app[DATABASE], app[CLOCK] = untidy, clock
    app.cleanup_ctx.append(housekeeping(every=0.01))
    runner = web.AppRunner(app)
    with capture_logs() as lines:
        await runner.setup()
        await until(lambda: bool(lines))
        async with untidy.connection() as connection:
            await connection.execute("ALTER TABLE elsewhere RENAME TO events")
        await until(lambda: lines[-1]["event"] == "tidied up")
        await runner.cleanup()

    assert lines[0]["event"] == "could not tidy up"
    assert asyncpg.UndefinedTableError.__name__ in lines[0]["error"]
