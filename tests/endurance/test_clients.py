"""Clients that are slow, silent, many or too talkative cost the others nothing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from statistics import median
from urllib.parse import urlsplit

import pytest

from libs.web.request_body import MAX_JSON_BYTES
from libs.web.server import MAX_HEADER_BYTES
from tests.support.fleet import Fleet
from tests.support.processes import Footprint

MANY = 5_000
SLOW = 200
GROWTH_MEGABYTES = 64.0

ENTRIES = """
    INSERT INTO entries (person, id, date, project, minutes, billable, source, note)
    SELECT 'auth0|p' || number % 500, gen_random_uuid(),
           date '2020-01-01' + (number / 500)::integer, 'APOLLO', 1, true, 'app', repeat('x', 200)
    FROM generate_series(1, 100000) AS number
"""
EXPORTING = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND state <> 'idle' AND pid <> pg_backend_pid()
      AND query ILIKE '%entries%'
"""

pytestmark = [pytest.mark.endurance, pytest.mark.timeout(600)]

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def connect(fleet: Fleet) -> Stream:
    address = urlsplit(fleet.url("entries"))
    return await asyncio.open_connection(address.hostname, address.port)


@asynccontextmanager
async def connected(fleet: Fleet, count: int) -> AsyncIterator[list[Stream]]:
    streams = list[Stream]()
    try:
        for _ in range(count):
            streams.append(await connect(fleet))
        yield streams
    finally:
        for _, writer in streams:
            writer.transport.abort()
        await asyncio.sleep(0.1)


def head(fleet: Fleet, method: str, path: str, scope: str, **headers: object) -> bytes:
    token = fleet.issuer.token(sub="auth0|slow", scope=scope)
    lines = [f"{method} {path} HTTP/1.1", "Host: api", f"Authorization: Bearer {token}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


async def status_of(reader: asyncio.StreamReader) -> int | None:
    """Of the answer, or None where the connection just ended."""
    try:
        line = await reader.readline()
    except ConnectionError:
        return None
    return int(line.split()[1]) if line else None


@asynccontextmanager
async def others_are_served(fleet: Fleet) -> AsyncIterator[None]:
    """Somebody else asks all the while and notices nothing; the service does not grow."""
    erin, done, delays = fleet.caller("entries", "erin"), asyncio.Event(), list[float]()

    async def keep_asking() -> None:
        while not done.is_set():
            began = time.monotonic()
            assert (await erin.get("/v1/entries")).status == 200
            delays.append(time.monotonic() - began)
            await asyncio.sleep(0.02)

    before = Footprint.of(fleet.pid("entries"))
    asking = asyncio.create_task(keep_asking())
    yield
    during = Footprint.of(fleet.pid("entries"))
    done.set()
    await asking
    growth = during.megabytes - before.megabytes
    middle, longest = median(delays), max(delays)
    delay = f"{middle * 1000:.0f} ms, at most {longest:.2f} s"
    print(f"\n{len(delays)} others: {delay}; {growth:+.1f} MiB")
    assert middle < 0.25
    assert longest < 5.0
    assert growth < GROWTH_MEGABYTES


async def until(condition: Callable[[], Awaitable[bool]], seconds: float) -> None:
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.1)


async def test_clients_that_send_a_byte_a_second_are_ended(fleet: Fleet) -> None:
    request = head(
        fleet,
        "POST",
        "/v1/entries",
        "create:timesheets",
        Content_Type="application/json",
        Content_Length=1000,
    )

    async def drip(all_at_once: bytes, slowly: bytes) -> int | None:
        reader, writer = await connect(fleet)
        writer.write(all_at_once)
        answer = asyncio.create_task(status_of(reader))
        for byte in slowly:
            if answer.done() or writer.is_closing():
                break
            writer.write(bytes([byte]))
            await asyncio.wait({answer}, timeout=1)
        ended = await answer
        writer.close()
        return ended

    async with others_are_served(fleet), asyncio.timeout(100):
        bodies = [drip(request, b"x" * 1000) for _ in range(SLOW)]
        heads = [drip(b"", request * 10) for _ in range(SLOW)]
        ends = await asyncio.gather(*bodies, *heads)
    assert set(ends[:SLOW]) == {408}
    assert set(ends[SLOW:]) <= {408, 400, None}


async def test_clients_that_never_read_are_ended_and_hold_no_session(fleet: Fleet) -> None:
    await fleet.connections["entries"].execute(ENTRIES)
    export = head(fleet, "GET", "/v1/reports/entries?from=2020-01-01&to=2020-12-31", "read:reports")
    lists = head(fleet, "GET", "/v1/entries?limit=200", "read:timesheets")

    async def nobody_exports() -> bool:
        return bool((await fleet.rows("entries", EXPORTING))[0][0] == 0)

    # Fewer than may wait for the database, or the others would be turned away like them.
    async with connected(fleet, 40) as streams, others_are_served(fleet):
        for number, (_, writer) in enumerate(streams):
            writer.transport.pause_reading()  # type: ignore[attr-defined]
            writer.write(export if number < 4 else lists * 50)
        await asyncio.sleep(5)
        await until(nobody_exports, 90)


async def test_five_thousand_connections_are_borne_and_given_back(fleet: Fleet) -> None:
    before = Footprint.of(fleet.pid("entries"))

    async def are_taken() -> bool:
        return Footprint.of(fleet.pid("entries")).descriptors >= MANY

    async def are_given_back() -> bool:
        return Footprint.of(fleet.pid("entries")).descriptors < before.descriptors + 50

    request = head(fleet, "GET", "/v1/entries?limit=1", "read:timesheets")
    async with others_are_served(fleet), connected(fleet, MANY) as streams:
        await until(are_taken, 30)
        for reader, writer in streams[::100]:
            writer.write(request)
            assert await status_of(reader) == 200

    await until(are_given_back, 10)


async def test_bodies_that_are_too_large_are_refused_and_not_kept(fleet: Fleet) -> None:
    size = 8 * 2**20
    telling = {"Content_Type": "application/json", "Content_Length": size}
    chunked = {"Content_Type": "application/json", "Transfer_Encoding": "chunked"}
    block = b"x" * 65536

    async def send(headers: Mapping[str, object], frame: bytes) -> int | None:
        reader, writer = await connect(fleet)
        writer.write(head(fleet, "POST", "/v1/entries", "create:timesheets", **headers))
        answer = asyncio.create_task(status_of(reader))
        sent = 0
        try:
            while sent < size and not answer.done():
                writer.write(frame)
                await writer.drain()
                sent += len(block)
        except ConnectionError:
            pass
        assert sent >= MAX_JSON_BYTES
        ended = await answer
        writer.close()
        return ended

    async with others_are_served(fleet):
        for _ in range(25):
            plain = [send(telling, block) for _ in range(4)]
            pieces = [send(chunked, b"10000\r\n" + block + b"\r\n") for _ in range(4)]
            assert set(await asyncio.gather(*plain, *pieces)) <= {413, None}
    reply = await fleet.caller("entries", "erin").get(f"/v1/entries?q={'x' * MAX_HEADER_BYTES}")
    assert reply.status in (400, 414, 431)
