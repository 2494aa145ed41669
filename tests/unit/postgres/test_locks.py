from __future__ import annotations

import asyncio
from dataclasses import replace

import asyncpg
import pytest

from libs.postgres.errors import DatabaseBusy
from libs.postgres.locks import acquire_exclusively
from libs.postgres.pool import Database
from libs.postgres.settings import DatabaseSettings
from tests.support.connections import started
from tests.unit.postgres.polling import until

KEY = 42
SHARE = "SELECT pg_advisory_xact_lock_shared($1)"
QUEUED = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"


async def take_alone(connection: asyncpg.Connection) -> str:
    await acquire_exclusively(connection, KEY)
    timeout: str = await connection.fetchval("SHOW lock_timeout")
    return timeout


async def test_a_lock_that_nobody_shares_is_taken_at_once(db: Database, url: str) -> None:
    async def take_and_look(connection: asyncpg.Connection) -> bool:
        await take_alone(connection)
        other = await asyncpg.connect(url)
        is_free: bool = await other.fetchval("SELECT pg_try_advisory_xact_lock_shared($1)", KEY)
        await other.close()
        return is_free

    assert not await db.transact(take_and_look)


async def test_transactions_go_on_sharing_a_lock_that_another_one_wants_alone(
    settings: DatabaseSettings,
) -> None:
    async def share(connection: asyncpg.Connection) -> None:
        await connection.execute(SHARE, KEY)

    # Statements queued behind the exclusive lock would wait longer than the test does.
    patient = replace(settings, lock_timeout=60)
    async with asyncio.timeout(10), started(patient) as db, db.connection() as long:
        async with long.transaction():
            await share(long)
            alone = asyncio.create_task(db.transact(take_alone))
            # With a plain lock every one of these waits until the long transaction ends.
            await until(lambda: long.fetchval(QUEUED))
            for _ in range(10):
                await db.transact(share)
            assert not alone.done()
        assert await alone == "1min"


async def test_a_lock_that_stays_shared_is_given_up_after_max_wait(db: Database) -> None:
    async def try_alone(connection: asyncpg.Connection) -> int:
        with pytest.raises(DatabaseBusy):
            await acquire_exclusively(connection, KEY, max_wait=0.2)
        one: int = await connection.fetchval("SELECT 1")
        return one

    async with db.connection() as long, long.transaction():
        await long.execute(SHARE, KEY)
        assert await db.transact(try_alone) == 1
