"""Two copies of each service behind the gateway, replaced as Kubernetes replaces pods."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp

from dev.gateway import Gateway
from dev.ports import free_port
from tests.support.client import Caller, Reply
from tests.support.fleet import NAMES, Fleet
from tests.support.issuer import Issuer
from tests.support.processes import Copy, start_copy

SHUTDOWN_DELAY = "2"
"""Seconds of the five that are shipped: the gateway notices in one, unless the machine is busy."""


class WatchfulCaller(Caller):
    """Notes what failed, for the test to fail on, however it is taken."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        base_url: str,
        token: str | None,
        failures: list[str],
        answered: list[int],
    ) -> None:
        super().__init__(session, base_url, token)
        self._failures = failures
        self._answered = answered

    async def request(self, method: str, path: str, **options: Any) -> Reply:
        """Send a request and note its status, or why there is none."""
        try:
            reply = await super().request(method, path, **options)
        except (aiohttp.ClientError, OSError) as error:
            self._failures.append(f"{method} {path}: {error!r}")
            raise
        self._answered.append(reply.status)
        if reply.status >= 500 or reply.status == 429:
            self._failures.append(f"{method} {path}: {reply.status}")
        return reply


class RollingFleet(Fleet):
    """Everybody goes by the gateway, the services to each other, too."""

    def __init__(
        self,
        databases: Mapping[str, str],
        issuer: Issuer,
        session: aiohttp.ClientSession,
        directory: Path,
    ) -> None:
        super().__init__(databases, issuer, session, directory / "fleet.log")
        self.failures: list[str] = []
        self.answered: list[int] = []
        self._gateway = Gateway(directory / "gateway", free_port())
        self._gateway_log = directory / "gateway.log"
        self._pairs: dict[str, list[Copy]] = {}

    async def start(self) -> None:
        """Start the gateway and two copies of each service."""
        self._gateway.start({}, self._gateway_log)
        for name in NAMES:
            self._pairs[name] = [await self._start_copy(name) for _ in range(2)]
        await self._gateway.route(self._backends())
        await self.connect()

    async def stop(self) -> None:
        """Stop the gateway and kill all copies."""
        self._gateway.stop()
        for pair in self._pairs.values():
            for copy in pair:
                await copy.kill()
        await super().stop()

    async def replace_both(self, name: str) -> None:
        """Replace one after the other. As in Kubernetes, each gets SIGTERM while it still gets
        requests."""
        for number in range(2):
            leaving = self._pairs[name].pop(0)
            leaving.signal(signal.SIGTERM)
            await self._gateway.route(self._backends())
            assert await leaving.exit_code() == 0, f"{name}, {number}"
            self._pairs[name].append(await self._start_copy(name))
            await self._gateway.route(self._backends())

    def url(self, service: str) -> str:  # noqa: ARG002 - one way in for all
        """The address of the gateway."""
        return self._gateway.url

    def bearer(self, service: str, token: str | None) -> Caller:
        """A caller whose failures are noted."""
        return WatchfulCaller(self._session, self.url(service), token, self.failures, self.answered)

    async def _start_copy(self, name: str) -> Copy:
        variables = self._variables(name) | {"SHUTDOWN_DELAY": SHUTDOWN_DELAY}
        return await start_copy(f"services.{name}", variables, self._log)

    def _backends(self) -> dict[str, list[str]]:
        return {name: [copy.url for copy in pair] for name, pair in self._pairs.items()}
