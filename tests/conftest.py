"""Fixtures for every test: a real database, a real issuer, a real service."""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import aiohttp
import pytest
import structlog
from aiohttp import web
from hypothesis import settings

from dev.postgres import PostgresServer
from libs.postgres.migrate import upgrade
from libs.service.settings import ServiceSettings
from libs.web.app import CLOCK
from libs.web.context import add_log_fields
from libs.web.server import running
from services.entries.app import create_app as create_entries
from tests.support.client import Service
from tests.support.clock import StandingClock
from tests.support.emptying import Emptier
from tests.support.fleet import NAMES, Fleet
from tests.support.issuer import Issuer
from tests.support.scheduling import SharedStackScheduling, longest_first
from tests.support.services import SERVICES, Route, routes_of
from tests.support.stack import Running, started

T = TypeVar("T")


def pytest_configure() -> None:
    # An example may take long where the machine does something else.
    settings.register_profile("timesheets", deadline=None)
    settings.load_profile("timesheets")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=longest_first)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> SharedStackScheduling:
    return SharedStackScheduling(config, log)


@pytest.fixture(scope="session")
def server_folder() -> Iterator[Path]:
    """A folder for servers, removed at the end.

    Pytest's own are closed to other accounts; as root, PostgreSQL runs as one of these and its data
    would be in /var/lib, on a disk, until a later run removes it.
    """
    with tempfile.TemporaryDirectory(
        prefix="exampleco-test-", dir=os.environ.get("PYTEST_DEBUG_TEMPROOT")
    ) as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture(scope="session")
def postgres(server_folder: Path) -> Iterator[PostgresServer]:
    with PostgresServer(server_folder / "postgres", durable=False) as server:
        yield server


class Databases:
    """Databases as a service's migrations leave them: migrated once, then copied or emptied."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        self._templates: set[str] = set()
        self._shared: dict[str, str] = {}
        self._numbers = itertools.count()
        self._emptier = Emptier()

    def empty(self) -> str:
        """The address of a database without a table."""
        name = f"test_{next(self._numbers)}"
        self._server.create_database(name)
        return self._server.url(name)

    def own(self, service: str) -> str:
        """A database that no other test uses, for tests that break or fill it."""
        name = f"test_{next(self._numbers)}"
        self._server.create_database(name, template=self._template(service))
        return self._server.url(name)

    def shared(self, service: str) -> str:
        """An empty database that the test before used and the next will: twenty times quicker."""
        if service not in self._shared:
            self._shared[service] = self.own(service)
        self._emptier.empty(self._shared[service])
        return self._shared[service]

    def close(self) -> None:
        """Close the connections that are kept."""
        self._emptier.close()

    def _template(self, service: str) -> str:
        """PostgreSQL copies only databases without connections, so nobody connects to it."""
        name = f"template_{service}"
        if name not in self._templates:
            self._server.create_database(name)
            try:
                run_in_thread(upgrade, f"services.{service}", self._server.url(name))
            except BaseException:
                self._server.drop_database(name)
                raise
            self._templates.add(name)
        return name


def run_in_thread(call: Callable[..., T], *arguments: object) -> T:
    """Call a function that runs an event loop of its own, also where one is running already."""
    with ThreadPoolExecutor(1) as executor:
        return executor.submit(call, *arguments).result()


@pytest.fixture(scope="session")
def databases(postgres: PostgresServer) -> Iterator[Databases]:
    made = Databases(postgres)
    yield made
    made.close()


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    async with Issuer() as running_issuer:
        yield running_issuer


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as client:
        yield client


@pytest.fixture
def clock() -> StandingClock:
    """Monday 23 November 2026, noon in UTC, until a test moves it."""
    return StandingClock()


def service_settings(
    name: str, issuer: Issuer, database_url: str, **variables: str
) -> ServiceSettings:
    """The settings of a service that follows nobody."""
    return ServiceSettings.read(
        {
            "HOST": "127.0.0.1",
            "PORT": "0",
            "ADMIN_PORT": "0",
            "AUTH_ISSUER": issuer.issuer,
            "AUTH_AUDIENCE": issuer.audience,
            "DATABASE_URL": database_url,
            "DB_POOL_MIN": "1",
            "RATE_LIMIT": "off",
            **variables,
        },
        name,
    )


@asynccontextmanager
async def serving(
    app: web.Application,
    settings: ServiceSettings,
    issuer: Issuer,
    session: aiohttp.ClientSession,
    clock: StandingClock,
) -> AsyncIterator[Service]:
    app[CLOCK] = clock
    async with running(app, settings.web) as (port, admin_port):
        yield Service(session, issuer, port, admin_port)


@pytest.fixture(params=SERVICES)
def service_name(request: pytest.FixtureRequest) -> str:
    """For a test that holds for each of the three services."""
    name: str = request.param
    return name


@pytest.fixture
def guarded_database(databases: Databases, service_name: str) -> str:
    return databases.shared(service_name)


@dataclass(frozen=True, slots=True)
class Guarded:
    """A service that listens, and its routes."""

    name: str
    app: web.Application
    routes: list[Route]
    service: Service


@pytest.fixture
async def guarded(
    service_name: str,
    guarded_database: str,
    issuer: Issuer,
    session: aiohttp.ClientSession,
    clock: StandingClock,
) -> AsyncIterator[Guarded]:
    """Each of the three services in turn."""
    settings = service_settings(service_name, issuer, guarded_database)
    app = SERVICES[service_name](settings)
    async with serving(app, settings, issuer, session, clock) as service:
        yield Guarded(service_name, app, list(routes_of(app)), service)


@pytest.fixture(scope="session")
def stack(server_folder: Path) -> Iterator[Running]:
    """The whole system with the sample company, once for each worker: leave open what is open."""
    with started(server_folder / "stack", RATE_LIMIT="off") as running:
        yield running


@pytest.fixture
def entries_database(databases: Databases) -> str:
    return databases.shared("entries")


@pytest.fixture
async def entries(
    entries_database: str, issuer: Issuer, session: aiohttp.ClientSession, clock: StandingClock
) -> AsyncIterator[Service]:
    """The entries service, over a database of its own."""
    settings = service_settings("entries", issuer, entries_database)
    async with serving(create_entries(settings), settings, issuer, session, clock) as service:
        yield service


@pytest.fixture
def urls(databases: Databases) -> dict[str, str]:
    """A database of its own for each of the three services."""
    return {name: databases.own(name) for name in NAMES}


@pytest.fixture
async def fleet(
    urls: dict[str, str], issuer: Issuer, session: aiohttp.ClientSession, tmp_path: Path
) -> AsyncIterator[Fleet]:
    """The three services as programs, with a project."""
    made = Fleet(urls, issuer, session, tmp_path / "fleet.log")
    try:
        await made.start()
        project = {"name": "Apollo", "customer": "Big Company"}
        added = await made.administrator("entries").post("/v1/projects/APOLLO", project)
        assert added.status == 201
        yield made
    finally:
        await made.stop()


@pytest.fixture(autouse=True)
def plain_logs() -> None:
    """Lines that a test can read; structlog's own default draws the variables of each frame."""
    # The configuration of the test before must not decide whether this one's lines are seen.
    structlog.reset_defaults()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            add_log_fields,
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(default=str),
        ],
        logger_factory=structlog.PrintLoggerFactory(),
        cache_logger_on_first_use=False,
    )


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable of the shell that runs the tests reaches them."""
    for name in list(os.environ):
        if name.startswith(("AUTH_", "M2M_", "DB_", "DATABASE_URL")):
            monkeypatch.delenv(name)
