import asyncio
import time
from dataclasses import replace

import asyncpg
import pytest
from aiohttp import web
from prometheus_client import generate_latest

from libs.postgres.connections import IDLE_LIFETIME
from libs.postgres.errors import DatabaseBusy
from libs.postgres.pool import DATABASE, Database, database_context
from libs.postgres.settings import DatabaseSettings
from libs.web.metrics import METRICS, Metrics
from libs.web.problems import ServiceUnavailable
from tests.support.connections import started
from tests.unit.postgres.polling import ask, sleeping, until
from tests.unit.postgres.relay import Relay


async def waiting(db: Database, count: int) -> None:
    await until(lambda: db.waiting >= count)


async def test_sessions_are_bounded_in_time_and_named(
    settings: DatabaseSettings,
) -> None:
    changed = replace(
        settings,
        statement_timeout=1.5,
        lock_timeout=0.75,
        idle_in_transaction_timeout=9,
        application_name="entries",
    )
    async with started(changed) as db:
        shown = [
            await ask(db, f"SHOW {name}")
            for name in (
                "statement_timeout",
                "lock_timeout",
                "idle_in_transaction_session_timeout",
                "application_name",
                "timezone",
            )
        ]

    assert shown == ["1500ms", "750ms", "9s", "entries", "UTC"]


async def test_a_request_that_finds_the_queue_full_is_refused_at_once(
    settings: DatabaseSettings,
) -> None:
    async with started(replace(settings, pool_max=1, max_waiting=1)) as db, db.connection():
        queued = asyncio.create_task(ask(db))
        await waiting(db, 1)
        began = time.monotonic()
        with pytest.raises(ServiceUnavailable) as refused:
            await ask(db)
        assert time.monotonic() - began < 0.1
        assert refused.value.headers == {"Retry-After": "1"}
        queued.cancel()


async def test_a_request_that_waits_too_long_is_refused(settings: DatabaseSettings) -> None:
    async with started(replace(settings, pool_max=1, max_wait=0.05)) as db:
        async with db.connection():
            with pytest.raises(ServiceUnavailable):
                await ask(db)
        assert await ask(db) == 1


async def test_connections_are_given_out_first_come_first_served(
    settings: DatabaseSettings,
) -> None:
    served: list[int] = []

    async def take(number: int) -> None:
        async with db.connection():
            served.append(number)
            await asyncio.sleep(0)

    async with started(replace(settings, pool_max=1)) as db:
        async with db.connection():
            tasks = []
            for number in range(20):
                tasks.append(asyncio.create_task(take(number)))
                await waiting(db, number + 1)
        await asyncio.gather(*tasks)

    assert served == list(range(20))


async def test_a_connection_is_released_however_the_work_ends(settings: DatabaseSettings) -> None:
    async with started(replace(settings, pool_max=1)) as db, started(settings) as other:
        with pytest.raises(asyncpg.DivisionByZeroError):
            await ask(db, "SELECT 1 / 0")
        cancelled = asyncio.create_task(ask(db, "SELECT pg_sleep(60)"))
        await sleeping(other)
        cancelled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        assert await ask(db) == 1
        assert (db.in_use, db.waiting) == (0, 0)


async def test_a_transaction_that_was_cancelled_leaves_a_clean_connection(
    settings: DatabaseSettings,
) -> None:
    async def linger(connection: asyncpg.Connection) -> None:
        await connection.execute("CREATE TABLE unwanted ()")
        await connection.execute("SELECT pg_sleep(60)")

    async with started(replace(settings, pool_max=1)) as db, started(settings) as other:
        task = asyncio.create_task(db.transact(linger))
        await sleeping(other)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await ask(db, "SELECT to_regclass('unwanted')") is None
        assert await ask(db, "SELECT pg_current_xact_id_if_assigned()::text") is None


