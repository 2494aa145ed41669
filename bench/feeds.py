"""Measures how quickly an event of one service takes effect in another.

The three services as they are shipped, in processes of their own, beside this client on the same
machine. Delays are between two commits, reported by PostgreSQL (`track_commit_timestamp`), so
nothing that watches disturbs them.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from statistics import median

import aiohttp
import asyncpg

from bench.database import deployed_postgres
from bench.results import Result, at_least, at_most, reported
from dev.postgres import PostgresServer
from libs.feed.events import CHANNEL
from libs.postgres.migrate import upgrade
from tests.support.fleet import NAMES, Fleet
from tests.support.issuer import Issuer

ROUNDS = 3
EVENTS = 20_000
RATE, SECONDS = 100, 30
SUBMISSIONS, A_SECOND = 1000, 50
AWAY = 10_000
FIRST_MONDAY = date(2020, 1, 6)
PROJECT = {"name": "Apollo", "customer": "Big Company"}
CONDITIONS = "three services, PostgreSQL and the client on one machine, median of three"

# Weeks of five entries; each is approved fifty events after it was submitted.
PUBLISH_WEEKS = """
    INSERT INTO events (type, subject, time, data)
    WITH weeks AS MATERIALIZED (
        SELECT gen_random_uuid()::text AS id, number, 'auth0|bench' || number % 500 AS person,
            date '1990-01-01' + number / 500 * 7 AS monday
        FROM generate_series(0, $1::integer / 2 - 1) AS number
    ),
    published AS (
        SELECT number AS place, id, 'timesheet.submitted' AS kind, json_build_object(
            'submission_id', id, 'person', person, 'week', to_char(monday, 'IYYY"-W"IW'),
            'total_minutes', 2400,
            'by_day', (SELECT json_object_agg(monday + day, 480)
                       FROM generate_series(0, 4) AS day),
            'by_project', json_build_object('APOLLO', 2400),
            'entries', (
                SELECT json_agg(json_build_object(
                    'id', gen_random_uuid(), 'date', monday + day, 'project', 'APOLLO',
                    'task', 'Development', 'minutes', 480, 'billable', true, 'source', 'app',
                    'note', 'Worked on the thing number ' || number
                ))
                FROM generate_series(0, 4) AS day),
            'submitted_at', now()
        ) AS data
        FROM weeks
        UNION ALL
        SELECT number + 50, id, 'timesheet.approved', json_build_object(
            'submission_id', id, 'person', person, 'week', to_char(monday, 'IYYY"-W"IW'),
            'decided_by', 'auth0|ada'
        )
        FROM weeks
    )
    SELECT kind, id, now(), data FROM published WHERE kind = ANY ($2) ORDER BY place, kind DESC
"""

# Submitted weeks, and the decisions that wait for them: what entries does is the whole of it.
SUBMIT_WEEKS = """
    INSERT INTO weeks (person, monday, state, submission_id)
    SELECT 'auth0|bench' || number % 500, date '1990-01-01' + ($2 + number) / 500 * 7,
        'submitted', gen_random_uuid()
    FROM generate_series(0, $1::integer - 1) AS number
    RETURNING person, monday, submission_id
"""
PUBLISH_DECISIONS = """
    INSERT INTO events (type, subject, time, data)
    SELECT 'approval.decided', id::text, now(), json_build_object(
        'submission_id', id, 'person', person, 'week', to_char(monday, 'IYYY"-W"IW'),
        'decision', 'approved', 'reason', NULL, 'decided_by', 'auth0|ada', 'acting_for', NULL,
        'decided_at', now()
    )
    FROM unnest($1::text[], $2::date[], $3::uuid[]) AS week (person, monday, id)
"""

PUBLISH_PEOPLE = """
    INSERT INTO events (type, subject, time, data)
    SELECT 'person.changed', 'auth0|bench' || number, now(), json_build_object(
        'person', 'auth0|bench' || number, 'name', 'Person ' || number,
        'email', 'person' || number || '@agency.example', 'kind', 'contractor',
        'employer', 'Agency', 'manager', 'auth0|maya', 'active', true,
        'external_ids', json_build_object('payroll', number::text),
        'uploaders', ARRAY['batch-nightly'], 'target_minutes', 2400, 'delegate', NULL,
        'version', $2::integer
    )
    FROM generate_series(1, $1::integer) AS number
