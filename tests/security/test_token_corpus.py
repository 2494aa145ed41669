"""Each bad token is refused over HTTP: with 401, within 10 ms, and without a fetch of keys beyond
the one that an unknown key may cause."""

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp
import pytest
from aiohttp import web

from libs.auth import JwksKeys, TokenVerifier, authenticated, authentication
from tests.security.tokens import corpus
from tests.security.tokens.recipe import BadToken
from tests.support.issuer import Issuer

NOW = 1_795_435_200.0
QUICK = 0.010
TRIES = 25

CORPUS = corpus()


@dataclass(frozen=True, slots=True)
class Door:
    """A service with one protected handler, and the issuer it trusts."""

    issuer: Issuer
    port: int


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    head: str
    seconds: float


@authenticated
async def enter(_request: web.Request) -> web.Response:
    return web.Response(text="come in")


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    def clock() -> float:
        return NOW

    async with contextlib.AsyncExitStack() as stack:
        issuer = await stack.enter_async_context(Issuer(clock=clock))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        keys = JwksKeys(session, issuer.issuer, clock=clock)
        await keys.refresh()
        verifier = TokenVerifier(issuer.issuer, issuer.audience, keys, clock=clock)
        app = web.Application(middlewares=[authentication(verifier)])
        app.router.add_get("/", enter)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield Door(issuer, runner.addresses[0][1])


async def knock(door: Door, token: str | bytes) -> Answer:
    """Send what no HTTP client would send; read the head of the answer."""
    data = token.encode() if isinstance(token, str) else token
    request = b"GET / HTTP/1.1\r\nHost: door\r\nAuthorization: Bearer " + data + b"\r\n\r\n"
    loop = asyncio.get_running_loop()
    with socket.create_connection(("127.0.0.1", door.port)) as connection:
        connection.setblocking(False)
        began = time.perf_counter()
        sending = asyncio.create_task(send(connection, request))
        head = b""
        while b"\r\n\r\n" not in head:
            received = await loop.sock_recv(connection, 65536)
            assert received, f"no answer but {head!r}"
            head += received
        seconds = time.perf_counter() - began
        sending.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await sending
    text = head.decode("latin-1")
    return Answer(int(text.split(" ", 2)[1]), text, seconds)


async def is_refused_quickly(door: Door, token: str | bytes) -> bool:
    """Once in some tries is enough: the machine may be busy with other things meanwhile."""
    for _ in range(TRIES):
        if (await knock(door, token)).seconds < QUICK:
            return True
    return False


async def send(connection: socket.socket, request: bytes) -> None:
    # A server that gets too much responds and closes before the end.
    with contextlib.suppress(ConnectionError):
        await asyncio.get_running_loop().sock_sendall(connection, request)


def test_the_corpus_holds_many_different_tokens() -> None:
    names = [bad.name for bad in CORPUS]
    assert len(set(names)) == len(names)
    assert len(names) >= 60


async def test_good_tokens_are_let_in(door: Door) -> None:
    for token in (
        door.issuer.token(),
        door.issuer.token(headers={"typ": "at+jwt", "x5t": "thumbprint"}),
        door.issuer.token(aud=door.issuer.audience, nbf=NOW, permissions=["read:timesheets"]),
        door.issuer.token(jti="x" * 1000, org_id="org", token_use="access"),
        door.issuer.machine_token("job", "batch:upload"),
    ):
        assert (await knock(door, token)).status == 200


@pytest.mark.parametrize("bad", [pytest.param(bad, id=bad.name) for bad in CORPUS])
async def test_a_bad_token_is_refused(door: Door, bad: BadToken) -> None:
    token = bad.build(door.issuer)
    answer = await knock(door, token)
    assert answer.status in bad.statuses
    assert answer.status == 400 or 'Bearer error="invalid_token"' in answer.head
    assert await is_refused_quickly(door, token)
    assert door.issuer.fetches <= 2
    assert (await knock(door, door.issuer.token())).status == 200


async def test_the_whole_corpus_makes_two_fetches(door: Door) -> None:
    for bad in CORPUS:
        answer = await knock(door, bad.build(door.issuer))
        assert answer.status in bad.statuses, bad.name
    assert door.issuer.fetches == 2, "the first, and one for all the unknown keys"
    assert (await knock(door, door.issuer.token())).status == 200


async def test_a_flood_of_bad_tokens_leaves_room_for_good_ones(door: Door) -> None:
    flood = [door.issuer.token(headers={"kid": f"unknown-{number}"}) for number in range(100)]
    good = [door.issuer.token(f"auth0|{number}") for number in range(20)]
    answers = await asyncio.gather(*(knock(door, token) for token in flood + good))
    assert [answer.status for answer in answers] == [401] * 100 + [200] * 20
    assert door.issuer.fetches == 2


async def test_a_thousand_requests_at_once_with_a_cold_cache_make_one_fetch() -> None:
    async with contextlib.AsyncExitStack() as stack:
        issuer = await stack.enter_async_context(Issuer())
        session = await stack.enter_async_context(aiohttp.ClientSession())
        verifier = TokenVerifier(
            issuer.issuer, issuer.audience, JwksKeys(session, issuer.issuer, issuer.jwks_url)
        )
        app = web.Application(middlewares=[authentication(verifier)])
        app.router.add_get("/", enter)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
        issuer.gate.clear()
        door = Door(issuer, runner.addresses[0][1])
        tokens = [issuer.token(f"auth0|{number % 10}") for number in range(10)] * 100
        calls = [asyncio.create_task(knock(door, token)) for token in tokens]
        await issuer.keys_fetched()
        issuer.gate.set()
        answers = await asyncio.gather(*calls)
    assert {answer.status for answer in answers} == {200}
    assert issuer.fetches == 1
