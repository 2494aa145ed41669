"""The driver of the benches: when it sends, what it counts, how it reads responses."""

from __future__ import annotations

import asyncio
import itertools
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.typedefs import Handler

from bench.driver import Outcome, keep_busy, schedule, send_at_rate
from bench.exchange import BROKEN, Connection, encode
from bench.load import Call
from bench.percentiles import percentile

REQUEST = encode(Call("GET", "/", "", "token"))
RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_get("/", handler)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    try:
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


def test_requests_are_due_at_even_intervals() -> None:
    moments = list(schedule(4, 1.5))
    assert moments == [0, 0.25, 0.5, 0.75, 1.0, 1.25]


@pytest.mark.parametrize(
    ("share", "expected"), [(0.0, 1.0), (0.5, 50.0), (0.99, 99.0), (0.999, 100.0), (1.0, 100.0)]
)
def test_a_percentile_is_a_value_that_was_measured(share: float, expected: float) -> None:
    assert percentile([float(value) for value in range(100, 0, -1)], share) == expected


def test_there_is_no_percentile_of_nothing() -> None:
    assert math.isnan(percentile([], 0.99))


def test_only_good_responses_have_a_latency_and_a_rate() -> None:
    outcome = Outcome(seconds=2.0)
    for status, body in (
        (200, b"{}"),
        (201, b"{}"),
        (503, b'{"title": "Service unavailable", "detail": "Too many wait."}'),
        (404, b'{"title": "Not found"}'),
        (502, b"<html>"),
        (BROKEN, b""),
    ):
        outcome.add(status, body, float(status))
    assert (outcome.rate, list(outcome.good), list(outcome.refused)) == (1.0, [200, 201], [503])
    assert dict(outcome.problems) == {
        "503 Too many wait.": 1,
        "404 Not found": 1,
        "502": 1,
        "broken": 1,
    }
    assert outcome.failed == 4


@pytest.mark.parametrize(
    "cuts", [(5,), (20, 30), (len(RESPONSE) - 1,), tuple(range(1, len(RESPONSE)))]
)
def test_a_response_may_arrive_in_pieces(cuts: tuple[int, ...]) -> None:
    responses: list[tuple[int, bytes]] = []
    connection = Connection(lambda _connection, *response: responses.append(response))
    ends = (0, *cuts, len(RESPONSE))
    for start, end in itertools.pairwise(ends):
        assert not responses
        connection.data_received(RESPONSE[start:end])
    connection.data_received(RESPONSE)
    assert responses == [(200, b"{}")] * 2


def test_a_lost_connection_is_reported_once() -> None:
    statuses: list[int] = []
    connection = Connection(lambda _connection, status, _body: statuses.append(status))
    connection.is_open = True
    connection.connection_lost(None)
    connection.connection_lost(None)
    assert statuses == [BROKEN]


async def test_the_latency_counts_from_when_a_request_was_due() -> None:
    """Of five that are due at once over one connection, the last waits for the first, too."""
    arrived = asyncio.Event()
    release = asyncio.Event()

    async def answer(_request: web.Request) -> web.Response:
        arrived.set()
        await release.wait()
        return web.json_response({})

    async with serving(answer) as url:
        running = asyncio.create_task(
            send_at_rate(url, itertools.repeat(REQUEST), iter([0.0] * 5), connections=1)
        )
        await arrived.wait()
        held = asyncio.get_running_loop().time()
        await asyncio.sleep(0.02)
        held = asyncio.get_running_loop().time() - held
        release.set()
        outcome = await running
    assert len(outcome.good) == 5
    assert not outcome.failed
    assert min(outcome.good) >= held * 1000
    assert list(outcome.good) == sorted(outcome.good)
    assert len(outcome.late) == 5


async def test_a_run_ends_early_when_its_event_is_set() -> None:
    async def answer(_request: web.Request) -> web.Response:
        over.set()
        return web.json_response({})

    over = asyncio.Event()
    async with serving(answer) as url:
        outcome = await send_at_rate(
            url, itertools.repeat(REQUEST), schedule(1000, 3600), until=over
        )
    assert 1 <= len(outcome.good) < 3600 * 1000


async def test_each_connection_of_a_closed_loop_has_one_request_under_way() -> None:
    under_way = most = 0

    async def answer(request: web.Request) -> web.Response:
        nonlocal under_way, most
        assert request.headers["Authorization"] == "Bearer token"
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0)
        under_way -= 1
        return web.json_response({}, status=200 if most < 3 else 503)

    async with serving(answer) as url:
        outcome = await keep_busy(url, [REQUEST], 3, 0.2)
    assert most == 3
    assert outcome.refused
    assert outcome.failed == len(outcome.refused)


async def test_a_broken_connection_is_counted() -> None:
    async def answer(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async with serving(answer) as url:
        outcome = await keep_busy(url, [REQUEST], 2, 0.2)
    assert dict(outcome.problems) == {"broken": 2}
