"""A process killed under load at any moment: accepted writes are neither lost nor doubled."""

from __future__ import annotations

import asyncio
import os
import random
import signal

import pytest

from dev.postgres import PostgresServer
from tests.support.fleet import NAMES, Fleet
from tests.support.workers import working

LONG = [pytest.mark.endurance, pytest.mark.timeout(1800)]
TIMES = (pytest.param(3, marks=pytest.mark.slow), pytest.param(50, marks=LONG))


@pytest.mark.parametrize("times", TIMES)
@pytest.mark.parametrize("name", NAMES)
async def test_a_service_that_is_killed_again_and_again_loses_nothing_and_doubles_nothing(
    fleet: Fleet, name: str, times: int
) -> None:
    moments = random.Random(name)
    async with working(fleet):
        for _ in range(times):
            await asyncio.sleep(moments.uniform(0.3, 1.2))
            await fleet.kill(name)
            await fleet.start_one(name)


@pytest.mark.parametrize("times", TIMES)
async def test_a_database_that_is_killed_again_and_again_loses_nothing_and_doubles_nothing(
    fleet: Fleet, server: PostgresServer, times: int
) -> None:
    moments = random.Random("database")
    async with working(fleet):
        for _ in range(times):
            # Long enough for the followers to come back: a load that stands still shows nothing.
            await asyncio.sleep(moments.uniform(2, 4))
            assert server.process is not None
            os.kill(server.process.pid, signal.SIGKILL)
            await asyncio.sleep(moments.uniform(0, 0.3))
            server.stop()
            server.start()
