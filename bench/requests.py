"""A week of 20 entries listed, an entry created: the services, the floor and the peers in turn.

All use one database, ten connections each and the same rows; each keeps its own log at info.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import median

import asyncpg
import msgspec

from bench.database import deployed_postgres
from bench.load import Call, Load, load, write_calls
from bench.programs import Program, installed, program, variables
from bench.results import Result, at_least, reported
from libs.postgres.migrate import upgrade
from services.entries.reports.store import summary
from tests.support.issuer import Issuer

ROUNDS, SECONDS, WARM_UP = 6, 2, 1
PEOPLE = 200
WEEKS, WEEK_OF_ENTRIES = 52, 20
LABELS = {
    "entries": "entries on uvloop",
    "floor": "the floor on uvloop",
    "entries-asyncio": "entries on asyncio",
    "floor-asyncio": "the floor on asyncio",
    "fastapi": "FastAPI + SQLAlchemy on uvloop",
    "express": "Express",
    "fastify": "Fastify with token cache and log",
    "go": "Go on net/http and pgx with token cache and log",
    "blacksheep": "BlackSheep on granian and uvloop with token cache and log",
}

# A year of weeks for everybody, so that a week is found and not all there is.
ROWS = f"""
    INSERT INTO projects (code, name, customer)
    SELECT 'P' || number, 'Project', 'Customer' FROM generate_series(0, 19) AS number;
    INSERT INTO entries (person, id, date, project, task, minutes, note, billable, source)
    SELECT 'auth0|reader-' || person, gen_random_uuid(),
        $1::date - 7 * week + (number % 5), 'P' || number, 'Development', 15 + number,
        'Worked on the thing number ' || number, true, 'app'
    FROM generate_series(0, {PEOPLE - 1}) AS person, generate_series(0, {WEEKS - 1}) AS week,
        generate_series(0, {WEEK_OF_ENTRIES - 1}) AS number
"""


@dataclass(frozen=True, slots=True)
class Rounds:
    """The rounds of one program in one case. The median is reported."""

    loads: tuple[Load, ...]

    def rate_by(self, other: Rounds) -> float:
        """Each round by the other's in the same turn: they met the same disturbances."""
        pairs = zip(self.loads, other.loads, strict=True)
        return median(one.rate / another.rate for one, another in pairs)

    @property
    def rate(self) -> float:
        """Responses a second."""
        return median(one.rate for one in self.loads)

    @property
    def cpu(self) -> float:
        """Microseconds of CPU time a request."""
        return median(one.cpu for one in self.loads)

    @property
    def p99(self) -> float:
        """Milliseconds that 99 % of the requests did not exceed."""
        return median(one.p99 for one in self.loads)


async def measure() -> list[Result]:
    """Measure listing and creating in every installed program."""
    async with (
        filled_database() as (folder, database),
        Issuer() as issuer,
        started(issuer, database, folder) as programs,
    ):
        listed = await rounds(programs, write_calls(folder / "lists", list_calls(issuer)))
        created = await rounds(programs, write_calls(folder / "creates", create_calls(issuer)))
    return [
        *_results("list a week of 20 entries", listed, of_floor=0.7, of_fastapi=4),
        *_results("create an entry", created, of_floor=0.6, of_fastapi=3),
    ]


@asynccontextmanager
async def filled_database() -> AsyncIterator[tuple[Path, str]]:
    """A folder for the time, and the address of a database of entries with a year of weeks."""
    with tempfile.TemporaryDirectory() as name, deployed_postgres(Path(name)) as server:
        server.create_database("entries")
        database = server.url("entries")
        await asyncio.to_thread(upgrade, "services.entries", database)
        await fill(database)
        yield Path(name), database


@asynccontextmanager
async def started(
    issuer: Issuer, database: str, folder: Path
) -> AsyncIterator[Mapping[str, Program]]:
    """Every program that is installed, at the same time; who is not loaded does nothing."""
    async with AsyncExitStack() as stack:
        environ = variables(issuer, database)
        yield {
            name: await stack.enter_async_context(program(name, environ, folder / f"{name}.log"))
            for name in LABELS
            if installed(name)
        }


