"""A network that fails in every way: it loses, doubles, delays and reorders, and services go down.

All by chance and by the device's own clock: no test waits for a timeout. Requests are
forwarded through aiohttp, which takes a fraction of the CPU time of httpx.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import aiohttp
import httpx
from yarl import URL

PREFIXES = (
    *("/v1/entries", "/v1/timesheets", "/v1/absences", "/v1/calendar", "/v1/projects"),
    *("/v1/approvals", "/v1/profile"),
)
# After so many later requests a delayed one still arrives.
LONGEST_DELAY = 40
DELETED = "DELETE"


class KilledError(BaseException):
    """The process ended here."""


def label_of(method: str, path: str, body: dict[str, Any]) -> str:
    """The label of a change: each intention of a person has its own."""
    if method == DELETED:
        return f"delete {unquote(path).rpartition('/')[2]}"
    if "person" in body and "to" in body:
        return f"delegate {body['from']} {body['to']}"
    if "target_minutes" in body:
        return f"target {body['target_minutes']}"
    return str(body.get("note") or body.get("reason") or "")


@dataclass(frozen=True, slots=True)
class Accepted:
    """A write that a server answered with success. `label` says whose intention it was."""

    method: str
    path: str
    label: str


@dataclass(eq=False)
class ChaosNetwork(httpx.AsyncBaseTransport):
    """Routes by path like the gateway. `accepted` is shared: the order of the servers."""

    chance: random.Random
    routes: dict[str, str]
    accepted: list[Accepted]
    trouble: bool = True
    down: str | None = None
    kill_at: int | None = None
    requests: int = 0
    meanwhile: Callable[[], Awaitable[None]] | None = None
    """Runs while a request or its answer is under way."""
    seen: dict[str, int] = field(default_factory=dict)
    """The number of times that each fault occurred."""
    _late: list[tuple[int, httpx.Request]] = field(default_factory=list)
    _busy: bool = False

    def __post_init__(self) -> None:
        # httpx decodes the body, as the app would see it.
        self._session = aiohttp.ClientSession(auto_decompress=False)
        self._one_at_a_time = asyncio.Lock()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """In the order of sending: which of two would be faster must not matter."""
        async with self._one_at_a_time:
            return await self._handle(request)

    async def _handle(self, request: httpx.Request) -> httpx.Response:
        self.requests += 1
        await self._deliver_late(self.requests)
        self._maybe_die()
        if self.down is not None and request.url.path.startswith(self.down):
            self._note("service down")
            return httpx.Response(502, text="bad gateway", request=request)
        fault = self._fault()
        self._note(fault)
        refused = self._refuse(fault, request)
        if refused is not None:
            return refused
        if fault == "overtaken":
            await self._let_things_happen()
        response = await self._forward(request)
        if fault == "doubled":
            response = await self._forward(request)
        self._maybe_die()
        if fault == "answer delayed":
            await self._let_things_happen()
        if fault == "answer lost":
            raise httpx.ReadError("cut off", request=request)
        if fault == "answer timed out":
            raise httpx.ReadTimeout("too late", request=request)
        return response

    def _refuse(self, fault: str, request: httpx.Request) -> httpx.Response | None:
        """The answer to a request that does not arrive, or not now."""
        if fault == "lost":
            raise httpx.ConnectError("no network", request=request)
        if fault == "late":
            due = self.requests + self.chance.randrange(1, LONGEST_DELAY)
            self._late.append((due, request))
            raise httpx.ReadTimeout("too late", request=request)
        if fault == "broken":
            return httpx.Response(500, json={"detail": "broken"}, request=request)
        if fault == "busy":
            wait = {"Retry-After": "1"}
            return httpx.Response(429, json={"detail": "slow"}, headers=wait, request=request)
        return None

    def _fault(self) -> str:
        dice = self.chance.random() if self.trouble else 1.0
        for limit, fault in (
            (0.05, "lost"),
            (0.07, "broken"),
            (0.09, "busy"),
            (0.12, "late"),
            (0.15, "overtaken"),
            (0.19, "doubled"),
            (0.24, "answer delayed"),
            (0.31, "answer lost"),
            (0.34, "answer timed out"),
        ):
            if dice < limit:
                return fault
        return ""

    async def _let_things_happen(self) -> None:
        if self.meanwhile is None or self._busy:
            return
        self._busy = True
        try:
            await self.meanwhile()
        finally:
            self._busy = False

    async def deliver_all(self) -> None:
        """Every request that is still under way arrives, however late."""
        await self._deliver_late(None)

    async def _deliver_late(self, now: int | None) -> None:
        due = [each for each in self._late if now is None or each[0] <= now]
        self._late = [each for each in self._late if each not in due]
        for _, request in due:
            await self._forward(request)

    async def _forward(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        found = (url for prefix, url in self.routes.items() if path.startswith(prefix))
        base = next(found, None)
        if base is None:
            return httpx.Response(404, json={"detail": "Not found."}, request=request)
        response = await self._exchange(request, base)
        gone = request.method == DELETED and response.status_code == 404
        if request.method != "GET" and (response.status_code < 300 or gone):
            body = json.loads(request.content) if request.content else {}
            label = label_of(request.method, path, body)
            self.accepted.append(Accepted(request.method, path, label))
        return response

    async def _exchange(self, request: httpx.Request, base: str) -> httpx.Response:
        address = URL(base + request.url.raw_path.decode(), encoded=True)
        headers = [each for each in request.headers.items() if each[0] != "host"]
        try:
            async with self._session.request(
                request.method,
                address,
                headers=headers,
                data=request.content or None,
                allow_redirects=False,
            ) as answer:
                content = await answer.read()
        except aiohttp.ClientError as error:
            raise httpx.ReadError("cut off", request=request) from error
        return httpx.Response(
            answer.status, headers=answer.raw_headers, content=content, request=request
        )

    def _maybe_die(self) -> None:
        if self.trouble and self.kill_at is not None and self.requests >= self.kill_at:
            self.kill_at = None
            self._note("killed")
            raise KilledError

    def _note(self, fault: str) -> None:
        if fault:
            self.seen[fault] = self.seen.get(fault, 0) + 1

    async def aclose(self) -> None:
        await self._session.close()
