"""Entries and approvals with their real databases, joined by feeds that a test delivers by hand."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import asyncpg
from prometheus_client import CollectorRegistry

from libs.feed import inbox
from libs.feed.applying import Applier, Handlers
from libs.feed.compaction import compact
from libs.feed.metrics import FollowerMetrics
from libs.feed.serving import READ
from libs.feed.wire import Delivery, decode_batch, encode_batch
from libs.postgres.pool import Database
from libs.postgres.settings import DatabaseSettings
from libs.web.app import CLOCK
from libs.web.server import running
from services.approvals.app import create_app as create_approvals
from services.approvals.feeds import HANDLERS as APPROVALS_HANDLERS
from services.entries.app import create_app as create_entries
from services.entries.feeds import HANDLERS as ENTRIES_HANDLERS
from tests.conftest import service_settings
from tests.feeds.agreement.crashing import Crash, CrashingDatabase
from tests.support.client import ADMINISTRATOR, MANAGER, Caller, Reply, Service
from tests.support.clock import StandingClock
from tests.support.emptying import empty_tables
from tests.support.events import data_of
from tests.support.issuer import PERSON, Issuer

SCOPES = {
    "erin": PERSON,
    "maya": MANAGER,
    "marco": MANAGER,
    "ada": ADMINISTRATOR,
}
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
ADD_PROJECT = "INSERT INTO projects (code, name, customer) VALUES ('APOLLO', 'Apollo', 'Big')"

# Expires at once, so that the next follower need not wait for it.
LEASE_SECONDS = 0.001


@dataclass(slots=True)
class Link:
    """One service following one feed. `holder` is the process that does."""

    source: str
    target: CrashingDatabase
    handlers: Handlers
    holder: uuid.UUID


class World:
    """Everything runs in one event loop, one step at a time, so that a run can be repeated."""

    def __init__(self, entries_url: str, approvals_url: str) -> None:
        self._urls = {"entries": entries_url, "approvals": approvals_url}
        self._runner = asyncio.Runner()
        self._stack = AsyncExitStack()
        self._clock = StandingClock()
        self._people: list[Delivery] = []
        self._metrics = FollowerMetrics(CollectorRegistry())
        self.links: dict[str, Link] = {}
        self._callers: dict[tuple[str, str], Caller] = {}
        self._connections: dict[str, asyncpg.Connection] = {}

    def start(self) -> None:
        self._runner.run(self._start())

    def stop(self) -> None:
        self._runner.run(self._stack.aclose())
        self._runner.close()

    def empty(self) -> None:
        """Empty every table: no entry, no event, no cursor."""
        self._people.clear()
        self._clock.time = NOON
        self._runner.run(self._empty())

    def call(self, service: str, person: str, method: str, path: str, body: Any = None) -> Reply:
        caller = self._callers[service, person]
        # Submissions sort by their moment, the same way in every run.
        self._clock.move(seconds=1)
        return self._runner.run(caller.request(method, path, json=body))

    def rows(self, service: str, query: str, *arguments: Any) -> list[asyncpg.Record]:
        rows: list[asyncpg.Record] = self._runner.run(
            self._connections[service].fetch(query, *arguments)
        )
        return rows

    def tell_person(
        self, person: str, manager: str | None, version: int, *, active: bool = True
    ) -> None:
        """Profile publishes that somebody has this manager."""
        data: dict[str, Any] = {
            "person": f"auth0|{person}",
            "name": person.title(),
            "email": f"{person}@exampleco.com",
            "kind": "employee",
            "employer": None,
            "manager": f"auth0|{manager}" if manager else None,
            "active": active,
            "external_ids": {},
            "uploaders": [],
            "target_minutes": 2400,
            "delegate": None,
            "version": version,
        }
        number = len(self._people) + 1
        subject = f"auth0|{person}"
        self._people.append(
            Delivery(
                number, str(number), "/v1/people", "person.changed", subject, NOON, data_of(data)
            )
        )

    def deliver(
        self,
        name: str,
        limit: int,
        again: int = 0,
        crash: int | None = None,
        stumble: int | None = None,
    ) -> int:
        """Hand on up to `limit` events at once, `again` of them for the second time; returns how
        many.

        `crash` kills the follower after so many statements; the next follower is another one.
        `stumble` has several fail together, though each of them can be handled.
        """
        return self._runner.run(self._deliver(self.links[name], limit, again, crash, stumble))

    def restart(self, name: str) -> None:
        self.links[name].holder = uuid.uuid4()

    def start_over(self, name: str) -> None:
        """The follower starts with an empty database, from a feed that was compacted: all
        events are old, and each event that a later one replaced is gone."""
        self._runner.run(self._start_over(self.links[name]))

    async def _start_over(self, link: Link) -> None:
        source = Database(DatabaseSettings(self._urls[link.source], pool_min=1))
        await source.start()
        await compact(source, self._clock.now() + timedelta(days=1000))
        await source.stop()
        await empty_tables(link.target.settings.dsn)

    async def _deliver(
        self, link: Link, limit: int, again: int, crash: int | None, stumble: int | None
    ) -> int:
        lead = await self._acquire_lease(link)
        deliveries = await self._read(link.source, max(0, lead.after - again), limit + again)
        if not deliveries:
            return 0
        applier = Applier(
            link.target, link.source, link.handlers, link.holder, self._metrics, LEASE_SECONDS
        )
        link.target.crash_after(crash)
        if stumble is not None and len(deliveries) > 1:
            link.target.stumble_after(stumble)
        try:
            await applier.apply(deliveries)
        except Crash:
            link.holder = uuid.uuid4()
        link.target.crash_after(None)
        return len(deliveries)

    async def _acquire_lease(self, link: Link) -> inbox.FollowerLease:
        """Wait for the row: the session of a follower that crashed may still be ending."""
        lead = None
        async with asyncio.timeout(10), link.target.connection() as connection:
            while lead is None:
                lead = await inbox.acquire_lease(
                    connection, link.source, link.holder, LEASE_SECONDS
                )
        return lead

    async def _read(self, source: str, after: int, limit: int) -> list[Delivery]:
        if source == "profile":
            return self._people[after : after + limit]
        rows = await self._connections[source].fetch(READ, after, limit, 10**7)
        return decode_batch(encode_batch(f"/v1/{source}", rows))

    async def _start(self) -> None:
        enter = self._stack.enter_async_context
        issuer = await enter(Issuer())
        session = await enter(aiohttp.ClientSession())
        for name, create in (("entries", create_entries), ("approvals", create_approvals)):
            settings = service_settings(name, issuer, self._urls[name])
            app = create(settings)
            app[CLOCK] = self._clock
            service = Service(session, issuer, *await enter(running(app, settings.web)))
            for person, scope in SCOPES.items():
                self._callers[name, person] = service.caller(person, scope)
            self._connections[name] = await asyncpg.connect(self._urls[name])
            self._stack.push_async_callback(self._connections[name].close)
        await self._link("entries", ENTRIES_HANDLERS)
        await self._link("approvals", APPROVALS_HANDLERS)

    async def _link(self, name: str, handlers: Mapping[str, Handlers]) -> None:
        database = CrashingDatabase(DatabaseSettings(self._urls[name], pool_min=1))
        await database.start()
        self._stack.push_async_callback(database.stop)
        for source, by_type in handlers.items():
            self.links[f"{source} to {name}"] = Link(source, database, by_type, uuid.uuid4())

    async def _empty(self) -> None:
        for url in self._urls.values():
            await empty_tables(url)
        for connection in self._connections.values():
            await connection.execute("ALTER SEQUENCE events_sequence_seq RESTART")
        await self._connections["entries"].execute(ADD_PROJECT)
