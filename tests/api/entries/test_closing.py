"""Closing a period and ending a project while a long transaction writes entries."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

import asyncpg
import pytest

from tests.api.entries.conftest import Week, draft
from tests.api.entries.halfway import holding_week
from tests.support.client import Caller, Reply, Service

TRIED = """
    SELECT pid FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
      AND query LIKE '%pg_advisory_xact_lock($1)%' AND wait_event_type = 'Lock'
"""


async def close_period(ada: Caller) -> Reply:
    return await ada.put("/v1/period", {"closed_through": "2026-11-01", "reason": "payroll"})


async def end_project(ada: Caller) -> Reply:
    return await ada.patch("/v1/projects/ZEUS", {"active": False})


@pytest.mark.parametrize("change", [close_period, end_project])
async def test_readers_and_writers_go_on_while_a_change_of_the_rules_waits_for_a_batch(
    entries: Service,
    ada: Caller,
    entries_database: str,
    change: Callable[[Caller], Coroutine[None, None, Reply]],
) -> None:
    watcher = await asyncpg.connect(entries_database)
    people = [entries.caller(f"person{number}") for number in range(15)]
    async with holding_week(entries_database):
        changing = asyncio.create_task(change(ada))
        async with asyncio.timeout(10):
            while await watcher.fetchval(TRIED) is None:
                await asyncio.sleep(0)
        written = await asyncio.gather(
            *(person.post("/v1/entries", draft(minutes=30)) for person in people)
        )
        read = await asyncio.gather(
            *(person.get(f"/v1/timesheets/{Week.THIS}") for person in people)
        )
        assert not changing.done()
    await watcher.close()
    assert {reply.status for reply in written} == {201}
    assert {reply.json["total_minutes"] for reply in read} == {30}
    assert (await changing).status == 200
