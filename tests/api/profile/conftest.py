"""The service and the callers that the tests of profile begin with."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from services.profile.app import create_app
from tests.conftest import Databases, service_settings, serving
from tests.support.client import ADMINISTRATOR, MANAGER, Caller, Reply, Service
from tests.support.clock import StandingClock
from tests.support.connections import connected
from tests.support.issuer import LIFETIME, PERSON, Issuer

TODAY = "2026-11-23"
DELEGATE = "/v1/profile/delegate"


def address(key: str) -> str:
    return f"/v1/people/auth0%7C{key}"


def draft(key: str, **fields: Any) -> dict[str, Any]:
    return {"name": f"{key.title()} Example", "email": f"{key}@exampleco.com", **fields}


def delegation(key: str, since: str = TODAY, until: str = "2026-12-24") -> dict[str, str]:
    return {"person": f"auth0|{key}", "from": since, "to": until}


async def put(caller: Caller, key: str, **fields: Any) -> Reply:
    reply = await caller.put(address(key), draft(key, **fields))
    assert reply.status in (200, 201), reply.json
    return reply


async def events(url: str) -> list[tuple[str, str, dict[str, Any]]]:
    """(type, subject, data) of all that was published, in order."""
    async with connected(url) as connection:
        rows = await connection.fetch("SELECT type, subject, data FROM events ORDER BY sequence")
    return [(row["type"], row["subject"], json.loads(row["data"])) for row in rows]


class Tenant:
    """Signs people in, with the claims that the tenant's action adds."""

    def __init__(self, service: Service, issuer: Issuer) -> None:
        self._service = service
        self._issuer = issuer
        # In the past, so that later tokens are not issued in the future.
        self._issued_at = int(time.time()) - LIFETIME // 2

    def sign_in(self, key: str, scope: str = PERSON, *, later: int = 0, **claims: Any) -> Caller:
        """`later` is in seconds: of two tokens the later one is the newer."""
        issued_at = self._issued_at + later
        token = self._issuer.token(
            sub=f"auth0|{key}", scope=scope, iat=issued_at, exp=issued_at + LIFETIME, **claims
        )
        return self._service.bearer(token)

    def machine(self, client_id: str, scope: str) -> Caller:
        return self._service.bearer(self._issuer.machine_token(client_id, scope))


@pytest.fixture
def profile_database(databases: Databases) -> str:
    return databases.shared("profile")


@pytest.fixture
async def profile(
    profile_database: str, issuer: Issuer, session: aiohttp.ClientSession, clock: StandingClock
) -> AsyncIterator[Service]:
    """The profile service, over a database of its own."""
    settings = service_settings("profile", issuer, profile_database)
    async with serving(create_app(settings), settings, issuer, session, clock) as service:
        yield service


@pytest.fixture
def tenant(profile: Service, issuer: Issuer) -> Tenant:
    return Tenant(profile, issuer)


@pytest.fixture
def ada(profile: Service) -> Caller:
    """The administrator, whom the directory does not have."""
    return profile.caller("ada", ADMINISTRATOR)


@pytest.fixture
async def maya(profile: Service, ada: Caller) -> Caller:
    """A manager, in the directory like Erin, who reports to her."""
    await put(ada, "maya")
    return profile.caller("maya", MANAGER)


@pytest.fixture
async def erin(profile: Service, ada: Caller, maya: Caller) -> Caller:  # noqa: ARG001 - Maya first
    await put(ada, "erin", manager="auth0|maya")
    return profile.caller("erin")
