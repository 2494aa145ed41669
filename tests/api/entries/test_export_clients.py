"""Clients of exports that leave or read slowly: none keeps a snapshot open."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import aiohttp
import asyncpg
import pytest

from services.entries.reports.api import response_stream
from tests.api.entries.test_reports import MONTH
from tests.api.entries.test_reports_plans import FILL, PROJECTS
from tests.support.client import Caller, Service

ACTIVE = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND state = 'active' AND query LIKE 'COPY%'
"""
EXPORT = "/v1/reports/entries?from=2020-01-01&to=2026-12-31&format=ndjson"


@pytest.fixture
async def connection(entries_database: str) -> AsyncIterator[asyncpg.Connection]:
    """To a database with more rows than all buffers on the way hold."""
    opened = await asyncpg.connect(entries_database)
    await opened.execute(PROJECTS)
    await opened.execute(FILL.replace("'auth0|' || number % 40", "'auth0|erin'"), 60_000)
    yield opened
    await opened.close()


@pytest.fixture
def payroll(entries: Service) -> Caller:
    return entries.caller("payroll", "read:reports")


@asynccontextmanager
async def begun(
    entries: Service, payroll: Caller, session: aiohttp.ClientSession
) -> AsyncIterator[aiohttp.ClientResponse]:
    """An export of which the client has read the first bytes."""
    headers = {"Authorization": f"Bearer {payroll._token}"}
    reply = await session.get(f"{entries.url}{EXPORT}", headers=headers)
    try:
        assert reply.status == 200
        await reply.content.readexactly(1000)
        yield reply
    finally:
        reply.close()


async def read_slowly(reply: aiohttp.ClientResponse) -> None:
    """A piece at a time, as long as there is a whole one: slower than any machine produces them."""
    with suppress(asyncio.IncompleteReadError):
        while await reply.content.readexactly(256 * 1024):
            await asyncio.sleep(0.1)


async def until_stopped(connection: asyncpg.Connection) -> None:
    async with asyncio.timeout(5):
        while await connection.fetchval(ACTIVE):
            await asyncio.sleep(0.01)


async def test_a_client_that_goes_away_stops_its_query(
    entries: Service,
    payroll: Caller,
    connection: asyncpg.Connection,
    session: aiohttp.ClientSession,
) -> None:
    async with begun(entries, payroll, session):
        assert await connection.fetchval(ACTIVE) == 1
    await until_stopped(connection)
    assert (await payroll.get(f"/v1/reports/entries?{MONTH}")).status == 200


async def test_a_client_that_reads_too_slowly_on_average_is_cut_off(
    entries: Service,
    payroll: Caller,
    connection: asyncpg.Connection,
    session: aiohttp.ClientSession,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It never stops for long, but together it takes too long."""
    monkeypatch.setattr(response_stream, "MIN_BYTES_A_SECOND", 10**12)
    monkeypatch.setattr(response_stream, "STALL_SECONDS", 0.4)
    async with begun(entries, payroll, session) as reply:
        with pytest.raises(aiohttp.ClientError):
            await read_slowly(reply)
    await until_stopped(connection)


async def test_no_export_takes_longer_than_the_ceiling(
    entries: Service,
    payroll: Caller,
    connection: asyncpg.Connection,
    session: aiohttp.ClientSession,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(response_stream, "MAX_SECONDS", 0.5)
    async with begun(entries, payroll, session) as reply:
        await until_stopped(connection)
        with pytest.raises(aiohttp.ClientError):
            await reply.read()
