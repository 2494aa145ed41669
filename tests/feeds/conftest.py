"""Two databases: one whose feed is served over HTTP, one that follows it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import aiohttp
import asyncpg
import pytest
from aiohttp import web
from prometheus_client import CollectorRegistry

from libs.auth import JwksKeys, MachineTokens, TokenVerifier, authenticator
from libs.feed.applying import Handler, Handlers
from libs.feed.client import FeedClient
from libs.feed.events import Event, publish
from libs.feed.following import Follower, Pace
from libs.feed.metrics import FollowerMetrics
from libs.feed.schema import FEED_V1_UP
from libs.feed.serving import feed_context, feed_routes
from libs.feed.wire import Delivery, data_as
from libs.postgres.pool import Database, database_context
from libs.postgres.settings import DatabaseSettings
from libs.web.app import create_application
from libs.web.health import LIFECYCLE, Lifecycle
from libs.web.metrics import Metrics
from libs.web.server import running
from libs.web.settings import Environment, WebSettings
from tests.conftest import Databases
from tests.support.client import Caller
from tests.support.connections import started
from tests.support.events import data_of
from tests.support.issuer import Issuer

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SOURCE = "entries"

TABLES = """
CREATE TABLE effects (
    number  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    what    text NOT NULL,
    late    bigint REFERENCES effects DEFERRABLE INITIALLY DEFERRED
);
"""


def event(subject: str = "week-1", kind: str = "timesheet.submitted", **data: Any) -> Event:
    return Event(kind, subject, NOON, data)


def delivery(sequence: int, subject: str = "week-1", **data: Any) -> Delivery:
    return Delivery(
        sequence, str(sequence), "/v1/x", "timesheet.submitted", subject, NOON, data_of(data)
    )


@pytest.fixture(scope="session")
def feed_databases(databases: Databases) -> tuple[str, str]:
    urls = databases.empty(), databases.empty()
    for url in urls:
        asyncio.run(_execute(url, FEED_V1_UP + TABLES))
    return urls


@pytest.fixture
def urls(feed_databases: tuple[str, str]) -> tuple[str, str]:
    for url in feed_databases:
        asyncio.run(
            _execute(
                url,
                "DELETE FROM events; DELETE FROM feed_cursors; DELETE FROM feed_set_aside;"
                "DELETE FROM effects; ALTER SEQUENCE events_sequence_seq RESTART",
            )
        )
    return feed_databases


async def _execute(url: str, sql: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(sql)
    await connection.close()


@pytest.fixture
async def publisher(urls: tuple[str, str]) -> AsyncIterator[Database]:
    """The database of the service whose feed is followed."""
    async with started(DatabaseSettings(urls[0], pool_min=1, pool_max=40)) as db:
        yield db


@pytest.fixture
def follower_settings(urls: tuple[str, str]) -> DatabaseSettings:
    return DatabaseSettings(urls[1], pool_min=1, lock_timeout=0.2)


@pytest.fixture
async def own(follower_settings: DatabaseSettings) -> AsyncIterator[Database]:
    """The database of the service that follows."""
    async with started(follower_settings) as db:
        yield db


async def publish_all(db: Database, *events: Event) -> None:
    async def work(connection: asyncpg.Connection) -> None:
        for one in events:
            await publish(connection, one)

    await db.transact(work)


async def fetch(db: Database, sql: str, *values: Any) -> list[Any]:
    """The first column."""
    async with db.connection() as connection:
        return [row[0] for row in await connection.fetch(sql, *values)]


@dataclass(frozen=True, slots=True)
class Served:
    """A feed over HTTP, and those who read it."""

    url: str
    lifecycle: Lifecycle
    issuer: Issuer
    session: aiohttp.ClientSession

    @property
    def feed_url(self) -> str:
        return f"{self.url}/v1/entries/feed"

    def caller(self, scope: str = "read:events") -> Caller:
        token = self.issuer.machine_token("partner", scope)
        return Caller(self.session, self.url, token)

    def client(self) -> FeedClient:
        tokens = MachineTokens(
            self.session,
            self.issuer.token_url,
            "follower",
            "follower-secret",
            self.issuer.audience,
        )
        return FeedClient(self.session, self.feed_url, tokens)


Serve = Callable[..., AbstractAsyncContextManager[Served]]


@pytest.fixture
def serve(issuer: Issuer, session: aiohttp.ClientSession) -> Serve:
    @asynccontextmanager
    async def serving(settings: DatabaseSettings, port: int = 0) -> AsyncIterator[Served]:
        web_settings = WebSettings.read(
            Environment(
                {
                    "HOST": "127.0.0.1",
                    "PORT": str(port) if port else "0",
                    "ADMIN_PORT": "0",
                    "RATE_LIMIT": "off",
                    "SHUTDOWN_TIMEOUT": "1",
                }
            )
        )
        keys = JwksKeys(session, issuer.issuer, issuer.jwks_url)
        verifier = TokenVerifier(issuer.issuer, issuer.audience, keys)
        app: web.Application = create_application(
            web_settings, Metrics(), feed_routes("entries"), [authenticator(verifier)]
        )
        app.cleanup_ctx.extend([database_context(settings), feed_context(settings)])
        async with running(app, web_settings) as (bound, _admin_port):
            yield Served(f"http://127.0.0.1:{bound}", app[LIFECYCLE], issuer, session)

    return serving


@pytest.fixture
async def served(serve: Serve, urls: tuple[str, str]) -> AsyncIterator[Served]:
    async with serve(DatabaseSettings(urls[0])) as running_feed:
        yield running_feed


def each(handle_one: Callable[[asyncpg.Connection, Delivery], Awaitable[None]]) -> Handler:
    """A handler that takes its events one by one."""

    async def handle(connection: asyncpg.Connection, events: Sequence[Delivery]) -> None:
        for one in events:
            await handle_one(connection, one)

    return handle


async def note_effect(connection: asyncpg.Connection, delivery: Delivery) -> None:
    """Store the delivery as the effect, unless it cannot be handled."""
    data = data_as(dict[str, Any], delivery)
    if "fail" in data:
        raise LookupError(data["fail"])
    await connection.execute("INSERT INTO effects (what) VALUES ($1)", data["what"])


HANDLERS: Handlers = {"timesheet.submitted": each(note_effect)}

QUICK = Pace(limit=10, wait=0.2, lease=0.5, margin=0.1, standby_interval=0.05)


class Replicas:
    """Followers of one feed, each with connections of its own, as in processes of their own."""

    def __init__(self, served: Served, settings: DatabaseSettings, stack: AsyncExitStack) -> None:
        self._served = served
        self._settings = settings
        self._stack = stack
        self._tasks: list[asyncio.Task[None]] = []

    async def start(
        self,
        handlers: Handlers = HANDLERS,
        settings: DatabaseSettings | None = None,
        pace: Pace = QUICK,
        served: Served | None = None,
    ) -> tuple[asyncio.Task[None], CollectorRegistry]:
        registry = CollectorRegistry()
        db = await self._stack.enter_async_context(started(settings or self._settings))
        follower = Follower(
            db,
            SOURCE,
            (served or self._served).client(),
            handlers,
            FollowerMetrics(registry),
            pace,
        )
        task = asyncio.create_task(follower.run())
        self._tasks.append(task)
        return task, registry

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@pytest.fixture
async def replicas(served: Served, follower_settings: DatabaseSettings) -> AsyncIterator[Replicas]:
    async with AsyncExitStack() as stack:
        group = Replicas(served, follower_settings, stack)
        yield group
        await group.stop()


async def clear_lead(db: Database) -> None:
    async with db.connection() as connection:
        await connection.execute("UPDATE feed_cursors SET held_until = '-infinity'")
