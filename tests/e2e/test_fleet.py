"""The three services together: killed at any moment, one of them away, and how quick they are."""

from __future__ import annotations

import asyncio
import random
import time

import pytest

from tests.support.fleet import NAMES, Fleet
from tests.support.workers import APPROVED, week_of, working

PENDING = "SELECT id FROM approvals WHERE state = 'pending'"
PUBLISH_SUBMISSIONS = """
    INSERT INTO events (type, subject, time, data)
    SELECT 'timesheet.submitted', id, now(), json_build_object(
        'submission_id', id, 'person', 'auth0|' || number % 500,
        'week', to_char(date '2020-01-06' + (number / 500)::integer * 7, 'IYYY"-W"IW'),
        'total_minutes', 480, 'by_day', '{}'::json, 'by_project', '{}'::json,
        'entries', '[]'::json, 'submitted_at', '2026-11-23T12:00:00Z'
    )
    FROM (SELECT number, gen_random_uuid()::text AS id
          FROM generate_series(1, $1::integer) AS number) AS made
"""


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_services_killed_at_any_moment_lose_nothing_and_double_nothing(fleet: Fleet) -> None:
    moments = random.Random(2026)
    async with working(fleet):
        for number in range(4):
            await asyncio.sleep(moments.uniform(0.05, 0.6))
            await fleet.kill(NAMES[number % len(NAMES)])
            await fleet.start_one(NAMES[number % len(NAMES)])


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


@pytest.mark.slow
async def test_a_service_that_was_down_catches_up(fleet: Fleet) -> None:
    await check_catching_up(fleet, 500)


@pytest.mark.endurance
@pytest.mark.timeout(300)
async def test_ten_thousand_events_are_caught_up_in_ten_seconds(fleet: Fleet) -> None:
    seconds = await check_catching_up(fleet, 10_000)
    print(f"\n10,000 events in {seconds:.1f} s")
    assert seconds < 10


class Stopwatch:
    """The times when something was requested and when it first showed."""

    def __init__(self) -> None:
        self.requested: dict[str, float] = {}
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
        return sorted(self.seen[key] - requested for key, requested in self.requested.items())

    def summary(self) -> str:
        delays = self.delays
        middle, late = delays[len(delays) // 2], delays[len(delays) * 99 // 100]
        return f"median {middle * 1000:.0f} ms, p99 {late * 1000:.0f} ms of {len(delays)}"


async def submit_and_decide(
    fleet: Fleet, number: int, pending: Stopwatch, approved: Stopwatch
) -> None:
    week, _ = week_of(number % 100)
    person = fleet.caller("entries", f"p{number // 100}")
    submission = (await person.post(f"/v1/timesheets/{week}/submit")).json["submission_id"]
    pending.requested[submission] = time.monotonic()
    while submission not in pending.seen:
        await asyncio.sleep(0.005)
    path = f"/v1/approvals/{submission}/decision"
    decided = await fleet.administrator("approvals").put(path, {"decision": "approve"})
    assert decided.status == 200, decided.json
    approved.requested[submission] = time.monotonic()
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
    pending.requested.clear()
    approved.requested.clear()
    tasks = []
    for number in range(1000):
        tasks.append(asyncio.create_task(submit_and_decide(fleet, number, pending, approved)))
        await asyncio.sleep(1 / 50)
    await asyncio.gather(*tasks)
    done.set()
    await asyncio.gather(*watching)
    print(f"\nsubmission to pending: {pending.summary()}; decision to week: {approved.summary()}")
    for stopwatch in (pending, approved):
        assert stopwatch.delays[len(stopwatch.delays) * 99 // 100] < 0.3
