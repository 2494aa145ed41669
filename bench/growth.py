"""A week listed among ten thousand, a million and ten million entries."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from statistics import median

import asyncpg

from bench.database import deployed_postgres
from bench.load import Call, Load, load, write_calls
from bench.programs import program, variables
from bench.results import Result, at_most, reported
from dev.postgres import PostgresServer
from libs.postgres.migrate import upgrade
from tests.support.issuer import Issuer

ROUNDS, SECONDS = 7, 3
# So few that nobody queues: it is the statement that could get slower.
CONNECTIONS = 4
ASKING, A_WEEK = 200, 20
NEWEST_MONDAY = date(2026, 9, 7)

# Without triggers and indexes, which are put back: a bulk load as an administrator would do it.
DEFINITIONS = """
    SELECT format('DROP INDEX %I', indexrelid::regclass::text) AS drop,
        pg_get_indexdef(indexrelid) AS create
    FROM pg_index WHERE indrelid = 'entries'::regclass AND NOT indisprimary
"""
PROJECTS = """
    INSERT INTO projects (code, name, customer)
    SELECT 'P' || number, 'Project', 'Customer' FROM generate_series(0, 19) AS number
"""
ROWS = """
    INSERT INTO entries (person, id, date, project, task, minutes, note, billable, source)
    SELECT 'auth0|' || person, gen_random_uuid(), $1::date - 7 * week + number % 5,
        'P' || number, 'Development', 15 + number, 'Worked on the thing number ' || number,
        true, 'app'
    FROM generate_series(0, $2 - 1) AS person, generate_series(0, $3 - 1) AS week,
        generate_series(0, 19) AS number
"""
WEEKS = """
    INSERT INTO weeks (person, monday)
    SELECT 'auth0|' || person, $1::date - 7 * week
    FROM generate_series(0, $2 - 1) AS person, generate_series(0, $3 - 1) AS week
"""


@dataclass(frozen=True, slots=True)
class Size:
    """As many people, each with so many weeks of 20 entries."""

    name: str
    people: int
    weeks: int

    @property
    def rows(self) -> int:
        return self.people * self.weeks * A_WEEK


SMALL = Size("10^4", 250, 2)
SIZES = (SMALL, Size("10^6", 2_000, 25), Size("10^7", 5_000, 100))


async def measure() -> list[Result]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with deployed_postgres(folder, durable=False) as server:
            for size in SIZES:
                server.create_database(size.name)
                await asyncio.to_thread(upgrade, "services.entries", server.url(size.name))
                await fill(server.url(size.name), size)
            async with Issuer() as issuer:
                return _results(await _rounds(server, issuer, folder))


async def fill(url: str, size: Size) -> None:
    connection = await asyncpg.connect(url, command_timeout=None)
    definitions = await connection.fetch(DEFINITIONS)
    for definition in definitions:
        await connection.execute(definition["drop"])
    await connection.execute(PROJECTS)
    await connection.execute("SET session_replication_role = replica")
    for statement in (ROWS, WEEKS):
        await connection.execute(statement, NEWEST_MONDAY, size.people, size.weeks)
    for definition in definitions:
        await connection.execute(definition["create"])
    await connection.execute("VACUUM ANALYZE")
    await connection.close()
    sys.stderr.write(f"  {size.rows:,} rows are there\n")


async def _rounds(server: PostgresServer, issuer: Issuer, folder: Path) -> dict[Size, list[Load]]:
    taken: dict[Size, list[Load]] = {size: [] for size in SIZES}
    async with AsyncExitStack() as stack:
        started = {}
        for size in SIZES:
            environ = variables(issuer, server.url(size.name)) | {"RATE_LIMIT": "1000"}
            starting = program("entries", environ, folder / f"{size.name}.log")
            calls = write_calls(folder / f"{size.name}.calls", _calls(issuer, size))
            started[size] = await stack.enter_async_context(starting), calls
        for round_ in range(ROUNDS + 1):
            for size, (one, calls) in started.items():
                measured = await load(one.url, one.pid, calls, SECONDS, CONNECTIONS)
                if round_:  # the first one warms up
                    taken[size].append(measured)
    return taken


def _calls(issuer: Issuer, size: Size) -> list[Call]:
    """People from all over the table, each the first week."""
    path = f"/v1/entries?from={NEWEST_MONDAY}&to=2026-09-13"
    people = [f"auth0|{number * size.people // ASKING}" for number in range(ASKING)]
    return [Call("GET", path, person, issuer.token(sub=person)) for person in people]


def _results(taken: dict[Size, list[Load]]) -> list[Result]:
    against = f"{CONNECTIONS} connections of wrk, closed loop; medians of {ROUNDS} rounds in turn"
    p99 = {size: median(one.p99 for one in loads) for size, loads in taken.items()}
    results = [
        at_most(
            f"list a week among {size.name} rows: p99 by that among 10^4",
            *(p99[size] / p99[SMALL], 1.3, "times", against),
        )
        for size in SIZES
        if size is not SMALL
    ]
    for size, loads in taken.items():
        what = f"list a week among {size.name} rows"
        results += [
            reported(f"{what}: p99", p99[size], "ms", against),
            reported(f"{what}: median", median(one.p50 for one in loads), "ms", against),
            reported(f"{what}: rate", median(one.rate for one in loads), "a second", against),
        ]
    return results
