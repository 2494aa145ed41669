"""A dependency is down, full or wrong about the time: the services say so at once, nothing
accepted is lost, and they recover by themselves."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import aiohttp
import asyncpg
import pytest

from dev.postgres import PostgresServer
from tests.support.client import Caller
from tests.support.fleet import NAMES, Fleet
from tests.support.issuer import Issuer
from tests.support.workers import working

AWAY_SECONDS = float(os.environ.get("AWAY_SECONDS", "60"))
RECOVERY_SECONDS = 2.0
AT_ONCE = 1.0
"""Between processes that share two processors; what is meant is: not after a time-out."""
ARRIVALS, ARRIVALS_A_SECOND = 500, 100
LISTS = {"entries": "/v1/entries", "approvals": "/v1/approvals", "profile": "/v1/profile"}

pytestmark = [pytest.mark.endurance, pytest.mark.timeout(900)]


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    retry_after: str | None
    seconds: float


async def ask(caller: Caller, method: str, path: str, json: object = None) -> Answer:
    began = time.monotonic()
    reply = await caller.request(method, path, json=json)
    return Answer(reply.status, reply.headers.get("Retry-After"), time.monotonic() - began)


def new_entry(day: str = "2026-02-02") -> tuple[str, dict[str, object]]:
    return f"/v1/entries/{uuid4()}", {"date": day, "project": "APOLLO", "minutes": 1}


async def ask_everybody(fleet: Fleet) -> list[Answer]:
    """Each service for a list, and one to write."""
    answers = [await ask(fleet.administrator(name), "GET", LISTS[name]) for name in NAMES]
    return [*answers, await ask(fleet.caller("entries", "erin"), "PUT", *new_entry())]


def check_turned_away(answers: list[Answer]) -> None:
    """Each got 503 with Retry-After, without waiting."""
    assert answers
    assert {answer.status for answer in answers} == {503}
    assert all(answer.retry_after for answer in answers)
    slowest = sorted(answer.seconds for answer in answers)
    assert slowest[len(slowest) * 99 // 100] < AT_ONCE
    middle, last = slowest[len(slowest) // 2], slowest[-1]
    print(f"\n{len(answers)} turned away: median {middle * 1000:.1f} ms, longest {last:.2f} s")


async def until_all_answer(fleet: Fleet) -> float:
    """The seconds until each of the three lists again."""
    began = time.monotonic()
    for name in NAMES:
        caller = fleet.administrator(name)
        while (await ask(caller, "GET", LISTS[name])).status != 200:
            await asyncio.sleep(0.02)
    return time.monotonic() - began


async def test_without_the_database_requests_fail_fast_until_it_is_back(
    fleet: Fleet, server: PostgresServer
) -> None:
    async with working(fleet):
        await asyncio.sleep(2)
        server.stop()
        # Requests under way at the outage fail too, but are not timed here.
        await asyncio.gather(
            *(ask(fleet.administrator(name), "GET", LISTS[name]) for name in NAMES)
        )
        end, answers = time.monotonic() + AWAY_SECONDS, list[Answer]()
        while time.monotonic() < end:
            for name in NAMES:
                answers.append(await ask(fleet.administrator(name), "GET", LISTS[name]))
            answers.append(await ask(fleet.caller("entries", "erin"), "PUT", *new_entry()))
            await asyncio.sleep(0.05)
        server.start()
        recovered = await until_all_answer(fleet)
    check_turned_away(answers)
    print(f"all three answer {recovered:.2f} s after it was back")
    assert recovered < RECOVERY_SECONDS


@pytest.mark.slow
async def test_a_pool_that_slow_statements_use_up_turns_away_and_recovers(fleet: Fleet) -> None:
    """Somebody holds the table, so every statement waits until its time is over. Requests of the
    first second may be a burst and wait for longer; those after them are turned away at once."""
    erin = fleet.caller("entries", "erin")
    ada = fleet.administrator("entries")
    holder = await asyncpg.connect(fleet.databases["entries"])
    writing = [new_entry() for _ in range(ARRIVALS)]
    try:
        transaction = holder.transaction()
        await transaction.start()
        await holder.execute("LOCK TABLE entries IN ACCESS EXCLUSIVE MODE")
        began = time.monotonic()
        asking = []
        for number, entry in enumerate(writing):
            await asyncio.sleep(began + number / ARRIVALS_A_SECOND - time.monotonic())
            asking.append(asyncio.create_task(ask(erin, "PUT", *entry)))
        answers = await asyncio.gather(*asking)
        took = time.monotonic() - began
        await transaction.rollback()
        began = time.monotonic()
        while (await ask(ada, "GET", "/v1/entries")).status != 200:
            await asyncio.sleep(0.02)
        recovered = time.monotonic() - began
    finally:
        await holder.close()
    after_a_while = answers[2 * ARRIVALS_A_SECOND :]
    quick = [answer for answer in after_a_while if answer.seconds < AT_ONCE]
    print(f"\n{len(quick)} of {len(after_a_while)} turned away at once, all within {took:.1f} s")
    assert {answer.status for answer in answers} == {503}
    assert all(answer.retry_after for answer in answers)
    # The others got a connection, and then waited for the table.
    assert len(quick) >= 0.8 * len(after_a_while)
    assert took < ARRIVALS / ARRIVALS_A_SECOND + 5
    assert recovered < RECOVERY_SECONDS
    again = [await ask(erin, "PUT", *entry) for entry in writing]
    assert {answer.status for answer in again} == {201}
    [row] = await fleet.rows("entries", "SELECT count(*) FROM entries")
    assert row[0] == len(writing)


@pytest.fixture(params=[55.0, -55.0], ids=["fast", "slow"])
async def wrong_clock(request: pytest.FixtureRequest) -> AsyncIterator[Issuer]:
    """An issuer that the services disagree with about the time."""
    async with Issuer(clock=lambda: time.time() + float(request.param)) as started:
        yield started


async def test_a_clock_that_is_55_seconds_off_locks_nobody_out(
    urls: dict[str, str],
    wrong_clock: Issuer,
    session: aiohttp.ClientSession,
    tmp_path: Path,
) -> None:
    fleet = Fleet(urls, wrong_clock, session, tmp_path / "fleet.log")
    try:
        await fleet.start()
        project = {"name": "Apollo", "customer": "Big Company"}
        added = await fleet.administrator("entries").post("/v1/projects/APOLLO", project)
        assert added.status == 201
        async with working(fleet) as workers:
            await asyncio.sleep(5)
        assert all(worker.weeks for worker in workers)
    finally:
        await fleet.stop()
