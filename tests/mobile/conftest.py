"""The stand-in for Auth0, the real services, and the app's parts before them."""

from __future__ import annotations

import functools
import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import msgspec
import pytest
from aiohttp import web

from dev.issuer.app import create_app
from dev.issuer.keys import KeyRing
from dev.issuer.state import State, machine_secrets
from dev.issuer.state import Store as StandInState
from mobile.core.database import Database
from mobile.core.issuer import Issuer
from mobile.core.network import make_client
from mobile.core.rules import Scope
from mobile.core.session import Workspace
from mobile.core.settings import AppSettings
from mobile.core.signin import SignedIn, SignIn
from mobile.core.tokens import TokenManager
from tests.mobile.device import PROJECTS, Device, api_of
from tests.mobile.offline_app import OfflineApp
from tests.mobile.support import AppClock, MemoryTokenStore, Network
from tests.support.client import ADMINISTRATOR, Caller, Service
from tests.support.issuer import PERSON
from tests.support.issuer import Issuer as TokenIssuer

LOOPBACK = "http://127.0.0.1:49152/callback"


@pytest.fixture
def app_clock() -> AppClock:
    return AppClock()


@pytest.fixture
def network() -> Network:
    return Network()


@pytest.fixture
async def http(network: Network) -> AsyncIterator[httpx.AsyncClient]:
    async with make_client(network) as client:
        yield client


@pytest.fixture
def token_store() -> MemoryTokenStore:
    return MemoryTokenStore()


@pytest.fixture
def database() -> Iterator[Database]:
    made = Database(None, "auth0|erin")
    yield made
    made.close()


@functools.cache
def _fresh_state() -> bytes:
    return msgspec.json.encode(State(KeyRing.generate()))


@pytest.fixture
async def stand_in(tmp_path: Path, app_clock: AppClock) -> AsyncIterator[str]:
    """The address of a stand-in for Auth0 that goes by the app's clock."""
    (tmp_path / "state.json").write_bytes(_fresh_state())
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        app = create_app(
            address,
            StandInState(tmp_path / "state.json"),
            machine_secrets(tmp_path / "clients.json"),
            lambda: app_clock.now().timestamp(),
        )
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.SockSite(runner, listener).start()
        yield address
        await runner.cleanup()


@dataclass
class Phone:
    """The app's way in, before a real issuer: `sign_in` does what a person does in a browser."""

    http: httpx.AsyncClient
    settings: AppSettings
    store: MemoryTokenStore
    clock: AppClock

    def __post_init__(self) -> None:
        self.issuer = Issuer(self.http, self.settings, self.clock)
        self.signing_in = SignIn(self.issuer, self.settings, self.store, self.clock)

    async def callback(self, person: str = "erin", redirect_uri: str = LOOPBACK) -> str:
        """The redirect address after the person has chosen their account."""
        return await self.choose(await self.signing_in.begin(redirect_uri), person)

    async def choose(self, address: str, person: str) -> str:
        form = {"person": person, "second_factor": "confirmed"}
        return (await self.http.post(address, data=form)).headers["Location"]

    async def sign_in(self, person: str = "erin") -> SignedIn:
        return await self.signing_in.complete(await self.callback(person))

    def manager(self, sub: str = "auth0|erin") -> TokenManager:
        """As after a start of the app: it knows nothing but what is stored."""
        issuer = Issuer(self.http, self.settings, self.clock)
        return TokenManager(issuer, self.store, self.clock, sub)

    async def assign(self, person: str, *roles: str) -> None:
        """Assign roles, as an administrator of the tenant does."""
        address = f"{self.settings.issuer}stand-in/people/{person}/roles"
        assert (await self.http.put(address, json=list(roles))).status_code == 200

    async def knows(self, access_token: str) -> bool:
        """Whether the issuer takes the token."""
        headers = {"Authorization": f"Bearer {access_token}"}
        address = f"{self.settings.issuer}userinfo"
        return (await self.http.get(address, headers=headers)).status_code == 200


@pytest.fixture
def phone(
    http: httpx.AsyncClient, stand_in: str, token_store: MemoryTokenStore, app_clock: AppClock
) -> Phone:
    settings = AppSettings(api=f"http://{urlsplit(stand_in).netloc}", issuer=stand_in)
    return Phone(http, settings, token_store, app_clock)


@pytest.fixture
async def ada(entries: Service) -> Caller:
    caller = entries.caller("ada", ADMINISTRATOR)
    for code in ("APOLLO", "ZEUS"):
        body = {"name": code.title(), "customer": "Big Company"}
        assert (await caller.post(f"/v1/projects/{code}", body)).status == 201
    return caller


@pytest.fixture
def erin(entries: Service) -> Caller:
    """The person herself, from another device."""
    return entries.caller("erin")


@pytest.fixture
async def device(
    tmp_path: Path,
    app_clock: AppClock,
    http: httpx.AsyncClient,
    network: Network,
    entries: Service,
    issuer: TokenIssuer,
    ada: Caller,  # noqa: ARG001 - her projects are there before the first pull
) -> AsyncIterator[Device]:
    network.not_deployed = ("/v1/profile", "/v1/approvals")
    token = issuer.token(sub="auth0|erin", scope=PERSON)
    api = api_of(http, entries.url, token)
    made = Device(Database(tmp_path / "app" / "erin.db", "auth0|erin"), app_clock, api)
    await made.engine().sync()
    yield made
    made.database.close()


@pytest.fixture
async def app(database: Database, app_clock: AppClock, http: httpx.AsyncClient) -> OfflineApp:
    device = Device(database, app_clock, api_of(http, "http://127.0.0.1:1", "token"))
    device.store.replace_projects(PROJECTS)
    phone = Phone(http, AppSettings(), MemoryTokenStore(), app_clock)
    tokens: TokenManager = phone.manager()
    workspace = Workspace(
        database, device.store, device.outbox, device.timesheet, tokens, device.engine()
    )
    made = OfflineApp(workspace, device, app_clock)
    made.allow(Scope.READ_TIMESHEETS, Scope.CREATE_TIMESHEETS, Scope.DELETE_TIMESHEETS)
    return made
