"""Copies of a service that come and go behind the gateway, as in a rolling update."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import asyncpg
import pytest

from dev.gateway import Gateway
from dev.ports import free_port
from tests.api.entries.agency import CLIENT, NDJSON, learn, ndjson, row
from tests.conftest import Databases
from tests.support.client import Caller, Reply
from tests.support.issuer import Issuer
from tests.support.load import Call, Tally, steady_load
from tests.support.processes import Copy, copy_of, start_copy
from tests.support.rolling import SHUTDOWN_DELAY

ADD_PROJECT = "INSERT INTO projects (code, name, customer) VALUES ('APOLLO', 'Apollo', 'Big')"
RATE = 200.0


@pytest.fixture
def database(databases: Databases) -> str:
    return databases.own("entries")


@pytest.fixture
async def connection(database: str) -> AsyncIterator[asyncpg.Connection]:
    opened = await asyncpg.connect(database)
    await opened.execute(ADD_PROJECT)
    yield opened
    await opened.close()


@pytest.fixture
def variables(database: str, issuer: Issuer) -> dict[str, str]:
    return {
        "AUTH_ISSUER": issuer.issuer,
        "AUTH_AUDIENCE": issuer.audience,
        "DATABASE_URL": database,
        "M2M_CLIENT_ID": "follower",
        "M2M_CLIENT_SECRET": "follower-secret",
        "M2M_TOKEN_URL": issuer.token_url,
        "APPROVALS_URL": "http://127.0.0.1:1",
        "PROFILE_URL": "http://127.0.0.1:1",
        "RATE_LIMIT": "off",
        "SHUTDOWN_DELAY": SHUTDOWN_DELAY,
    }


def call(number: int) -> Call:
    """Every other one a POST; each entry on a day that has room."""
    if number % 2:
        return Call("GET", "/v1/entries?limit=5")
    day = date(2020, 1, 1) + timedelta(days=number % 2000)
    body = {"date": day.isoformat(), "project": "APOLLO", "minutes": 1}
    return Call("POST", "/v1/entries", json.dumps(body).encode())


async def roll(
    gateway: Gateway, copies: list[Copy], variables: dict[str, str], log: Path, rounds: int
) -> None:
    """Replace each copy in turn. As in Kubernetes, it gets SIGTERM while it still gets requests."""
    for number in range(rounds):
        leaving = copies[number % 2]
        staying = copies[1 - number % 2]
        leaving.signal(signal.SIGTERM)
        await gateway.route({"entries": [staying.url]})
        assert await leaving.exit_code() == 0
        copies[number % 2] = await start_copy("services.entries", variables, log)
        await gateway.route({"entries": [copy.url for copy in copies]})


async def roll_under_load(
    tmp_path: Path, variables: dict[str, str], issuer: Issuer, rounds: int
) -> Tally:
    log, gateway = tmp_path / "entries.log", Gateway(tmp_path / "gateway", free_port())
    copies = [await start_copy("services.entries", variables, log) for _ in range(2)]
    try:
        gateway.start({"entries": [copy.url for copy in copies]}, tmp_path / "gateway.log")
        await gateway.ready()
        done = asyncio.Event()
        load = asyncio.create_task(steady_load(gateway.url, issuer.token(), RATE, call, done))
        await roll(gateway, copies, variables, log, rounds)
        done.set()
        return await load
    finally:
        gateway.stop()
        for copy in copies:
            await copy.kill()


async def check_no_request_failed(tally: Tally, connection: asyncpg.Connection) -> None:
    assert tally.failures == []
    assert set(tally.statuses) == {("GET", 200), ("POST", 201)}
    stored = await connection.fetchval("SELECT count(*) FROM entries")
    assert stored == tally.count("POST", 201)


@pytest.mark.slow
async def test_replacing_both_copies_under_load_fails_no_request_and_doubles_none(
    tmp_path: Path, variables: dict[str, str], issuer: Issuer, connection: asyncpg.Connection
) -> None:
    tally = await roll_under_load(tmp_path, variables, issuer, rounds=2)
    await check_no_request_failed(tally, connection)


@pytest.mark.endurance
@pytest.mark.timeout(600)
async def test_twenty_replacements_under_load_fail_no_request_and_double_none(
    tmp_path: Path, variables: dict[str, str], issuer: Issuer, connection: asyncpg.Connection
) -> None:
    tally = await roll_under_load(tmp_path, variables, issuer, rounds=20)
    await check_no_request_failed(tally, connection)
    print(f"\n{tally.total} requests, none failed: {dict(tally.statuses)}")


class PausedBody:
    """A request body that stops in the middle until `finish` is set."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self.finish = asyncio.Event()

    async def pieces(self) -> AsyncIterator[bytes]:
        middle = len(self._body) // 2
        yield self._body[:middle]
        await self.finish.wait()
        yield self._body[middle:]


