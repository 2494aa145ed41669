"""One kind of work cannot take every connection."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import asyncpg
import pytest

from libs.postgres.errors import DatabaseBusy
from libs.postgres.settings import DatabaseSettings
from libs.postgres.shares import Share
from tests.support.connections import started
from tests.unit.postgres.polling import ask, until

LOCK = "SELECT pg_advisory_xact_lock(7)"


async def test_reads_are_served_while_every_write_waits_for_a_lock(
    settings: DatabaseSettings,
) -> None:
    async def write(connection: asyncpg.Connection) -> None:
        await connection.execute(LOCK)

    patient = replace(settings, pool_max=4, lock_timeout=30)
    async with started(settings) as other, other.connection() as holder, started(patient) as db:
        async with holder.transaction():
            await holder.execute(LOCK)
            writes = [asyncio.create_task(db.transact(write)) for _ in range(6)]
            await until(lambda: db.held_by(Share.WRITES) == 3 and db.waiting == 3)
            assert await asyncio.gather(*(ask(db) for _ in range(20))) == [1] * 20
        await asyncio.gather(*writes)
        assert db.in_use == 0


@pytest.mark.parametrize("share", [Share.REPORTS, Share.BATCHES, Share.FEEDS])
async def test_requests_are_served_while_work_in_the_background_is_at_its_bound(
    settings: DatabaseSettings, share: Share
) -> None:
    async def hold() -> None:
        async with db.connection(share):
            await over.wait()

    async def write(connection: asyncpg.Connection) -> int:
        one: int = await connection.fetchval("SELECT 1")
        return one

    over = asyncio.Event()
    async with started(replace(settings, pool_max=4)) as db:
        holding = [asyncio.create_task(hold()) for _ in range(5)]
        await until(lambda: db.waiting == 4)
        assert db.held_by(share) == 1
        assert await ask(db) == 1
        assert await db.transact(write) == 1
        over.set()
        await asyncio.gather(*holding)


async def test_a_person_blocked_by_an_upload_gets_an_error_within_a_second(
    settings: DatabaseSettings,
) -> None:
    async def write(connection: asyncpg.Connection) -> None:
        await connection.execute(LOCK)

    async with started(settings) as db, db.connection() as holder, holder.transaction():
        assert await ask(db, "SHOW lock_timeout") == "1500ms"
        await holder.execute(LOCK)
        with pytest.raises(DatabaseBusy, match="by an upload for example"):
            await db.transact(write)
