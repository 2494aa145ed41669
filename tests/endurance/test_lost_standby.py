"""PostgreSQL waits for a standby that is gone: commits hang, reads go on."""

from __future__ import annotations

import asyncio
import time
from uuid import uuid4

import asyncpg
import pytest

from dev.postgres import PostgresServer
from tests.support.client import Caller
from tests.support.fleet import Fleet

LOST_SECONDS = 40.0
WRITERS = 20
# A commit waits for as long as a statement may take; the answer comes soon after.
LONGEST_WRITE = 20.0
READS = ("/v1/entries", "/v1/timesheets/2026-W06", "/v1/entries/rules")

pytestmark = [pytest.mark.endurance, pytest.mark.timeout(300)]


async def lose_standby(server: PostgresServer, name: str) -> None:
    """Every commit waits for the standby `name`, or for none if it is empty."""
    connection = await asyncpg.connect(server.url("postgres"))
    try:
        # Its own configuration is not committed: ALTER SYSTEM does not wait for a standby.
        await connection.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{name}'")
        await connection.execute("SELECT pg_reload_conf()")
    finally:
        await connection.close()


async def read_until(caller: Caller, end: float) -> list[tuple[int, float]]:
    answers = []
    while time.monotonic() < end:
        for path in READS:
            began = time.monotonic()
            reply = await caller.get(path)
            answers.append((reply.status, time.monotonic() - began))
        await asyncio.sleep(0.05)
    return answers


async def write_until(caller: Caller, end: float) -> list[tuple[int, float]]:
    answers = []
    while time.monotonic() < end:
        began = time.monotonic()
        entry = {"date": "2026-02-02", "project": "APOLLO", "minutes": 1}
        reply = await caller.put(f"/v1/entries/{uuid4()}", entry)
        answers.append((reply.status, time.monotonic() - began))
        await asyncio.sleep(0.05)
    return answers


async def test_reads_go_on_and_writes_are_answered_while_commits_wait_for_a_lost_standby(
    fleet: Fleet, server: PostgresServer
) -> None:
    erin = fleet.caller("entries", "erin")
    # Known to all services before: a person is saved at the first request.
    for path in READS:
        assert (await erin.get(path)).status == 200
    await lose_standby(server, "gone")
    end = time.monotonic() + LOST_SECONDS
    try:
        tasks = [read_until(erin, end) for _ in range(4)]
        writing = [write_until(erin, end) for _ in range(WRITERS)]
        results = await asyncio.gather(*tasks, *writing)
    finally:
        await lose_standby(server, "")
    reads = [answer for each in results[:4] for answer in each]
    writes = [answer for each in results[4:] for answer in each]
    seconds = sorted(taken for _, taken in reads)
    longest = max(taken for _, taken in writes)
    print(f"\n{len(reads)} reads, p99 {seconds[len(seconds) * 99 // 100] * 1000:.0f} ms; ")
    print(f"{len(writes)} writes, longest {longest:.1f} s")
    assert {status for status, _ in reads} == {200}
    assert seconds[len(seconds) * 99 // 100] < 1.0
    assert {status for status, _ in writes} == {503}
    assert longest < LONGEST_WRITE
    body = {"date": "2026-02-03", "project": "APOLLO", "minutes": 1}
    async with asyncio.timeout(10):
        while (await erin.put(f"/v1/entries/{uuid4()}", body)).status != 201:
            await asyncio.sleep(0.1)
