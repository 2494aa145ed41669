import functools
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import msgspec
import pytest
from aiohttp import web

from dev.issuer.app import create_app
from dev.issuer.keys import KeyRing
from dev.issuer.state import State, Store, machine_secrets
from tests.unit.dev.client import Client


@dataclass
class Clock:
    """Stands still until the test moves it."""

    now: float = 1_795_000_000.0

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


@dataclass(frozen=True)
class StandIn:
    """A running stand-in that can be restarted with what it keeps on disk."""

    address: str
    directory: Path
    clock: Clock
    listener: socket.socket
    runners: list[web.AppRunner]

    async def start(self) -> None:
        secrets = machine_secrets(self.directory / "clients.json")
        app = create_app(self.address, Store(self.directory / "state.json"), secrets, self.clock)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.SockSite(runner, self.listener.dup()).start()
        self.runners.append(runner)

    async def stop(self) -> None:
        while self.runners:
            await self.runners.pop().cleanup()

    def secret(self, client_id: str) -> str:
        return machine_secrets(self.directory / "clients.json")[client_id]


@functools.cache
def keys() -> bytes:
    """A state with nothing but keys in it: making those takes a tenth of a second."""
    return msgspec.json.encode(State(KeyRing.generate()))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def stand_in(tmp_path: Path, clock: Clock) -> AsyncIterator[StandIn]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        (tmp_path / "state.json").write_bytes(keys())
        running = StandIn(f"http://127.0.0.1:{port}/", tmp_path, clock, listener, [])
        await running.start()
        yield running
        await running.stop()


@pytest.fixture
async def client(stand_in: StandIn) -> AsyncIterator[Client]:
    jar = aiohttp.CookieJar(unsafe=True)  # or it keeps no cookie of an address without a name
    async with aiohttp.ClientSession(cookie_jar=jar) as session:
        yield Client(stand_in.address, session)
