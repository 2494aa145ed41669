"""The commands of docs/tutorial.md, against a stack of its own."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import aiohttp
import pytest

from tests.support.guide import blocks_of, run
from tests.support.stack import ROOT, sign_in, started

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="starts the stack as Linux does")


async def test_the_commands_of_the_tutorial_do_what_it_says(tmp_path: Path) -> None:
    with started(tmp_path / "stack") as running:
        addresses = running.addresses
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
        assert running.stop() == 0

    assert code == 0, (out, err)
    assert '"minutes":90' in out
    assert '"state":"submitted"' in out
    assert '"lock_reason":"submitted"' in out
    assert '"state":"approved"' in out