async def begin(copy: Copy, sending: Coroutine[Any, Any, Reply]) -> asyncio.Task[Reply]:
    """Start a request; returns once its headers have reached the service."""
    task = asyncio.create_task(sending)
    async with aiohttp.ClientSession() as session:
        while True:
            async with session.get(f"{copy.admin_url}/metrics") as response:
                if "timesheets_http_requests_in_flight 1.0" in await response.text():
                    return task


async def closed_listener(copy: Copy) -> None:
    """Wait until the copy accepts no connection any more."""
    port = int(copy.url.rpartition(":")[2])
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except ConnectionRefusedError:
            return
        except ConnectionResetError:
            continue  # it was in the backlog when the listener closed
        writer.close()


ENTRY = b'{"date": "2026-11-23", "project": "APOLLO", "minutes": 60}'
ENTRY_PATH = "/v1/entries/018f5f2e-0000-7000-8000-000000000001"
JSON = {"Content-Type": "application/json"}


class Stopped(NamedTuple):
    """A copy that got SIGTERM while the body of an entry was on its way."""

    copy: Copy
    caller: Caller
    body: PausedBody
    put: asyncio.Task[Reply]


@asynccontextmanager
async def stopped(
    variables: dict[str, str], log: Path, session: aiohttp.ClientSession, issuer: Issuer
) -> AsyncIterator[Stopped]:
    async with copy_of("services.entries", variables, log) as copy:
        body = PausedBody(ENTRY)
        caller = Caller(session, copy.url, issuer.token())
        put = await begin(copy, caller.put(ENTRY_PATH, data=body.pieces(), headers=JSON))
        copy.signal(signal.SIGTERM)
        yield Stopped(copy, caller, body, put)


async def test_a_copy_that_stops_finishes_what_it_had_begun(
    tmp_path: Path,
    variables: dict[str, str],
    issuer: Issuer,
    connection: asyncpg.Connection,
    session: aiohttp.ClientSession,
) -> None:
    log = tmp_path / "entries.log"
    async with stopped(variables, log, session, issuer) as (copy, caller, body, put):
        meanwhile = await caller.get("/v1/entries/rules")
        assert (meanwhile.status, meanwhile.headers["Connection"]) == (200, "close")
        body.finish.set()
        assert (await put).status == 201
        assert await copy.exit_code() == 0
    assert await connection.fetchval("SELECT count(*) FROM entries") == 1


async def test_a_body_that_ends_after_the_listener_has_closed_is_stored(
    tmp_path: Path,
    variables: dict[str, str],
    issuer: Issuer,
    connection: asyncpg.Connection,
    session: aiohttp.ClientSession,
) -> None:
    variables |= {"SHUTDOWN_DELAY": "0"}
    log = tmp_path / "entries.log"
    async with stopped(variables, log, session, issuer) as (copy, _caller, body, put):
        await closed_listener(copy)
        body.finish.set()
        reply = await put
        assert (reply.status, reply.headers["Connection"]) == (201, "close")
        assert await copy.exit_code() == 0
    assert await connection.fetchval("SELECT count(*) FROM entries") == 1


async def test_an_upload_that_is_on_its_way_is_finished(
    tmp_path: Path,
    variables: dict[str, str],
    issuer: Issuer,
    connection: asyncpg.Connection,
    session: aiohttp.ClientSession,
) -> None:
    await learn(connection, "erin")
    variables |= {"SHUTDOWN_DELAY": "0"}
    async with copy_of("services.entries", variables, tmp_path / "entries.log") as copy:
        body = PausedBody(ndjson(row(number, minutes=1) for number in range(1200)))
        caller = Caller(session, copy.url, issuer.machine_token(CLIENT, "batch:upload"))
        headers = {"Content-Type": NDJSON, "Idempotency-Key": "november"}
        post = await begin(copy, caller.post("/v1/batches", data=body.pieces(), headers=headers))
        copy.signal(signal.SIGTERM)
        await closed_listener(copy)
        body.finish.set()
        reply = await post
        assert (reply.status, reply.json["created"]) == (201, 1200)
        assert await copy.exit_code() == 0


async def test_a_body_that_takes_longer_than_the_shutdown_timeout_is_answered_503(
    tmp_path: Path,
    variables: dict[str, str],
    issuer: Issuer,
    connection: asyncpg.Connection,
    session: aiohttp.ClientSession,
) -> None:
    variables |= {"SHUTDOWN_DELAY": "0", "SHUTDOWN_TIMEOUT": "0.1"}
    log = tmp_path / "entries.log"
    async with stopped(variables, log, session, issuer) as (copy, _caller, _body, put):
        reply = await put
        assert (reply.status, reply.headers["Retry-After"]) == (503, "1")
        assert await copy.exit_code() == 0
    assert await connection.fetchval("SELECT count(*) FROM entries") == 0
