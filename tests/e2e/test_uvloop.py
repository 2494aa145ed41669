"""The event loop of the deployed services and portal."""

from __future__ import annotations

import asyncio
import base64
import signal
import sys
from pathlib import Path

import aiohttp
import pytest

from libs.postgres.migrate import upgrade
from tests.conftest import Databases
from tests.support.client import Caller
from tests.support.issuer import Issuer
from tests.support.processes import copy_of

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no uvloop for Windows")


async def test_a_service_on_uvloop_starts_answers_and_ends(
    databases: Databases, issuer: Issuer, session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    variables = {
        "AUTH_ISSUER": issuer.issuer,
        "AUTH_AUDIENCE": issuer.audience,
        "DATABASE_URL": databases.own("profile"),
        "EVENT_LOOP": "uvloop",
        "SHUTDOWN_DELAY": "0",
    }
    log = tmp_path / "log"
    async with copy_of("services.profile", variables, log) as copy:
        assert has_loaded_uvloop(copy.process.pid)
        erin = Caller(session, copy.url, issuer.token(sub="auth0|erin"))
        assert (await erin.get("/v1/profile")).status == 200
        assert (await erin.get("/v1/nothing")).status == 404
        copy.signal(signal.SIGTERM)
        assert await copy.exit_code() == 0
    assert "Traceback" not in log.read_text()


async def test_the_portal_on_uvloop_starts_sends_to_the_sign_in_and_ends(
    databases: Databases, issuer: Issuer, session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    database = databases.empty()
    await asyncio.to_thread(upgrade, "portal", database)
    variables = {
        "AUTH_ISSUER": issuer.issuer,
        "AUTH_AUDIENCE": issuer.audience,
        "AUTH_CLIENT_ID": "portal",
        "AUTH_CLIENT_SECRET": "portal-secret",
        "DATABASE_URL": database,
        "PORTAL_URL": "http://localhost:8080",
        "API_URL": "http://localhost:8080",
        "SESSION_KEYS": base64.urlsafe_b64encode(bytes(32)).decode(),
        "EVENT_LOOP": "uvloop",
        "SHUTDOWN_DELAY": "0",
    }
    log = tmp_path / "log"
    async with copy_of("portal", variables, log) as copy:
        assert has_loaded_uvloop(copy.process.pid)
        async with session.get(f"{copy.url}/week", allow_redirects=False) as response:
            assert response.status == 303
        copy.signal(signal.SIGTERM)
        assert await copy.exit_code() == 0
    assert "Traceback" not in log.read_text()


def has_loaded_uvloop(process: int) -> bool:
    """True too where the system does not tell, as on macOS."""
    maps = Path(f"/proc/{process}/maps")
    return not maps.exists() or "uvloop" in maps.read_text()
