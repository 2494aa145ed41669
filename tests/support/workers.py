"""People who work one week after the other, and what must be stored when they are done."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import aiohttp

from tests.support.client import Caller, Reply
from tests.support.fleet import Fleet

# Long ago: a quick machine works hundreds of weeks, and one that has not begun is not submitted.
FIRST_MONDAY = date(1972, 1, 3)
GRACE_SECONDS = 120.0

SUBMISSIONS = "SELECT submission_id, event FROM week_history ORDER BY number"
APPROVALS = "SELECT id, state FROM approvals"
APPROVED = "SELECT submission_id FROM weeks WHERE state = 'approved'"
ASIDE = "SELECT source, type, reason FROM feed_set_aside"
TWICE = "SELECT subject, type FROM events GROUP BY subject, type HAVING count(*) > 1"
SHOWN = {
    "submitted": "pending",
    "withdrawn": "withdrawn",
    "approved": "approved",
    "rejected": "rejected",
}


def week_of(number: int) -> tuple[str, str]:
    """The name and the Monday of the week so many after the first."""
    monday = FIRST_MONDAY + timedelta(weeks=number)
    year, week, _ = monday.isocalendar()
    return f"{year}-W{week:02}", monday.isoformat()


async def until_answered(caller: Caller, method: str, path: str, body: Any = None) -> Reply:
    """Send it, as often as it takes; every request here may be sent twice."""
    async with asyncio.timeout(GRACE_SECONDS):
        while True:
            try:
                reply = await caller.request(method, path, json=body)
            except (aiohttp.ClientError, OSError):
                await asyncio.sleep(0.05)
                continue
            if reply.status != 503:
                return reply
            await asyncio.sleep(0.05)


class Worker:
    """Somebody who logs and submits one week after the other and is approved by Ada."""

    def __init__(self, fleet: Fleet, person: str) -> None:
        self._entries = fleet.caller("entries", person)
        self._approvals = fleet.administrator("approvals")
        self._person = person
        self.logged: set[UUID] = set()
        self.weeks: dict[str, str] = {}

    async def work(self, done: asyncio.Event) -> None:
        """Work one week after the other until `done` is set."""
        number = 0
        while not done.is_set():
            await self._work_a_week(number)
            number += 1

    async def _work_a_week(self, number: int) -> None:
        week, monday = week_of(number)
        entry = uuid4()
        body = {"date": monday, "project": "APOLLO", "minutes": 480}
        reply = await until_answered(self._entries, "PUT", f"/v1/entries/{entry}", body)
        assert reply.status in (200, 201), reply.json
        self.logged.add(entry)
        submission = await self._step(week, "submit")
        if number % 3 == 0:
            await self._step(week, "withdraw")
            submission = await self._step(week, "submit")
        await self._approve(submission)
        self.weeks[week] = submission

    async def _step(self, week: str, step: str) -> str:
        """A step of which nobody knows whether it took effect shows in the week."""
        path = f"/v1/timesheets/{week}"
        reply = await until_answered(self._entries, "POST", f"{path}/{step}")
        if reply.status == 409:
            reply = await until_answered(self._entries, "GET", path)
            assert reply.json["state"] == ("submitted" if step == "submit" else "open")
        submission: str = reply.json["submission_id"]
        return submission

    async def _approve(self, submission: str) -> None:
        path = f"/v1/approvals/{submission}"
        async with asyncio.timeout(GRACE_SECONDS):
            while (await until_answered(self._approvals, "GET", path)).status == 404:
                await asyncio.sleep(0.02)
        decision = {"decision": "approve"}
        reply = await until_answered(self._approvals, "PUT", f"{path}/decision", decision)
        assert reply.status == 200, reply.json


@asynccontextmanager
async def working(fleet: Fleet, count: int = 6) -> AsyncIterator[Sequence[Worker]]:
    """They work until the block ends, and then nothing may be missing or double."""
    workers = [Worker(fleet, f"p{number}") for number in range(count)]
    done = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        for worker in workers:
            tasks.create_task(worker.work(done))
        yield workers
        done.set()
    await fleet.connect()
    await fleet.drained()
    await check_nothing_is_missing_or_double(fleet, workers)
    weeks = sum(len(worker.weeks) for worker in workers)
    print(f"\n{weeks} weeks submitted and approved, none lost, none double")


async def check_nothing_is_missing_or_double(fleet: Fleet, workers: list[Worker]) -> None:
    """Compare what the workers were promised with what the services have stored."""
    stored = [row[0] for row in await fleet.rows("entries", "SELECT id FROM entries")]
    assert sorted(stored) == sorted(set().union(*(worker.logged for worker in workers)))
    approved = {str(row[0]) for row in await fleet.rows("entries", APPROVED)}
    assert approved == {sub for worker in workers for sub in worker.weeks.values()}
    last = {row[0]: row[1] for row in await fleet.rows("entries", SUBMISSIONS)}
    shown = {row[0]: row[1] for row in await fleet.rows("approvals", APPROVALS)}
    assert shown == {submission: SHOWN[step] for submission, step in last.items()}
    for service in ("entries", "approvals"):
        assert await fleet.rows(service, TWICE) == []
        assert await fleet.rows(service, ASIDE) == []
