"""Signing in against an OpenID provider that is certified and that nobody here wrote."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import httpx
import pytest

from mobile.core.clock import Clock
from mobile.core.issuer import GrantRefused, Issuer
from mobile.core.network import SignedOut
from mobile.core.settings import PRIVATE_REDIRECT, REQUESTED_SCOPES, AppSettings
from mobile.core.signin import SignIn, SignInFailed
from mobile.core.tokens import StoredSession, TokenManager
from tests.mobile.support import MemoryTokenStore

FOLDER = Path(__file__).parent / "certified"
# A port of this machine that is not registered: a native app may use any (RFC 8252 7.3).
LOOPBACK = "http://127.0.0.1:49152/callback"
SIGNED_OUT = "http://127.0.0.1/signed-out"
SUB = "auth0|erin"

pytestmark = [
    pytest.mark.oidc,
    pytest.mark.skipif(
        not (FOLDER / "node_modules").exists() or shutil.which("node") is None,
        reason="needs Node.js and npm: make test-oidc",
    ),
]


@pytest.fixture
async def provider() -> AsyncIterator[str]:
    """Its address."""
    environment = {
        "CLIENT_ID": AppSettings().client_id,
        "SCOPES": REQUESTED_SCOPES,
        "REDIRECT_URIS": f"http://127.0.0.1/callback {PRIVATE_REDIRECT}",
        "SIGNED_OUT": SIGNED_OUT,
    }
    process = await asyncio.create_subprocess_exec(
        "node",
        "issuer.js",
        cwd=FOLDER,
        env=os.environ | environment,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    async with asyncio.timeout(30):
        address = (await process.stdout.readline()).decode().strip()
    yield address
    process.stdin.close()
    await process.wait()


@dataclass
class Browser:
    """A person at the provider's own pages."""

    http: httpx.AsyncClient

    async def sign_in(self, address: str, login: str = SUB) -> str:
        """The address that the app gets back, once the person said who they are and agreed."""
        while True:
            answer = await self.http.get(address)
            if answer.is_redirect:
                address = urljoin(address, answer.headers["Location"])
                if self._is_back(address):
                    return address
                continue
            prompt = re.search(r'name="prompt" value="(\w+)"', answer.text)
            action = re.search(r'<form[^>]* action="([^"]+)"', answer.text)
            assert prompt is not None, answer.text
            assert action is not None
            form = {"prompt": prompt[1], "login": login, "password": "any"}
            sent = await self.http.post(urljoin(address, action[1]), data=form)
            address = urljoin(address, sent.headers["Location"])

    def _is_back(self, address: str) -> bool:
        return address.startswith((LOOPBACK, PRIVATE_REDIRECT))


@dataclass
class Device:
    """The app's own classes, as `mobile.core.session` puts them together."""

    http: httpx.AsyncClient
    settings: AppSettings
    browser: Browser
    store: MemoryTokenStore = field(default_factory=MemoryTokenStore)
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        self.issuer = Issuer(self.http, self.settings, self.clock)
        self.signing_in = SignIn(self.issuer, self.settings, self.store, self.clock)

    async def callback(self, redirect_uri: str = LOOPBACK) -> str:
        return await self.browser.sign_in(await self.signing_in.begin(redirect_uri))

    def manager(self) -> TokenManager:
        return TokenManager(self.issuer, self.store, self.clock, SUB)

    @property
    def refresh_token(self) -> str:
        session = StoredSession.from_text(self.store.secrets["session"])
        assert session is not None
        return session.refresh_token

    async def knows(self, access_token: str) -> bool:
        found = await self.http.get(f"{self.settings.issuer}.well-known/openid-configuration")
        headers = {"Authorization": f"Bearer {access_token}"}
        answer = await self.http.get(found.json()["userinfo_endpoint"], headers=headers)
        return answer.status_code == 200


@pytest.fixture
async def device(provider: str, http: httpx.AsyncClient) -> AsyncIterator[Device]:
    async with httpx.AsyncClient() as person:
        settings = AppSettings(api=provider.rstrip("/"), issuer=provider)
        yield Device(http, settings, Browser(person))


