"""Deactivating a person over the running services: out of every route, and in again."""

from __future__ import annotations

import asyncio
import time

import pytest

from libs.auth import Scope
from libs.service.settings import FEED_PREFIXES, ServiceSettings
from tests.support.client import Caller
from tests.support.fleet import NAMES, Fleet
from tests.support.services import SERVICES, Route, routes_of

ALL_SCOPES = " ".join(Scope)
LEAVER = "/v1/people/auth0%7Cleaver"
SETTINGS = {
    "AUTH_ISSUER": "https://x/",
    "AUTH_AUDIENCE": "x",
    "DATABASE_URL": "postgresql://x/x",
}


def routes(service: str) -> list[Route]:
    """Every route that needs a token."""
    app = SERVICES[service](ServiceSettings.read(SETTINGS, service))
    return [route for route in routes_of(app) if not route.access.public]


async def wait_until_all_answer(callers: dict[str, Caller], status: int) -> float:
    """Seconds until a read of every service has this status."""
    began = time.monotonic()
    async with asyncio.timeout(20):
        for name, caller in callers.items():
            while (await caller.get(f"/v1/{FEED_PREFIXES[name]}?limit=1")).status != status:
                await asyncio.sleep(0.05)
    return time.monotonic() - began


@pytest.mark.timeout(120)
async def test_a_deactivated_person_is_out_everywhere_with_a_token_from_before(
    fleet: Fleet,
) -> None:
    token = fleet.issuer.token(sub="auth0|leaver", scope=ALL_SCOPES)
    leaver = {name: fleet.bearer(name, token) for name in NAMES}
    ada = fleet.administrator("profile")
    assert (await ada.put(LEAVER, {"name": "Lea Leaver"})).status == 201
    await wait_until_all_answer(leaver, 200)

    assert (await ada.patch(LEAVER, {"active": False})).status == 200
    seconds = await wait_until_all_answer(leaver, 403)
    print(f"\nout of all services after {seconds:.2f} s")
    admitted = [
        (name, str(route), reply.status)
        for name, caller in leaver.items()
        for route in routes(name)
        if (reply := await caller.request(route.method, route.path, json={})).status != 403
        or not reply.json["type"].endswith("/inactive")
    ]
    assert admitted == []

    assert (await ada.patch(LEAVER, {"active": True})).status == 200
    await wait_until_all_answer(leaver, 200)


@pytest.mark.timeout(120)
async def test_tokens_of_before_a_revocation_are_refused_everywhere_and_new_ones_are_not(
    fleet: Fleet,
) -> None:
    now = int(time.time())
    old = fleet.issuer.token(sub="auth0|leaver", scope=ALL_SCOPES, iat=now - 60)
    new = fleet.issuer.token(sub="auth0|leaver", scope=ALL_SCOPES, iat=now)
    ada = fleet.administrator("profile")
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now - 1))
    assert (await ada.put(LEAVER, {"name": "Lea", "revoked_before": moment})).status == 201
    await wait_until_all_answer({name: fleet.bearer(name, old) for name in NAMES}, 401)
    await wait_until_all_answer({name: fleet.bearer(name, new) for name in NAMES}, 200)
