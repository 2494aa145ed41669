"""The three services together: killed at any moment, one of them away, and how quick they are."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import pytest

from tests.support.client import Caller, Reply
from tests.support.fleet import NAMES, Fleet

FIRST_MONDAY = date(2020, 1, 6)
PATIENCE = 60.0

SUBMISSIONS = "SELECT submission_id, event FROM week_history ORDER BY number"
APPROVALS = "SELECT id, state FROM approvals"
PENDING = "SELECT id FROM approvals WHERE state = 'pending'"
APPROVED = "SELECT submission_id FROM weeks WHERE state = 'approved'"
ASIDE = "SELECT source, type, reason FROM feed_set_aside"
TWICE = "SELECT subject, type FROM events GROUP BY subject, type HAVING count(*) > 1"
SHOWN = {
    "submitted": "pending",
    "withdrawn": "withdrawn",
    "approved": "approved",
    "rejected": "rejected",
}
PUBLISH_SUBMISSIONS = """
    SELECT publish_event('timesheet.submitted', id, now(), NULL, json_build_object(
        'submission_id', id, 'person', 'auth0|' || number % 500,
        'week', to_char(date '2020-01-06' + (number / 500)::integer * 7, 'IYYY"-W"IW'),
        'total_minutes', 480, 'by_day', '{}'::json, 'by_project', '{}'::json,
        'entries', '[]'::json, 'submitted_at', '2026-11-23T12:00:00Z'
    ))
    FROM (SELECT number, gen_random_uuid()::text AS id
          FROM generate_series(1, $1::integer) AS number) AS made
