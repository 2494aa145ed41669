"""The optional event loop, where it is installed."""

from __future__ import annotations

import signal
from pathlib import Path

import aiohttp
import pytest

from tests.conftest import Databases
from tests.support.client import Caller
from tests.support.issuer import Issuer
from tests.support.processes import copy_of


async def test_a_service_on_uvloop_starts_answers_and_ends(
    databases: Databases, issuer: Issuer, session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    pytest.importorskip("uvloop", reason="uvloop is not installed (make peers)")
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


def has_loaded_uvloop(process: int) -> bool:
    """True too where the system does not tell, as on macOS."""
    maps = Path(f"/proc/{process}/maps")
    return not maps.exists() or "uvloop" in maps.read_text()
