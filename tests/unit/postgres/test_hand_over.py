"""A released connection goes straight to a waiter, unless something is wrong with it."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import asyncpg
import pytest

from libs.postgres.connections import CLOSE_TIMEOUT
from libs.postgres.pool import Database
from libs.postgres.settings import DatabaseSettings
from tests.support.connections import started
from tests.unit.postgres.polling import ask, sleeping, until

PID = "SELECT pg_backend_pid()"


async def waiting(db: Database, sql: str = PID) -> asyncio.Task[object]:
    """Somebody who waits for a connection to ask `sql`."""
    before = db.waiting
    task = asyncio.create_task(ask(db, sql))
    await until(lambda: db.waiting > before)
    return task


async def test_one_connection_serves_all_waiters(settings: DatabaseSettings) -> None:
    async with started(replace(settings, pool_max=1)) as db:
        async with db.connection() as connection:
            pid = connection.get_server_pid()
            tasks = [await waiting(db) for _ in range(5)]
        assert await asyncio.gather(*tasks) == [pid] * 5
        assert (db.in_use, db.waiting) == (0, 0)


async def test_a_connection_to_a_demoted_server_is_not_handed_over(
    settings: DatabaseSettings,
) -> None:
    async def write(connection: asyncpg.Connection) -> None:
        # The first finds the server demoted; the second try is on another connection.
        if not demoted:
            demoted.append(connection.get_server_pid())
            await connection.execute("SET TRANSACTION READ ONLY")
        await connection.execute("CREATE TABLE notes ()")

    async def hold() -> None:
        async with db.connection() as connection:
            held.append(connection.get_server_pid())
            await over.wait()

    demoted: list[int] = []
    held: list[int] = []
    over = asyncio.Event()
    async with started(replace(settings, pool_max=2)) as db:
        holding = asyncio.create_task(hold())
        await until(lambda: bool(held))
        await db.transact(write)
        busy = asyncio.create_task(ask(db, "SELECT pg_sleep(60)"))
        await until(lambda: db.in_use == 2)
        waiter = await waiting(db)
        over.set()
        await holding
        assert await waiter not in (*held, *demoted)
        busy.cancel()
        await asyncio.gather(busy, return_exceptions=True)


async def test_a_connection_that_may_have_begun_a_transaction_is_not_handed_over(
    settings: DatabaseSettings,
) -> None:
    async def begin() -> None:
        async with db.connection() as connection:
            await connection.execute("BEGIN; SELECT pg_sleep(60)")

    async with started(replace(settings, pool_max=1)) as db, started(settings) as other:
        given_up = asyncio.create_task(begin())
        await sleeping(other)
        waiter = await waiting(db, "SELECT pg_current_xact_id_if_assigned()::text")
        given_up.cancel()
        await asyncio.gather(given_up, return_exceptions=True)
        assert await waiter is None


async def test_a_connection_left_in_a_transaction_is_not_handed_over(
    settings: DatabaseSettings,
) -> None:
    async with started(replace(settings, pool_max=1)) as db:
        async with db.connection() as connection:
            task = await waiting(db, "SELECT pg_current_xact_id_if_assigned()::text")
            await connection.execute("BEGIN; SELECT pg_current_xact_id()")
        assert await task is None


async def test_stopping_closes_a_connection_that_was_handed_to_a_cancelled_waiter(
    settings: DatabaseSettings,
) -> None:
    async with started(replace(settings, pool_max=1)) as db:
        async with db.connection():
            gone = await waiting(db)
        # It has been handed the connection, and not got it yet.
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        began = time.monotonic()
        await db.stop()
        assert time.monotonic() - began < CLOSE_TIMEOUT


@pytest.mark.parametrize("somebody_waits", [False, True])
async def test_a_connection_that_the_server_ended_while_idle_is_replaced(
    settings: DatabaseSettings, *, somebody_waits: bool
) -> None:
    async with started(replace(settings, pool_max=1)) as db, started(settings) as other:
        async with db.connection() as connection:
            pid = connection.get_server_pid()
            tasks = [await waiting(db)] if somebody_waits else []
            await ask(other, "SELECT pg_terminate_backend($1)", pid)
            await until(lambda: connection.is_closed())
        assert pid not in await asyncio.gather(*tasks, ask(db, PID))
        assert (db.in_use, db.waiting) == (0, 0)
