"""The three services with a clock that the test moves, joined by their feeds over HTTP."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, date, datetime, time
from typing import Any
from uuid import uuid4

import aiohttp
import asyncpg
from aiohttp import web

from dev.ports import free_port
from libs.service.settings import ServiceSettings
from libs.web.app import CLOCK
from libs.web.server import running
from services.approvals.app import create_app as create_approvals
from services.entries.app import create_app as create_entries
from services.profile.app import create_app as create_profile
from tests.support.client import ADMINISTRATOR, MANAGER, Caller, Reply
from tests.support.clock import StandingClock
from tests.support.fleet import CURSOR, FOLLOWS, HEAD
from tests.support.issuer import PERSON, Issuer

CREATE: Mapping[str, Callable[[ServiceSettings], web.Application]] = {
    "entries": create_entries,
    "approvals": create_approvals,
    "profile": create_profile,
}
MANAGERS = ("maya", "marco")
NOON = time(12, 0, tzinfo=UTC)


def sub(person: str) -> str:
    return f"auth0|{person}"


class Company:
    """Everybody calls each service; `go_to` is the calendar."""

    def __init__(
        self, databases: Mapping[str, str], issuer: Issuer, session: aiohttp.ClientSession
    ) -> None:
        self._databases = databases
        self._issuer = issuer
        self._session = session
        self._ports = {name: free_port() for name in CREATE}
        self.clock = StandingClock()
        self.apps: dict[str, web.Application] = {}
        self._connections: dict[str, asyncpg.Connection] = {}
        self._tokens: dict[str, str] = {}

    async def start(self, stack: AsyncExitStack) -> None:
        for name, create in CREATE.items():
            follows = [source for follower, source in FOLLOWS if follower == name]
            settings = ServiceSettings.read(self._variables(name), name, follows)
            app = create(settings)
            app[CLOCK] = self.clock
            self.apps[name] = app
            await stack.enter_async_context(running(app, settings.web))
            self._connections[name] = await asyncpg.connect(self._databases[name])
            stack.push_async_callback(self._connections[name].close)

    def go_to(self, day: date) -> None:
        """Noon in UTC of this day."""
        self.clock.time = datetime.combine(day, NOON)

    async def call(
        self, person: str, method: str, service: str, path: str, body: Any = None
    ) -> Reply:
        # Submissions of a day are distinguished by their time.
        self.clock.move(seconds=1)
        caller = Caller(self._session, self._url(service), self._token_of(person))
        return await caller.request(method, path, json=body)

    async def upload(self, client: str, rows: Sequence[Any], query: str = "") -> Reply:
        """The machine uploads these rows."""
        self.clock.move(seconds=1)
        caller = Caller(self._session, self._url("entries"), self._token_of(client))
        headers = {"Content-Type": "application/x-ndjson", "Idempotency-Key": str(uuid4())}
        data = "".join(json.dumps(row) + "\n" for row in rows).encode()
        return await caller.post(f"/v1/batches{query}", data=data, headers=headers)

    async def do(self, person: str, method: str, service: str, path: str, body: Any = None) -> Any:
        """As `call`, for what has to succeed: the decoded response."""
        reply = await self.call(person, method, service, path, body)
        assert reply.status < 300, (person, method, path, reply.body)
        return reply.json if reply.body else None

    async def pages(self, person: str, service: str, path: str) -> list[dict[str, Any]]:
        """All items of a list."""
        items: list[dict[str, Any]] = []
        following: str | None = path
        while following:
            page = await self.do(person, "GET", service, following)
            items += page["items"]
            following = page["next"]
        return items

    async def catch_up(self) -> None:
        """Wait until every follower has reached the end of what it follows, twice in a row: what
        one applies may publish something for another."""
        async with asyncio.timeout(30):
            quiet = 0
            while quiet < 2:
                quiet = quiet + 1 if await self._is_level() else 0
                await asyncio.sleep(0.005)

    def database(self, service: str) -> str:
        return self._databases[service]

    async def _is_level(self) -> bool:
        for follower, source in FOLLOWS:
            head = await self._connections[source].fetchval(HEAD)
            if await self._connections[follower].fetchval(CURSOR, source) < head:
                return False
        return True

    def _url(self, service: str) -> str:
        return f"http://127.0.0.1:{self._ports[service]}"

    def _token_of(self, person: str) -> str:
        if person not in self._tokens:
            self._tokens[person] = self._token(person)
        return self._tokens[person]

    def _token(self, person: str) -> str:
        if person == "agency":
            return self._issuer.machine_token(person, "batch:upload")
        scopes = {
            "ada": ADMINISTRATOR,
            "audrey": "read:audit read:reports",
            **dict.fromkeys(MANAGERS, MANAGER),
        }
        scope = scopes.get(person, PERSON)
        return self._issuer.token(
            sub=sub(person), scope=scope, name=person.title(), email=f"{person}@exampleco.com"
        )

    def _variables(self, name: str) -> dict[str, str]:
        return {
            "HOST": "127.0.0.1",
            "PORT": str(self._ports[name]),
            "ADMIN_PORT": "0",
            "AUTH_ISSUER": self._issuer.issuer,
            "AUTH_AUDIENCE": self._issuer.audience,
            "DATABASE_URL": self._databases[name],
            "M2M_CLIENT_ID": "follower",
            "FULL_FEED_CLIENTS": "follower",
            "M2M_CLIENT_SECRET": "follower-secret",
            "M2M_TOKEN_URL": self._issuer.token_url,
            "RATE_LIMIT": "off",
            **{
                f"{other.upper()}_URL": f"http://127.0.0.1:{port}"
                for other, port in self._ports.items()
            },
        }


async def eventually(check: Callable[[], Awaitable[bool]], seconds: float) -> None:
    """Wait until the check holds."""
    async with asyncio.timeout(seconds):
        while not await check():
            await asyncio.sleep(0.02)
