"""`make app` against `make run`: a person signs in, logs an entry, submits; a manager approves."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import aiohttp
import pytest

from dev.sample_data import PEOPLE
from dev.signin import sign_in
from tests.mobile.offscreen import ROOT, run_offscreen, what_is_missing
from tests.support.stack import call, started

NOTE = "lunch with the auditors"
BROWSER = ROOT / "tests" / "e2e" / "browser.py"

pytestmark = [pytest.mark.endurance, pytest.mark.timeout(300)]


@pytest.mark.filterwarnings("default")
async def test_the_app_from_signing_in_to_the_approved_week(tmp_path: Path) -> None:
    if missing := what_is_missing():
        pytest.skip(missing)
    who, data = tmp_path / "who", tmp_path / "app"
    data.mkdir()
    (data / "preferences.json").write_text('{"language": "en"}', "utf-8")
    with started(tmp_path / "stack") as stack:
        addresses = stack.addresses
        result, log = run_offscreen(
            "tests.mobile.journey",
            tmp_path / "kivy",
            TIMESHEETS_API=addresses.gateway.rstrip("/"),
            AUTH_ISSUER=addresses.issuer,
            TIMESHEETS_DATA=str(data),
            PYTHON_KEYRING_BACKEND="keyring.backends.null.Keyring",
            BROWSER=f"{sys.executable} {BROWSER} {who} %s",
            WHO=str(who),
            NOTE=NOTE,
        )
        [erin] = [each for each in PEOPLE if each.key == "erin"]
        async with aiohttp.ClientSession() as session:
            token = await sign_in(session, addresses.issuer, erin)
            address = f"{addresses.gateway.rstrip('/')}/v1/timesheets/{result['week']}"
            week = await call(session, token, "GET", address)
            async with asyncio.timeout(30):  # entries has yet to hear of the decision
                while week["state"] != "approved":
                    await asyncio.sleep(0.05)
                    week = await call(session, token, "GET", address)

    assert [each["minutes"] for each in week["entries"] if each["note"] == NOTE] == [15]
    assert [step["event"] for step in week["history"]][-2:] == ["submitted", "approved"]
    # Erin signed out: nothing of hers is left on the device.
    assert len(list((data / "people").glob("*.db"))) == 1
    kept = json.loads((data / "tokens.json").read_text())
    tokens = json.loads(kept["session"])["refresh_token"], "eyJ", "Bearer", "code=", "state="
    assert "waiting for the browser" in log
    for secret in (*tokens, NOTE, "@exampleco.com", "auth0|"):
        assert secret not in log, secret
