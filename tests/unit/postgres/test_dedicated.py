"""Connections outside the pool."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest
from structlog.testing import capture_logs

from libs.postgres.dedicated import Timeouts
from libs.postgres.errors import (
    ConcurrentUpdate,
    ConnectionLost,
    DatabaseBusy,
    DatabaseUnavailable,
    OutcomeUnknown,
)
from libs.postgres.pool import Database
from libs.postgres.transactions import TRIES
from tests.unit.postgres.polling import ask, until
from tests.unit.postgres.relay import Relay

SHORT = Timeouts(statement=0.05, lock=0.05)
LONG = Timeouts(statement=None, lock=60.0, work_mem="8MB")


async def test_a_dedicated_connection_has_time_outs_of_its_own_and_no_place_in_the_pool(
    db: Database,
) -> None:
    async with db.dedicated(LONG) as dedicated:
        shown = [
            await dedicated.connection.fetchval(f"SHOW {name}")
            for name in ("statement_timeout", "lock_timeout", "work_mem")
        ]
        assert (db.in_use, shown) == (0, ["0", "1min", "8MB"])


async def test_it_is_closed_at_the_end_and_its_statement_cancelled(db: Database) -> None:
    async def report() -> None:
        async with db.dedicated(LONG) as dedicated:
            await dedicated.connection.execute("SELECT pg_sleep(600)")

    running = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)'"
    task = asyncio.create_task(report())
    await until(lambda: ask(db, running))
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    async def is_gone() -> bool:
        return await ask(db, running) == 0

    await until(is_gone)


async def test_a_statement_that_takes_too_long_is_busy(db: Database) -> None:
    with pytest.raises(DatabaseBusy):
        async with db.dedicated(SHORT) as dedicated:
            await dedicated.connection.execute("SELECT pg_sleep(60)")


async def test_a_conflict_is_retried_on_the_same_connection(db: Database) -> None:
    async def work(connection: asyncpg.Connection) -> int:
        pids.append(connection.get_server_pid())
        if len(pids) < 3:
            raise ConcurrentUpdate("changed")
        return len(pids)

    pids: list[int] = []
    async with db.dedicated(LONG) as dedicated:
        assert await dedicated.transact(work) == 3
    assert len(set(pids)) == 1


async def test_a_conflict_is_not_retried_for_ever(db: Database) -> None:
    tries = 0

    async def work(_connection: asyncpg.Connection) -> None:
        nonlocal tries
        tries += 1
        raise ConcurrentUpdate("changed")

    with pytest.raises(DatabaseBusy):
        async with db.dedicated(LONG) as dedicated:
            await dedicated.transact(work)
    assert tries == TRIES


async def test_a_lost_connection_is_not_replaced(db: Database) -> None:
    tries = 0

    async def work(connection: asyncpg.Connection) -> None:
        nonlocal tries
        tries += 1
        await connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    with pytest.raises(ConnectionLost):
        async with db.dedicated(LONG) as dedicated:
            await dedicated.transact(work)
    assert tries == 1


async def test_a_commit_without_an_answer_is_of_unknown_outcome(
    relayed: Database, relay: Relay
) -> None:
    def cut_at_commit(sent: bytes) -> bool:
        if b"COMMIT;" in sent:
            relay.cut()
        return b"COMMIT;" not in sent

    async def work(connection: asyncpg.Connection) -> None:
        await connection.execute("SELECT 1")

    async with relayed.dedicated(LONG) as dedicated:
        relay.on_request = cut_at_commit
        with pytest.raises(OutcomeUnknown):
            await dedicated.transact(work)


async def test_there_is_none_without_the_database(relayed: Database, relay: Relay) -> None:
    await relay.down()
    for _ in range(2):  # the first finds out that the pool's connections are cut
        with pytest.raises(DatabaseUnavailable):
            await ask(relayed)
    assert not relayed.available
    with pytest.raises(DatabaseUnavailable):
        async with relayed.dedicated(LONG):
            pass


async def test_each_retry_is_logged_with_its_sqlstate(db: Database) -> None:
    tries = 0

    async def work(connection: asyncpg.Connection) -> int:
        nonlocal tries
        tries += 1
        if tries < 3:
            await connection.execute("DO $$ BEGIN RAISE serialization_failure; END $$")
        return tries

    with capture_logs() as lines:
        await db.transact(work)
    assert [(line["event"], line["attempt"], line["sqlstate"]) for line in lines] == [
        ("transaction is repeated", 1, "40001"),
        ("transaction is repeated", 2, "40001"),
    ]
