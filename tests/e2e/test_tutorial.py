"""The commands of docs/tutorial.md, against the running stack."""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest

from libs.rules.calendar import Week
from tests.support.guide import blocks_of, run
from tests.support.stack import ROOT, Running, sign_in

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="starts the stack as Linux does"),
]


async def test_the_commands_of_the_tutorial_do_what_it_says(stack: Running) -> None:
    addresses = stack.addresses
    async with aiohttp.ClientSession() as session:
        tokens = {
            person: (await sign_in(session, addresses.issuer, person))["access_token"]
            for person in ("erin", "maya")
        }
        script = "".join(block.text for block in blocks_of("tutorial.md") if block.is_run)
        script = script.replace("http://127.0.0.1:8000", addresses.gateway)
        for person, token in tokens.items():
            script = script.replace(f"$(make -s token AS={person})", token)
        environ = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        code, out, err = await run(script, ROOT, environ)

        assert code == 0, (out, err)
        assert '"minutes":90' in out
        assert '"state":"submitted"' in out
        assert '"lock_reason":"submitted"' in out
        assert '"state":"approved"' in out
        await reopen(session, addresses.gateway, tokens["maya"])


async def reopen(session: aiohttp.ClientSession, gateway: str, token: str) -> None:
    """Open the week again: others use the stack. The approval arrives by the feed."""
    week = Week.of(datetime.now(UTC).date())
    body = {"person": "auth0|erin", "reason": "end of the tutorial"}
    async with asyncio.timeout(10):
        while True:
            headers = {"Authorization": f"Bearer {token}"}
            address = f"{gateway}/v1/timesheets/{week}/reopen"
            async with session.post(address, json=body, headers=headers) as response:
                if response.status == 200:
                    return
            await asyncio.sleep(0.05)