@pytest.mark.parametrize("redirect_uri", [LOOPBACK, PRIVATE_REDIRECT])
async def test_signing_in_returns_the_identity(device: Device, redirect_uri: str) -> None:
    signed_in = await device.signing_in.complete(await device.callback(redirect_uri))

    assert signed_in.identity.sub == SUB
    assert signed_in.identity.name == "Erin Employee"
    assert signed_in.identity.email == "erin@exampleco.com"
    assert signed_in.grant.scopes is not None
    assert "create:timesheets" in signed_in.grant.scopes
    assert set(device.store.secrets) == {"session"}
    assert await device.knows(signed_in.grant.access_token)


async def test_the_provider_takes_the_code_with_its_own_verifier_only(device: Device) -> None:
    callback = await device.callback()
    pending = device.store.secrets["pending"]
    device.store.secrets["pending"] = pending.replace('"verifier": "', '"verifier": "x')

    with pytest.raises(SignInFailed, match="expired"):
        await device.signing_in.complete(callback)


async def test_an_id_token_for_another_sign_in_is_refused(device: Device) -> None:
    callback = await device.callback()
    pending = device.store.secrets["pending"]
    device.store.secrets["pending"] = pending.replace('"nonce": "', '"nonce": "x')

    with pytest.raises(SignInFailed, match="identity"):
        await device.signing_in.complete(callback)
    assert device.store.secrets == {}


async def test_an_id_token_of_another_key_is_refused(device: Device) -> None:
    callback = await device.callback()
    [key] = await device.issuer.read_keys()
    device.issuer._keys = [{**key, "n": key["n"][:-4] + "AAAA"}]

    with pytest.raises(SignInFailed, match="identity"):
        await device.signing_in.complete(callback)


async def test_a_renewal_rotates_the_refresh_token_and_updates_the_identity(
    device: Device,
) -> None:
    await device.signing_in.complete(await device.callback())
    names: list[str | None] = []
    seen = {device.refresh_token}
    for _ in range(3):
        manager = device.manager()
        manager.on_renewed = lambda renewal: names.append(
            renewal.identity and renewal.identity.name
        )
        assert await device.knows(await manager.access_token())
        seen.add(device.refresh_token)

    assert len(seen) == 4
    assert names == ["Erin Employee"] * 3


async def test_fifty_calls_at_once_make_one_renewal(device: Device) -> None:
    await device.signing_in.complete(await device.callback())
    manager = device.manager()

    tokens = await asyncio.gather(*(manager.access_token() for _ in range(50)))

    assert len(set(tokens)) == 1
    assert device.store.saved.count("session") == 2  # the sign-in and one renewal


async def test_a_refresh_token_used_twice_ends_the_sign_in(device: Device) -> None:
    await device.signing_in.complete(await device.callback())
    stolen = device.refresh_token
    manager = device.manager()
    await manager.access_token()

    with pytest.raises(GrantRefused):
        await device.issuer.refresh(stolen)
    with pytest.raises(SignedOut):
        await device.manager().access_token()
    assert "session" not in device.store.secrets


async def test_signing_out_revokes_and_ends_the_browsers_session(device: Device) -> None:
    signed_in = await device.signing_in.complete(await device.callback())
    await device.issuer.revoke(device.refresh_token)

    with pytest.raises(SignedOut):
        await device.manager().access_token()
    assert not await device.knows(signed_in.grant.access_token)

    address = await device.issuer.sign_out_address(SIGNED_OUT)
    page = await device.browser.http.get(address)
    assert page.status_code == 200
    assert urlsplit(address).path == "/session/end"


async def test_a_code_is_good_once(device: Device) -> None:
    callback = await device.callback()
    pending = device.store.secrets["pending"]
    first = await device.signing_in.complete(callback)
    device.store.secrets["pending"] = pending

    with pytest.raises(SignInFailed, match="expired"):
        await device.signing_in.complete(callback)
    assert not await device.knows(first.grant.access_token)