async def rounds(programs: Mapping[str, Program], calls: Path) -> Mapping[str, Rounds]:
    """Load each in turn, again and again: what disturbs the machine disturbs them all."""
    taken: dict[str, list[Load]] = {name: [] for name in programs}
    for one in programs.values():
        await load(one.url, one.pid, calls, WARM_UP)
    for _ in range(ROUNDS):
        for name, one in programs.items():
            taken[name].append(await load(one.url, one.pid, calls, SECONDS))
    for name, loads in taken.items():
        rates = ", ".join(f"{one.rate:,.0f}" for one in loads)
        sys.stderr.write(f"  {calls.name}: {name} {rates} a second\n")
    return {name: Rounds(tuple(loads)) for name, loads in taken.items()}


def _results(
    what: str, measured: Mapping[str, Rounds], *, of_floor: float, of_fastapi: float
) -> list[Result]:
    # The floor is what aiohttp and asyncpg allow, so it is compared on the same event loop.
    compared = (
        ("entries", "floor", of_floor),
        ("entries-asyncio", "floor-asyncio", of_floor),
        ("entries", "fastify", 1.0),
        ("entries", "go", 1.0),
        ("entries", "blacksheep", 1.0),
        ("entries", "express", 1.0),
        ("entries", "fastapi", of_fastapi),
    )
    results = [
        at_least(
            f"{what}: throughput relative to {LABELS[other]}",
            measured[ours].rate_by(measured[other]),
            target,
            "times",
            f"{LABELS[ours]}, median of {ROUNDS} rounds in turn",
        )
        for ours, other, target in compared
        if other in measured
    ]
    for name, one in measured.items():
        results += [
            reported(
                f"{what}: {LABELS[name]}, rate",
                one.rate,
                "a second",
                "32 connections of wrk, closed loop",
            ),
            reported(
                f"{what}: {LABELS[name]}, CPU time a request",
                one.cpu,
                "µs",
                "the program's own, user and system",
            ),
            reported(
                f"{what}: {LABELS[name]}, p99", one.p99, "ms", "32 connections of wrk, closed loop"
            ),
        ]
    return results


async def fill(database: str) -> None:
    """Fill a migrated database of entries with a year of weeks of `PEOPLE` people."""
    connection = await asyncpg.connect(database)
    projects, entries = ROWS.split(";")
    await connection.execute(projects)
    await connection.execute(entries, _monday())
    # Otherwise the service computes it 15 s after its start, amid the rounds.
    async with connection.transaction(isolation="repeatable_read"):
        await summary.fill(connection)
        await summary.add_changes(connection)
    await connection.execute("VACUUM ANALYZE")
    await connection.close()


def list_calls(issuer: Issuer) -> list[Call]:
    """Everybody's weeks of a year, a few of each."""
    calls = []
    for number in range(PEOPLE):
        person = f"auth0|reader-{number}"
        token = issuer.token(sub=person)
        for back in range(number % 13, WEEKS, 13):
            since = _monday() - timedelta(weeks=back)
            path = f"/v1/entries?from={since}&to={since + timedelta(days=6)}"
            calls.append(Call("GET", path, person, token))
    return calls


def create_calls(issuer: Issuer) -> list[Call]:
    """Over four weeks, so that nobody's day is full before the end."""
    people = [f"auth0|writer-{number}" for number in range(PEOPLE)]
    tokens = {person: issuer.token(sub=person) for person in people}
    return [
        Call("POST", "/v1/entries", person, tokens[person], _draft(day))
        for day in range(28)
        for person in people
    ]


def _draft(back: int) -> str:
    draft = {
        "date": str(_monday() - timedelta(days=1 + back)),
        "project": f"P{back % 20}",
        "minutes": 1,
        "note": "sprint planning",
    }
    return msgspec.json.encode(draft).decode()


def _monday() -> date:
    today = datetime.now(UTC).date()
    return today - timedelta(days=today.weekday())
