"""Each service in turn is replaced while people work: no request fails and no event is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from tests.support.fleet import NAMES
from tests.support.issuer import Issuer
from tests.support.rolling import RollingFleet
from tests.support.workers import working

pytestmark = [pytest.mark.deploy, pytest.mark.timeout(300)]

PROJECT = {"name": "Apollo", "customer": "Big Company"}
NAMED = "SELECT person, name FROM people WHERE person LIKE 'auth0|named%' ORDER BY person"


@pytest.fixture
async def fleet(
    urls: dict[str, str], issuer: Issuer, session: aiohttp.ClientSession, tmp_path: Path
) -> AsyncIterator[RollingFleet]:
    made = RollingFleet(urls, issuer, session, tmp_path)
    try:
        await made.start()
        added = await made.administrator("entries").post("/v1/projects/APOLLO", PROJECT)
        assert added.status == 201
        yield made
    finally:
        await made.stop()


async def rename(fleet: RollingFleet, person: str, done: asyncio.Event) -> str:
    """Somebody gets one name after the other; the last one stays."""
    ada, number = fleet.administrator("profile"), 0
    while not done.is_set():
        number += 1
        reply = await ada.put(f"/v1/people/{person}", {"name": f"Name {number}"})
        assert reply.status in (200, 201), reply.json
        await asyncio.sleep(0.05)
    return f"Name {number}"


@pytest.mark.parametrize("service", NAMES)
async def test_replacing_a_service_under_load_fails_no_request_and_loses_no_event(
    fleet: RollingFleet, service: str
) -> None:
    done = asyncio.Event()
    async with working(fleet), asyncio.TaskGroup() as tasks:
        named = {
            person: tasks.create_task(rename(fleet, person, done))
            for person in ("auth0|named1", "auth0|named2")
        }
        await asyncio.sleep(1)
        await fleet.replace_both(service)
        await asyncio.sleep(1)
        done.set()
    assert fleet.failures == []
    last = [(person, task.result()) for person, task in named.items()]
    for name in NAMES:
        assert [tuple(row) for row in await fleet.rows(name, NAMED)] == last
    print(f"{service} replaced twice: {len(fleet.answered)} requests, none failed")