"""

# The published events and their effects, each with the time of its commit.
MOMENT = "extract(epoch FROM pg_xact_commit_timestamp(xmin))::float"
PUBLISHED = f"SELECT subject, {MOMENT} FROM events WHERE type = $1 AND sequence > $2"
PENDING = f"SELECT submission_id::text, {MOMENT} FROM history WHERE event = 'submitted'"
APPROVED = f"SELECT submission_id::text, {MOMENT} FROM week_history WHERE event = 'approved'"

CURSOR = "SELECT after FROM feed_cursors WHERE source = $1"
HEAD = "SELECT coalesce(max(sequence), 0) FROM events"


@dataclass(frozen=True, slots=True)
class Pass:
    """One round of following: events a second, and the milliseconds of CPU time for each."""

    rate: float
    cpu: float


async def measure() -> list[Result]:
    """Measure the rate, the delay, the submissions and the catching up of the followers."""
    with tempfile.TemporaryDirectory() as name:
        async with _fleet(Path(name)) as fleet:
            return [
                *await measure_rates(fleet),
                *await measure_lag(fleet),
                *await measure_submissions(fleet),
                *await measure_catching_up(fleet),
            ]


async def measure_rates(fleet: Fleet, rounds: int = ROUNDS, events: int = EVENTS) -> list[Result]:
    """From a process that has just begun to follow, what lies there being read to its end."""
    passes: dict[str, list[Pass]] = {}
    for number in range(rounds):
        for source, followers, publish in (
            ("entries", ("approvals",), publish_weeks),
            ("approvals", ("entries",), publish_decisions),
            ("profile", ("entries", "approvals"), publish_people),
        ):
            for name in NAMES:
                await fleet.kill(name)
            await publish(fleet, events, number)
            done = await _follow(fleet, source, followers)
            passes.setdefault(f"feed: {source} to {' and '.join(followers)}", []).append(done)
    return [
        result
        for case, several in passes.items()
        for result in (
            at_least(case, median(one.rate for one in several), 5000, "events/s", CONDITIONS),
            reported(
                f"{case}, CPU time",
                median(one.cpu for one in several),
                "ms an event",
                "of the services at both ends, with their start, without PostgreSQL",
            ),
        )
    ]


async def publish_weeks(fleet: Fleet, events: int, _number: int) -> None:
    """Publish events of weeks that are submitted and approved, `events` in all."""
    kinds = ["timesheet.submitted", "timesheet.approved"]
    await fleet.connections["entries"].execute(PUBLISH_WEEKS, events, kinds, timeout=120)


async def publish_decisions(fleet: Fleet, events: int, number: int) -> None:
    """Submit the next `events` weeks and publish a decision about each."""
    weeks = await fleet.rows("entries", SUBMIT_WEEKS, events, number * events)
    columns = [[row[name] for row in weeks] for name in ("person", "monday", "submission_id")]
    await fleet.connections["approvals"].execute(PUBLISH_DECISIONS, *columns, timeout=120)


async def publish_people(fleet: Fleet, events: int, number: int) -> None:
    """Publish `events` changed people, in the version after `number`."""
    await fleet.connections["profile"].execute(PUBLISH_PEOPLE, events, number + 1, timeout=120)


async def _follow(fleet: Fleet, source: str, followers: Sequence[str]) -> Pass:
    """Feeds that are not measured are drained afterwards, because their followers publish too."""
    head = await fleet.connections[source].fetchval(HEAD)
    began_at = {name: await _cursor(fleet, name, source) for name in followers}
    await fleet.start_one(source)
    rates = [
        asyncio.create_task(_rate(fleet, name, source, began_at[name], head)) for name in followers
    ]
    for name in followers:
        await fleet.start_one(name)
    slowest = min(await asyncio.gather(*rates))
    cpu = sum(_cpu_seconds(fleet.pid(name)) for name in (source, *followers))
    for name in NAMES:
        if name not in (source, *followers):
            await fleet.start_one(name)
    await fleet.drained(120)
    events = sum(head - after for after in began_at.values())
    return Pass(slowest, cpu / events * 1000)


async def _rate(fleet: Fleet, follower: str, source: str, after: int, head: int) -> float:
    """From the first page that took effect to the last; another process can only be asked."""
    while (first := await _cursor(fleet, follower, source)) == after:
        await asyncio.sleep(0.005)
    began, reached = time.monotonic(), first
    while reached < head:
        await asyncio.sleep(0.005)
        reached = await _cursor(fleet, follower, source)
    return (head - first) / (time.monotonic() - began)


async def _cursor(fleet: Fleet, follower: str, source: str) -> int:
    return await fleet.connections[follower].fetchval(CURSOR, source) or 0


def _cpu_seconds(pid: int) -> float:
    times = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return sum(map(int, times)) / os.sysconf("SC_CLK_TCK")


async def measure_lag(fleet: Fleet, rate: int = RATE, seconds: int = SECONDS) -> list[Result]:
    """Publish `rate` events a second and measure the time until each has taken effect."""
    connection = fleet.connections["entries"]
    head = await connection.fetchval(HEAD)
    began = time.monotonic()
    for number in range(rate * seconds):
        await asyncio.sleep(began + number / rate - time.monotonic())
        async with connection.transaction():
            await connection.execute(PUBLISH_WEEKS, 2, ["timesheet.submitted"])
            await connection.execute(f"NOTIFY {CHANNEL}")
    await fleet.drained()
    delays = await _delays(fleet, ("entries", "timesheet.submitted", head), ("approvals", PENDING))
    return _delay_results(f"feed: lag at {rate} events/s", delays, 250)


async def measure_submissions(
    fleet: Fleet, count: int = SUBMISSIONS, rate: int = A_SECOND
) -> list[Result]:
    """Weeks submitted and decided over HTTP, whatever the answers take."""
    heads = {name: await fleet.connections[name].fetchval(HEAD) for name in NAMES}
    people = [fleet.caller("entries", f"p{number}") for number in range(-(-count // 100))]
    ada = fleet.administrator("approvals")

    async def submit_and_decide(number: int) -> None:
        year, week, _ = (FIRST_MONDAY + timedelta(weeks=number % 100)).isocalendar()
        path = f"/v1/timesheets/{year}-W{week:02}"
        submitted = await people[number // 100].post(f"{path}/submit")
        await asyncio.sleep(1)
        approval = f"/v1/approvals/{submitted.json['submission_id']}/decision"
        while (decided := await ada.put(approval, {"decision": "approve"})).status == 404:
            await asyncio.sleep(0.5)
        if decided.status != 200:
            raise RuntimeError(f"a decision got {decided.status}")

    tasks, began = [], time.monotonic()
    for number in range(count):
        await asyncio.sleep(began + number / rate - time.monotonic())
        tasks.append(asyncio.create_task(submit_and_decide(number)))
    await asyncio.gather(*tasks)
    await fleet.drained()
    pending = await _delays(
        fleet, ("entries", "timesheet.submitted", heads["entries"]), ("approvals", PENDING)
    )
    changed = await _delays(
        fleet, ("approvals", "approval.decided", heads["approvals"]), ("entries", APPROVED)
    )
    return [
        *_delay_results(f"feed: submission to approval at {rate}/s", pending, 300),
        *_delay_results(f"feed: decision to week at {rate}/s", changed, 300),
    ]


async def _delays(
    fleet: Fleet, published: tuple[str, str, int], effect: tuple[str, str]
) -> list[float]:
    """Milliseconds from one commit to the other, shortest first."""
    service, kind, head = published
    published_at = dict(await fleet.rows(service, PUBLISHED, kind, head))
    taken_at = dict(await fleet.rows(*effect))
    return sorted((taken_at[subject] - at) * 1000 for subject, at in published_at.items())


def _delay_results(case: str, delays: list[float], target: float) -> list[Result]:
    late = delays[int(0.99 * (len(delays) - 1))]
    longest = f"commit to commit, of {len(delays)}; the longest {delays[-1]:.0f} ms"
    return [
        at_most(f"{case}, p99", late, target, "ms", longest),
        reported(f"{case}, median", median(delays), "ms", longest),
    ]


async def measure_catching_up(fleet: Fleet, events: int = AWAY) -> list[Result]:
    """From the start of the process that had been killed, so its lease is waited for, too."""
    await fleet.kill("approvals")
    await publish_weeks(fleet, events, 0)
    began = time.monotonic()
    await fleet.start_one("approvals")
    await fleet.drained(120)
    seconds = time.monotonic() - began
    return [at_most(f"feed: {events:,} events caught up", seconds, 10, "s", "from its start")]


@asynccontextmanager
async def _fleet(folder: Path) -> AsyncIterator[Fleet]:
    with deployed_postgres(folder) as server:
        for name in NAMES:
            server.create_database(name)
            await asyncio.to_thread(upgrade, f"services.{name}", server.url(name))
        await _note_commits(server)
        urls = {name: server.url(name) for name in NAMES}
        async with Issuer() as issuer, aiohttp.ClientSession() as session:
            fleet = Fleet(urls, issuer, session, folder / "fleet.log", RATE_LIMIT="100")
            await fleet.start()
            try:
                await fleet.administrator("entries").post("/v1/projects/APOLLO", PROJECT)
                # A follower that found its neighbour not started yet pauses: one week goes first.
                await fleet.caller("entries", "erin").post("/v1/timesheets/2019-W52/submit")
                await fleet.drained()
                yield fleet
            finally:
                await fleet.stop()


async def _note_commits(server: PostgresServer) -> None:
    connection = await asyncpg.connect(server.url("postgres"))
    await connection.execute("ALTER SYSTEM SET track_commit_timestamp = on")
    await connection.close()
    server.stop()
    server.start()
