"""Measure the work that reads the past as a whole: verifying histories, compacting kept events.

VERIFY_APPROVALS and KEPT_EVENTS set the sizes.
"""

from __future__ import annotations

import asyncio
import os
import resource
import sys
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import asyncpg

from bench.database import deployed_postgres
from bench.results import Result, at_most, reported
from dev.postgres import PostgresServer
from libs.feed.compaction import STEP, compact
from libs.postgres.migrate import upgrade
from libs.postgres.pool import Database
from libs.postgres.settings import DatabaseSettings

APPROVALS, VERIFIED_WITHIN = 2_000_000, 40.0
EVENTS, COMPACTED_WITHIN = 2_300_000, 0.2
A_WEEK = 20_000
FIRST_MONDAY = date(2025, 1, 6)
ROUNDS = 5
NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)

# As loaded by an administrator: without triggers, and without the indexes that no check reads.
BEGIN = """
    SET session_replication_role = replica;
    ALTER TABLE history DROP CONSTRAINT history_pkey
"""
INDEXES = """
    SELECT format('DROP INDEX %I', indexrelid::regclass::text) FROM pg_index
    WHERE indrelid = 'approvals'::regclass AND NOT indisprimary
"""
# The canonical form of services/approvals/chain.py.
DIGEST = """
    CREATE FUNCTION pg_temp.digest(
        id uuid, person text, monday date, minutes integer, by_day jsonb, by_project jsonb,
        event text, number integer, at timestamptz, actor text, previous text, why text
    ) RETURNS text LANGUAGE sql IMMUTABLE AS $$
        SELECT encode(sha256(convert_to(format(
            '{"acting_for":null,"actor":"%s","at":"%s","by_day":%s,"by_project":%s,"event":"%s",'
            '"number":%s,"person":"%s","previous":"%s","reason":null,"submission_id":"%s",'
            '"total_minutes":%s,"week":"%s","why":%s}',
            actor, to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
            replace(by_day::text, ' ', ''), replace(by_project::text, ' ', ''), event, number,
            person, previous, id, minutes, to_char(monday, 'IYYY"-W"IW'), why
        ), 'UTF8')), 'hex')
    $$
"""
WEEK = """
    CREATE TEMPORARY TABLE week AS
    SELECT week.*, pg_temp.digest(id, person, $1, minutes, by_day, by_project, 'approved', 2,
        decided_at, actor, submitted, '"manager"') AS head
    FROM (
        SELECT week.*, pg_temp.digest(id, person, $1, minutes, by_day, by_project, 'submitted', 1,
            submitted_at, person, repeat('0', 64), 'null') AS submitted
        FROM (
            SELECT gen_random_uuid() AS id, 'auth0|' || number AS person, 2400 AS minutes,
                (SELECT jsonb_object_agg($1::date + day, 480) FROM generate_series(0, 4) AS day)
                    AS by_day,
                jsonb_build_object('P' || number % 200, 2400) AS by_project,
                'auth0|m' || number / 40 AS actor,
                $1::date + 4 + make_interval(hours => 15, secs => number) AS submitted_at,
                $1::date + 7 + make_interval(hours => 9, secs => number) AS decided_at
            FROM generate_series(1, $2::integer) AS number
        ) AS week
    ) AS week
"""
ADD_APPROVALS = """
    INSERT INTO approvals (id, person, monday, total_minutes, by_day, by_project, entries,
        submitted_at, submitted_by, flags, state, decided_by, decided_at, why, target_minutes,
        confirmed, reopened, steps, head, version)
    SELECT id, person, $1, minutes, by_day, by_project,
        (SELECT jsonb_agg(jsonb_build_object('date', $1::date + day, 'project', 'P1',
            'minutes', 480, 'note', 'Worked on the thing')) FROM generate_series(0, 4) AS day),
        submitted_at, person, '{}', 'approved', actor, decided_at, 'manager', 2400, true, false, 2,
        head, 1
    FROM week
"""
ADD_HISTORY = """
    INSERT INTO history (submission_id, number, person, monday, event, at, actor, why,
        total_minutes, by_day, by_project, previous)
    SELECT id, step.number, person, $1, step.event, step.at, step.actor, step.why, minutes,
        by_day, by_project, step.previous
    FROM week CROSS JOIN LATERAL (
        VALUES (1, 'submitted', submitted_at, person, NULL, repeat('0', 64)),
            (2, 'approved', decided_at, actor, 'manager', submitted)
    ) AS step (number, event, at, actor, why, previous)
"""
END = "ALTER TABLE history ADD PRIMARY KEY (submission_id, number)"

