"""A portal in this process, over the stack's services, whose network can misbehave."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
from aiohttp import web

from dev.issuer.state import machine_secrets
from dev.ports import free_port
from dev.sample_data import AUDIENCE, PORTAL_CLIENT
from libs.web.server import running
from portal.app import create_app
from portal.sessions.sessions import SESSIONS
from portal.settings import PortalSettings
from tests.portal.client import PortalClient
from tests.support.stack import Running

KEY = base64.urlsafe_b64encode(b"test" * 8).decode()


@dataclass
class Relay:
    """Passes calls on to the API, except those that it answers itself.

    `answers` has a response for each method and beginning of a path; an answer of None hangs.
    """

    target: str
    port: int = 0
    answers: dict[tuple[str, str], web.Response | None] = field(default_factory=dict)
    seen: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def refuse(
        self,
        method: str,
        path: str,
        status: int,
        headers: dict[str, str] | None = None,
        **body: Any,
    ) -> None:
        problem = {"title": "Refused", "status": status, "detail": "The API said no.", **body}
        self.answers[method, path] = web.json_response(
            problem, status=status, headers=headers, content_type="application/problem+json"
        )

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.seen.append(f"{request.method} {request.path}")
        for (method, path), answer in self.answers.items():
            if request.method == method and request.path.startswith(path):
                if answer is None:
                    await asyncio.sleep(60)
                    raise web.HTTPGatewayTimeout
                return web.Response(status=answer.status, body=answer.body, headers=answer.headers)
        return await self._forward(request)

    async def _forward(self, request: web.Request) -> web.Response:
        kept = ("Authorization", "Content-Type", "If-Match")
        headers = {name: request.headers[name] for name in kept if name in request.headers}
        async with (
            aiohttp.ClientSession() as http,
            http.request(
                request.method,
                self.target + request.raw_path,
                data=await request.read(),
                headers=headers,
            ) as response,
        ):
            passed = {
                name: value
                for name, value in response.headers.items()
                if name in ("Content-Type", "ETag", "WWW-Authenticate", "Retry-After")
            }
            return web.Response(status=response.status, body=await response.read(), headers=passed)


@asynccontextmanager
async def relay_to(target: str) -> AsyncIterator[Relay]:
    relay = Relay(target)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", relay.handle)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    relay.port = runner.addresses[0][1]
    try:
        yield relay
    finally:
        await runner.cleanup()


@dataclass
class OwnPortal:
    app: web.Application
    origin: str

    def pass_time(self, passed: timedelta) -> None:
        """The sessions' clock goes on by so much."""
        self.app[SESSIONS].clock = lambda: datetime.now(UTC) + passed

    def client(self) -> PortalClient:
        return PortalClient(self.origin)


@asynccontextmanager
async def own_portal(
    stack: Running, api_url: str, origin: str = "", **variables: str
) -> AsyncIterator[OwnPortal]:
    """A portal at `origin`, or at a free port of its own."""
    at, port = stack.addresses, free_port()
    secrets = machine_secrets(stack.directory / "issuer" / "clients.json")
    settings = PortalSettings.read(
        {
            "HOST": "127.0.0.1",
            "PORT": str(port),
            "ADMIN_PORT": "0",
            "DATABASE_URL": at.databases["portal"],
            "AUTH_ISSUER": at.issuer,
            "AUTH_AUDIENCE": AUDIENCE,
            "AUTH_CLIENT_ID": PORTAL_CLIENT,
            "AUTH_CLIENT_SECRET": secrets[PORTAL_CLIENT],
            "PORTAL_URL": origin or f"http://127.0.0.1:{port}",
            "API_URL": api_url,
            "SESSION_KEYS": KEY,
            **variables,
        }
    )
    app = create_app(settings)
    async with running(app, settings.web):
        yield OwnPortal(app, f"http://127.0.0.1:{port}")