"""


def week_of(number: int) -> tuple[str, str]:
    """The name and the Monday of the week so many after the first."""
    monday = FIRST_MONDAY + timedelta(weeks=number)
    year, week, _ = monday.isocalendar()
    return f"{year}-W{week:02}", monday.isoformat()


async def until_answered(caller: Caller, method: str, path: str, body: Any = None) -> Reply:
    """Send it, as often as it takes; every request here may be sent twice."""
    async with asyncio.timeout(PATIENCE):
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
        async with asyncio.timeout(PATIENCE):
            while (await until_answered(self._approvals, "GET", path)).status == 404:
                await asyncio.sleep(0.02)
        decision = {"decision": "approve"}
        reply = await until_answered(self._approvals, "PUT", f"{path}/decision", decision)
        assert reply.status == 200, reply.json


async def kill_at_random(fleet: Fleet, times: int, moments: random.Random) -> Counter[str]:
    killed: Counter[str] = Counter()
    for number in range(times):
        await asyncio.sleep(moments.uniform(0.05, 0.6))
        name = NAMES[number % len(NAMES)]
        await fleet.kill(name)
        await fleet.start_one(name)
        killed[name] += 1
    return killed


async def check_killed_at_random(fleet: Fleet, times: int) -> None:
    workers = [Worker(fleet, f"p{number}") for number in range(6)]
    done = asyncio.Event()
    working = [asyncio.create_task(worker.work(done)) for worker in workers]
    killed = await kill_at_random(fleet, times, random.Random(2026))
    done.set()
    await asyncio.gather(*working)
    await fleet.drained()
    await check_nothing_is_missing_or_double(fleet, workers)
    weeks = sum(len(worker.weeks) for worker in workers)
    print(f"\nkilled {dict(killed)}; {weeks} weeks submitted and approved, none lost, none double")


async def check_nothing_is_missing_or_double(fleet: Fleet, workers: list[Worker]) -> None:
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


@pytest.mark.timeout(180)
async def test_services_killed_at_any_moment_lose_nothing_and_double_nothing(fleet: Fleet) -> None:
    await check_killed_at_random(fleet, times=4)


@pytest.mark.endurance
@pytest.mark.timeout(1800)
async def test_fifty_kills_lose_nothing_and_double_nothing(fleet: Fleet) -> None:
    await check_killed_at_random(fleet, times=50)


async def check_catching_up(fleet: Fleet, events: int) -> float:
    """Seconds that approvals takes for what happened while it was away."""
    await fleet.kill("approvals")
    erin = fleet.caller("entries", "erin")
    assert (await erin.post("/v1/timesheets/2026-W40/submit")).status == 200
    assert (await fleet.caller("profile", "erin").get("/v1/profile")).status == 200
    await fleet.connections["entries"].execute(PUBLISH_SUBMISSIONS.replace("$1", str(events)))
    await fleet.start_one("approvals")
    began = time.monotonic()
    await fleet.drained(60)
    [row] = await fleet.rows("approvals", f"SELECT count(*) FROM ({PENDING}) AS pending")
    assert row[0] == events + 1
    return time.monotonic() - began


async def test_a_service_that_was_away_catches_up(fleet: Fleet) -> None:
    await check_catching_up(fleet, 500)


@pytest.mark.endurance
@pytest.mark.timeout(300)
async def test_ten_thousand_events_are_caught_up_in_ten_seconds(fleet: Fleet) -> None:
    seconds = await check_catching_up(fleet, 10_000)
    print(f"\n10,000 events in {seconds:.1f} s")
    assert seconds < 10


class Stopwatch:
    """When something was asked for, and when it was first there to be seen."""

    def __init__(self) -> None:
        self.asked: dict[str, float] = {}
        self.seen: dict[str, float] = {}

    async def watch(self, fleet: Fleet, service: str, query: str, done: asyncio.Event) -> None:
        while not done.is_set():
            rows = await fleet.rows(service, query)
            now = time.monotonic()
            for row in rows:
                self.seen.setdefault(str(row[0]), now)
            await asyncio.sleep(0.01)

    @property
    def delays(self) -> list[float]:
        return sorted(self.seen[key] - asked for key, asked in self.asked.items())

    def told(self) -> str:
        delays = self.delays
        middle, late = delays[len(delays) // 2], delays[len(delays) * 99 // 100]
        return f"median {middle * 1000:.0f} ms, p99 {late * 1000:.0f} ms of {len(delays)}"


async def submit_and_decide(
    fleet: Fleet, number: int, pending: Stopwatch, approved: Stopwatch
) -> None:
    week, _ = week_of(number % 100)
    person = fleet.caller("entries", f"p{number // 100}")
    submission = (await person.post(f"/v1/timesheets/{week}/submit")).json["submission_id"]
    pending.asked[submission] = time.monotonic()
    while submission not in pending.seen:
        await asyncio.sleep(0.005)
    path = f"/v1/approvals/{submission}/decision"
    decided = await fleet.administrator("approvals").put(path, {"decision": "approve"})
    assert decided.status == 200, decided.json
    approved.asked[submission] = time.monotonic()
    while submission not in approved.seen:
        await asyncio.sleep(0.005)


@pytest.mark.endurance
@pytest.mark.timeout(300)
async def test_fifty_submissions_a_second_are_seen_and_decided_within_300_ms(fleet: Fleet) -> None:
    pending, approved, done = Stopwatch(), Stopwatch(), asyncio.Event()
    watching = [
        asyncio.create_task(pending.watch(fleet, "approvals", PENDING, done)),
        asyncio.create_task(approved.watch(fleet, "entries", APPROVED, done)),
    ]
    # A follower that found its neighbour not started yet pauses: one week goes before all others.
    await submit_and_decide(fleet, 1000, pending, approved)
    pending.asked.clear()
    approved.asked.clear()
    tasks = []
    for number in range(1000):
        tasks.append(asyncio.create_task(submit_and_decide(fleet, number, pending, approved)))
        await asyncio.sleep(1 / 50)
    await asyncio.gather(*tasks)
    done.set()
    await asyncio.gather(*watching)
    print(f"\nsubmission to pending: {pending.told()}; decision to week: {approved.told()}")
    for stopwatch in (pending, approved):
        assert stopwatch.delays[len(stopwatch.delays) * 99 // 100] < 0.3
