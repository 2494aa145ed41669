"""Parts for the tests of the app: a clock, a network that misbehaves, a store in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import Enum, auto

import httpx

from mobile.core.clock import Clock
from mobile.core.tokens import TokenStoreError


class AppClock(Clock):
    """Stands still, at noon of Monday 23 November 2026, until moved; then sleepers wake."""

    def __init__(self) -> None:
        self.time = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
        self._error = timedelta(0)
        self._moved = asyncio.Condition()

    def now(self) -> datetime:
        return self.time + self._error

    def today(self) -> date:
        return self.now().date()

    def set_wall_clock(self, **error: float) -> None:
        """Somebody sets the device's clock; time itself goes on."""
        self._error += timedelta(**error)

    def monotonic(self) -> float:
        return self.time.timestamp()

    def move(self, **duration: float) -> None:
        self.time += timedelta(**duration)

    async def sleep(self, seconds: float) -> None:
        until = self.time + timedelta(seconds=seconds)
        async with self._moved:
            await self._moved.wait_for(lambda: self.time >= until)

    async def pass_time(self, **duration: float) -> None:
        """Move the clock and wake the sleepers whose time is up."""
        self.move(**duration)
        async with self._moved:
            self._moved.notify_all()


class Fault(Enum):
    """The network's behaviour for a request."""

    NONE = auto()
    LOST_BEFORE = auto()
    LOST_AFTER = auto()
    """It arrived, its answer did not."""
    TIMEOUT = auto()
    ERROR_500 = auto()


@dataclass(eq=False)
class Network(httpx.AsyncBaseTransport):
    """A real network between the app and real servers, with `fault` to say what goes wrong."""

    fault: Callable[[httpx.Request], Fault] = lambda _request: Fault.NONE
    seen: list[tuple[str, str]] = field(default_factory=list)
    """(method, path) of each request, whatever became of it."""
    before: Callable[[httpx.Request], None] = lambda _request: None
    after: Callable[[httpx.Request], None] = lambda _request: None
    after_response: Callable[[httpx.Response], None] | None = None
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    not_deployed: tuple[str, ...] = ()
    """Paths of services that this test runs without; they answer 404."""

    def __post_init__(self) -> None:
        self._inner = httpx.AsyncHTTPTransport()
        self.gate.set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.seen.append((request.method, request.url.path))
        await self.gate.wait()
        self.before(request)
        fault = self.fault(request)
        if fault is Fault.LOST_BEFORE:
            raise httpx.ConnectError("no network", request=request)
        if fault is Fault.TIMEOUT:
            raise httpx.ReadTimeout("too slow", request=request)
        if fault is Fault.ERROR_500:
            return httpx.Response(500, json={"detail": "broken"}, request=request)
        if self.not_deployed and request.url.path.startswith(self.not_deployed):
            return httpx.Response(404, json={"detail": "Not found."}, request=request)
        response = await self._inner.handle_async_request(request)
        if fault is Fault.LOST_AFTER:
            await response.aread()
            await response.aclose()
            raise httpx.ReadError("cut off", request=request)
        self.after(request)
        if self.after_response is not None:
            await response.aread()
            self.after_response(response)
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()

    def count(self, path: str) -> int:
        return sum(seen.startswith(path) for _, seen in self.seen)


@dataclass
class MemoryTokenStore:
    """Survives what a process does not: give it to the next app."""

    secrets: dict[str, str] = field(default_factory=dict)
    broken: bool = False
    saved: list[str] = field(default_factory=list)

    def load(self, name: str) -> str | None:
        self._check()
        return self.secrets.get(name)

    def save(self, name: str, secret: str) -> None:
        self._check()
        self.secrets[name] = secret
        self.saved.append(name)

    def delete(self, name: str) -> None:
        self._check()
        self.secrets.pop(name, None)

    def _check(self) -> None:
        if self.broken:
            raise TokenStoreError
