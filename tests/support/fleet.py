"""The three services in processes of their own, following each other over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg

from dev.ports import free_port
from tests.support.client import ADMINISTRATOR, Caller
from tests.support.issuer import PERSON, Issuer
from tests.support.processes import Copy, start_copy

NAMES = ("entries", "approvals", "profile")
HEAD = "SELECT coalesce(max(sequence), 0) FROM events"
CURSOR = "SELECT coalesce((SELECT after FROM feed_cursors WHERE source = $1), 0)"
# Followers and the feeds they follow.
FOLLOWS = (
    ("entries", "approvals"),
    ("entries", "profile"),
    ("approvals", "entries"),
    ("approvals", "profile"),
)


class Fleet:
    """Each service keeps its port over restarts, so that the others find it again."""

    def __init__(
        self,
        databases: Mapping[str, str],
        issuer: Issuer,
        session: aiohttp.ClientSession,
        log: Path,
        **variables: str,
    ) -> None:
        self.databases = databases
        self._others = variables
        self.issuer = issuer
        self._session = session
        self._log = log
        self._ports = {name: free_port() for name in NAMES}
        self._copies: dict[str, Copy] = {}
        self.connections: dict[str, asyncpg.Connection] = {}

    async def start(self) -> None:
        """Start the three services and connect to their databases."""
        await asyncio.gather(*(self.start_one(name) for name in NAMES))
        await self.connect()

    async def connect(self) -> None:
        """Connect to the databases, again if they were restarted."""
        for name in NAMES:
            if name in self.connections:
                self.connections[name].terminate()
            self.connections[name] = await asyncpg.connect(self.databases[name])

    async def stop(self) -> None:
        """Kill the services and close the connections."""
        for connection in self.connections.values():
            connection.terminate()
        for copy in self._copies.values():
            await copy.kill()

    async def start_one(self, name: str) -> None:
        """Start a service, or start it again on the same port, and wait until it is ready."""
        self._copies[name] = await start_copy(
            f"services.{name}", self._variables(name), self._log, self._ports[name]
        )

    def set(self, variable: str, value: str) -> None:
        """A variable of the services that start from now on."""
        self._others[variable] = value

    async def kill(self, name: str) -> None:
        """SIGKILL: nothing is finished, nothing is let go."""
        await self._copies[name].kill()

    def pid(self, service: str) -> int:
        """The process id of a service."""
        return self._copies[service].process.pid

    def url(self, service: str) -> str:
        """The address of a service, without a slash at the end."""
        return f"http://127.0.0.1:{self._ports[service]}"

    def admin_address(self, service: str) -> str:
        """Host and port, as a Prometheus target."""
        return self._copies[service].admin_url.removeprefix("http://")

    def caller(self, service: str, person: str, scope: str = PERSON) -> Caller:
        """A person whose `sub` is `auth0|<person>`."""
        return self.bearer(service, self.issuer.token(sub=f"auth0|{person}", scope=scope))

    def bearer(self, service: str, token: str | None) -> Caller:
        """A caller with this token, or without one."""
        return Caller(self._session, self.url(service), token)

    def administrator(self, service: str) -> Caller:
        """Ada, with the scopes of an administrator."""
        return self.caller(service, "ada", ADMINISTRATOR)

    async def rows(self, service: str, query: str, *arguments: Any) -> list[asyncpg.Record]:
        """The rows of a query to the service's database."""
        rows: list[asyncpg.Record] = await self.connections[service].fetch(query, *arguments)
        return rows

    async def drained(self, seconds: float = 30.0) -> None:
        """Wait until every follower has reached the end of what it follows."""
        async with asyncio.timeout(seconds):
            while not await self._is_drained():
                await asyncio.sleep(0.02)

    async def _is_drained(self) -> bool:
        for follower, source in FOLLOWS:
            head = await self.connections[source].fetchval(HEAD)
            if await self.connections[follower].fetchval(CURSOR, source) < head:
                return False
        return True

    def _variables(self, name: str) -> dict[str, str]:
        return {
            "AUTH_ISSUER": self.issuer.issuer,
            "AUTH_AUDIENCE": self.issuer.audience,
            "DATABASE_URL": self.databases[name],
            "M2M_CLIENT_ID": "follower",
            "FULL_FEED_CLIENTS": "follower",
            "M2M_CLIENT_SECRET": "follower-secret",
            "M2M_TOKEN_URL": self.issuer.token_url,
            "RATE_LIMIT": "off",
            "SHUTDOWN_DELAY": "0",
            **{f"{other.upper()}_URL": self.url(other) for other in NAMES},
            **self._others,
        }
