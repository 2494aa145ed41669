"""The service or the database is killed during an upload: nothing is saved in part, and the same
file under the same key becomes exactly one batch."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import asyncpg
import pytest

from dev.ports import free_port
from dev.postgres import PostgresServer
from tests.api.entries.agency import CLIENT, NDJSON, learn, ndjson
from tests.api.entries.halfway import (
    FIRST,
    REST,
    ROWS,
    Slow,
    holding_week,
    is_empty,
    staging_session,
    waiting_session,
)
from tests.conftest import Databases
from tests.support.client import Caller, Reply
from tests.support.fleet import NAMES, Fleet
from tests.support.issuer import Issuer

pytestmark = pytest.mark.slow

KEY = "a-key"
PROJECTS = "INSERT INTO projects (code, name, customer) VALUES ('APOLLO', 'Apollo', 'Big')"


@dataclass(frozen=True, slots=True)
class Scene:
    """The entries service and its database, each in a process of its own."""

    server: PostgresServer
    database: str
    fleet: Fleet

    @property
    def agency(self) -> Caller:
        token = self.fleet.issuer.machine_token(CLIENT, "batch:upload")
        return self.fleet.bearer("entries", token)

    async def kill_service(self) -> None:
        await self.fleet.kill("entries")

    async def kill_database(self) -> None:
        assert self.server.process is not None
        os.kill(self.server.process.pid, signal.SIGKILL)

    async def send_until_accepted(self) -> Reply:
        """Retry like a client that received no response: the same file, the same key."""
        headers = {"Content-Type": NDJSON, "Idempotency-Key": KEY}
        async with asyncio.timeout(30):
            while True:
                reply = await self.agency.post("/v1/batches", data=ndjson(ROWS), headers=headers)
                if reply.status != 503:
                    return reply
                await asyncio.sleep(0.1)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[PostgresServer]:
    """A durable server that keeps its port."""
    with PostgresServer(tmp_path / "postgres", free_port()) as started:
        yield started


@pytest.fixture
async def scene(
    server: PostgresServer, issuer: Issuer, session: aiohttp.ClientSession, tmp_path: Path
) -> AsyncIterator[Scene]:
    database = await asyncio.to_thread(Databases(server).own, "entries")
    connection = await asyncpg.connect(database)
    await connection.execute(PROJECTS)
    await learn(connection, "erin")
    await connection.close()
    fleet = Fleet(dict.fromkeys(NAMES, database), issuer, session, tmp_path / "log")
    await fleet.start_one("entries")
    yield Scene(server, database, fleet)
    await fleet.stop()


async def while_rows_arrive(scene: Scene, kill: Callable[[], Awaitable[None]]) -> None:
    connection = await asyncpg.connect(scene.database)
    sending = Slow(FIRST, REST).send(scene.agency, KEY)
    await staging_session(connection)
    await kill()
    connection.terminate()
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)


async def while_rows_are_written(scene: Scene, kill: Callable[[], Awaitable[None]]) -> None:
    connection = await asyncpg.connect(scene.database)
    headers = {"Content-Type": NDJSON, "Idempotency-Key": KEY}
    async with holding_week(scene.database):
        sending = asyncio.create_task(
            scene.agency.post("/v1/batches", data=ndjson(ROWS), headers=headers)
        )
        await waiting_session(connection)
        await kill()
        await asyncio.gather(sending, return_exceptions=True)
    connection.terminate()


MOMENTS = (while_rows_arrive, while_rows_are_written)


async def check_one_batch(scene: Scene) -> None:
    connection = await asyncpg.connect(scene.database)
    assert await is_empty(connection)
    accepted = await scene.send_until_accepted()
    assert (accepted.status, accepted.json["created"]) == (201, len(ROWS))
    assert (await scene.send_until_accepted()).json["id"] == accepted.json["id"]
    assert await connection.fetchval("SELECT count(*) FROM batches") == 1
    assert await connection.fetchval("SELECT count(*) FROM entries") == len(ROWS)
    await connection.execute("TRUNCATE entries, weeks, batches, idempotency_keys")
    await connection.close()


async def test_a_service_killed_during_an_upload_leaves_nothing(scene: Scene) -> None:
    for moment in MOMENTS:
        await moment(scene, scene.kill_service)
        await scene.fleet.start_one("entries")
        await check_one_batch(scene)


async def test_a_database_killed_during_an_upload_leaves_nothing(scene: Scene) -> None:
    for moment in MOMENTS:
        await moment(scene, scene.kill_database)
        await asyncio.to_thread(scene.server.stop)
        scene.server.start()
        await check_one_batch(scene)