async def test_a_statement_that_takes_too_long_is_answered_with_busy(
    settings: DatabaseSettings,
) -> None:
    async def sleep(connection: asyncpg.Connection) -> None:
        # For this statement alone: on a busy machine any other takes as long, connecting first.
        await connection.execute("SET LOCAL statement_timeout = '50ms'")
        await connection.execute("SELECT pg_sleep(60)")

    async with started(replace(settings, pool_max=1)) as db:
        with pytest.raises(DatabaseBusy):
            await db.transact(sleep)
        assert await ask(db) == 1


async def test_a_lock_that_takes_too_long_is_answered_with_busy(settings: DatabaseSettings) -> None:
    async def lock(connection: asyncpg.Connection) -> None:
        await connection.execute("SELECT pg_advisory_xact_lock(1)")

    async def hold(connection: asyncpg.Connection) -> None:
        await lock(connection)
        with pytest.raises(DatabaseBusy):
            await db.transact(lock)

    async with started(replace(settings, lock_timeout=0.05)) as db:
        await db.transact(hold)


async def test_an_application_has_its_database_and_its_metrics(
    settings: DatabaseSettings,
) -> None:
    app = web.Application()
    app[METRICS] = Metrics()
    app.cleanup_ctx.append(database_context(replace(settings, pool_max=1, max_waiting=0)))
    runner = web.AppRunner(app)
    await runner.setup()
    async with app[DATABASE].connection():
        with pytest.raises(ServiceUnavailable):
            await ask(app[DATABASE])
        page = generate_latest(app[METRICS].registry).decode()
    await runner.cleanup()

    assert "timesheets_db_pool_connections 1.0" in page
    assert "timesheets_db_pool_in_use 1.0" in page
    assert "timesheets_db_available 1.0" in page
    assert 'timesheets_db_pool_shed_total{reason="full",share="reads"} 1.0' in page
    assert 'timesheets_db_pool_share_in_use{share="reads"} 1.0' in page
    assert "timesheets_db_pool_acquire_seconds_count 1.0" in page


async def test_stopping_cuts_connections_that_stay_in_use(
    settings: DatabaseSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("libs.postgres.connections.CLOSE_TIMEOUT", 0.05)
    db = Database(settings)
    await db.start()
    endless = asyncio.create_task(ask(db, "SELECT pg_sleep(60)"))
    await sleeping(db)

    await db.stop()

    with pytest.raises(ServiceUnavailable):
        await endless


async def test_connections_that_stay_idle_are_closed(settings: DatabaseSettings) -> None:
    async with started(replace(settings, pool_min=3)) as db:
        assert db.size == 3
        await ask(db)
        db._pool.close_idle(time.monotonic() + IDLE_LIFETIME - 1)
        assert db.size == 3
        async with db.connection():
            db._pool.close_idle(time.monotonic() + IDLE_LIFETIME + 1)
            assert db.size == 1
        assert await ask(db) == 1


async def test_the_pool_opens_no_more_connections_than_it_may_have(
    settings: DatabaseSettings, relay: Relay
) -> None:
    async with started(replace(settings, dsn=relay.url, pool_min=0, pool_max=4)) as db:
        before = relay.accepted
        await asyncio.gather(*(ask(db, "SELECT pg_sleep(0.01)") for _ in range(40)))
        assert db.size <= 4
        assert relay.accepted - before <= 4


async def test_a_connection_whose_work_failed_is_reset(settings: DatabaseSettings) -> None:
    async def change_session_and_fail() -> None:
        async with db.connection() as connection:
            await connection.execute("SET search_path TO nowhere")
            raise LookupError

    async with started(replace(settings, pool_max=1)) as db:
        pid = await ask(db, "SELECT pg_backend_pid()")
        with pytest.raises(LookupError):
            await change_session_and_fail()
        assert await ask(db, "SHOW search_path") != "nowhere"
        assert await ask(db, "SELECT pg_backend_pid()") == pid