# Each is of another subject: compaction has kept them, and keeps its place after them.
ADD_EVENTS = """
    INSERT INTO events (id, type, subject, time, data)
    SELECT gen_random_uuid(), 'timesheet.approved', gen_random_uuid()::text, $1, '{}'
    FROM generate_series(1, $2::integer)
"""


async def measure() -> list[Result]:
    """Measure compaction, then verification, in one database."""
    approvals = int(os.environ.get("VERIFY_APPROVALS", APPROVALS))
    events = int(os.environ.get("KEPT_EVENTS", EVENTS))
    with (
        tempfile.TemporaryDirectory() as name,
        deployed_postgres(Path(name), durable=False) as server,
    ):
        url = await _migrated(server)
        compacted = await _compaction(url, events)
        await _write_histories(url, approvals)
        return [*compacted, *await _verify(url, approvals)]


async def _migrated(server: PostgresServer) -> str:
    server.create_database("approvals")
    url = server.url("approvals")
    await asyncio.to_thread(upgrade, "services.approvals", url)
    return url


async def _compaction(url: str, events: int) -> list[Result]:
    """Compact what is kept once, then again and again with nothing or a step of new old events."""
    old = NOW - timedelta(days=100)
    connection = await asyncpg.connect(url, command_timeout=None)
    database = Database(DatabaseSettings(url))
    await database.start()
    try:
        await connection.execute(ADD_EVENTS, old, events)
        await connection.execute("VACUUM ANALYZE events")
        began = time.perf_counter()
        await compact(database, NOW)
        first = time.perf_counter() - began
        taken = []
        for _ in range(ROUNDS):
            await connection.execute(ADD_EVENTS, old, STEP)
            began = time.perf_counter()
            await compact(database, NOW)
            taken.append(time.perf_counter() - began)
    finally:
        await database.stop()
        await connection.close()
    what = f"compaction with {events:,} kept events"
    against = f"{STEP:,} events have become old since the last; the longest of {ROUNDS}"
    return [
        at_most(what, max(taken), COMPACTED_WITHIN, "s", against),
        reported(f"{what}: the first, which reads all", first, "s", "one run"),
    ]


async def _verify(url: str, approvals: int) -> list[Result]:
    """`python -m services.approvals verify`, as an operator runs it."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services.approvals", "verify"),
        env={**os.environ, "DATABASE_URL": url},
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    taken = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    found = output.decode().splitlines()
    if (
        process.returncode
        or found[0] != f"{2 * approvals} rows of {approvals} approvals are as written"
    ):
        raise RuntimeError(f"verify: {found}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    what = f"verify of {approvals:,} approvals of two steps"
    against = f"{os.cpu_count()} cores, which PostgreSQL shares"
    return [
        at_most(what, taken, VERIFIED_WITHIN, "s", against),
        reported(f"{what}: CPU time of the program", cpu, "s", "without PostgreSQL"),
    ]


async def _write_histories(url: str, approvals: int) -> None:
    connection = await asyncpg.connect(url, command_timeout=None)
    try:
        await connection.execute(BEGIN)
        for (drop,) in await connection.fetch(INDEXES):
            await connection.execute(drop)
        await connection.execute(DIGEST)
        for number, first in enumerate(range(0, approvals, A_WEEK)):
            monday = FIRST_MONDAY + timedelta(weeks=number)
            await connection.execute(WEEK, monday, min(A_WEEK, approvals - first))
            await connection.execute(ADD_APPROVALS, monday)
            await connection.execute(ADD_HISTORY, monday)
            await connection.execute("DROP TABLE week")
        await connection.execute(END)
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()
