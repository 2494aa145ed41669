"""Every kind of GET on a small and on a large company: what grows with the company?

The databases are filled by SQL, in order of time (tests/support/company.py). The two sizes take
turns; a request is sent over one connection, so the latency is the statement's and not a queue's.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import asyncpg

from bench import load as wrk
from bench.database import deployed_postgres
from bench.growth_requests import BOSS, BOSS_OF_MANY, MANY, REQUESTS, Request
from bench.programs import Program, program, variables
from bench.results import Result, at_most, reported
from dev.postgres import PostgresServer
from libs.postgres.migrate import upgrade
from tests.support.client import ADMINISTRATOR, MANAGER
from tests.support.company import ENTRIES_A_WEEK, MANAGER_OF_MANY, Company, fill
from tests.support.issuer import PERSON, Issuer
from tests.support.load import Call, Tally, Worker

WEEKS = 100
SERVICES = ("entries", "approvals", "profile")
ROUNDS, CALLS = 5, 20
WRK_ROUNDS, WRK_SECONDS, WRK_CONNECTIONS = 5, 2, 4
MOST_GROWTH = 1.5
ASKING = 20
MACHINE = "bench"
ALL_SCOPES = "batch:upload read:reports read:people read:events read:audit"

SUMMARY_IS_FILLED = """
    SELECT EXISTS (SELECT FROM daily_totals_filled) AND NOT EXISTS (SELECT FROM total_changes)
"""
WEEKS_ARE_STORED = "SELECT NOT EXISTS (SELECT FROM unsubmitted_changes)"
SAMPLES = {
    "entries": "SELECT person, min(id::text) FROM entries WHERE person = ANY ($1) GROUP BY person",
    "approvals": "SELECT person, min(id::text) FROM approvals WHERE person = ANY ($1) GROUP BY 1",
}


@dataclass(frozen=True, slots=True)
class Running:
    """The services over the databases of one company."""

    company: Company
    programs: Mapping[str, Program]
    samples: Mapping[str, Mapping[str, str]]
    """By service and person, the id of something of that person's."""

    @property
    def people(self) -> list[str]:
        """From all over the tables."""
        return list(self.samples["approvals"])


def sizes() -> tuple[Company, Company]:
    """The companies, by the number of their entries."""
    small = int(os.environ.get("GROWTH_SMALL", "100000"))
    big = int(os.environ.get("GROWTH_BIG", "2000000"))
    return _company(small), _company(big)


def _company(entries: int) -> Company:
    return Company(max(ASKING, entries // (WEEKS * ENTRIES_A_WEEK)), WEEKS)


async def measure() -> list[Result]:
    """Measure every kind of GET in a small and in a large company."""
    small, big = sizes()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with deployed_postgres(folder, durable=False) as server:
            async with Issuer() as issuer, AsyncExitStack() as stack:
                running = [
                    await stack.enter_async_context(_started(server, issuer, company, folder))
                    for company in (small, big)
                ]
                return [
                    *await _weeks(running, issuer, folder),
                    *await _requests(running, issuer),
                ]


@asynccontextmanager
async def _started(
    server: PostgresServer, issuer: Issuer, company: Company, folder: Path
) -> AsyncIterator[Running]:
    async with AsyncExitStack() as stack:
        names = {service: f"{service}-{company.entries}" for service in SERVICES}
        urls = {service: await _migrated(server, service, names[service]) for service in SERVICES}
        # Side by side: each is filled by one process of PostgreSQL.
        await asyncio.gather(*(fill(service, urls[service], company) for service in SERVICES))
        samples = {
            service: await _samples(urls[service], statement, company)
            for service, statement in SAMPLES.items()
        }
        programs = {}
        for service in SERVICES:
            environ = variables(issuer, urls[service]) | {"RATE_LIMIT": "1000"}
            started = program(service, environ, folder / f"{names[service]}.log")
            programs[service] = await stack.enter_async_context(started)
        await _until(server.url(f"entries-{company.entries}"), SUMMARY_IS_FILLED)
        await _until(server.url(f"approvals-{company.entries}"), WEEKS_ARE_STORED)
        sys.stderr.write(f"  {company.entries:,} entries of {company.people:,} people are there\n")
        yield Running(company, programs, samples)


async def _migrated(server: PostgresServer, service: str, name: str) -> str:
    """The address of a new database of the service."""
    server.create_database(name)
    url = server.url(name)
    await asyncio.to_thread(upgrade, f"services.{service}", url)
    return url


async def _samples(url: str, statement: str, company: Company) -> Mapping[str, str]:
    people = [company.person(1 + n * (company.people - 1) // ASKING) for n in range(ASKING)]
    connection = await asyncpg.connect(url)
    try:
        return dict(await connection.fetch(statement, people))
    finally:
        await connection.close()


async def _until(url: str, statement: str) -> None:
    """Wait for what a job of the service computes after its start."""
    connection = await asyncpg.connect(url)
    try:
        while not await connection.fetchval(statement):
            await asyncio.sleep(0.5)
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()


async def _requests(running: Sequence[Running], issuer: Issuer) -> list[Result]:
    results = []
    for request in REQUESTS:
        medians: list[list[float]] = [[], []]
        async with AsyncExitStack() as stack:
            senders = [
                await stack.enter_async_context(_sender(one, issuer, request)) for one in running
            ]
            for round_ in range(ROUNDS + 1):
                for size, sender in enumerate(senders):
                    taken = [await anext(sender) for _ in range(CALLS)]
                    if round_:  # the first one warms up
                        medians[size].append(median(taken))
        few, many = map(median, medians)
        sys.stderr.write(
            f"  {request.name}: {few:.1f}, {many:.1f} ms, {_ratio(medians):.2f} times\n"
        )
        results += _results(request, running, medians)
    return results


def _ratio(medians: Sequence[Sequence[float]]) -> float:
    """The median over the rounds of the latency in the large company by that in the small one."""
    return float(median(many / few for few, many in zip(*medians, strict=True)))


@asynccontextmanager
async def _sender(
    one: Running, issuer: Issuer, request: Request
) -> AsyncIterator[AsyncIterator[float]]:
    """Yields the milliseconds of one call after the other, of each person in turn."""
    tally = Tally()
    workers = []
    for person, path in _paths(one, request):
        token = _token(issuer, request, person)
        workers.append((Worker(one.programs[request.service].url, token, tally), path))

    async def send() -> AsyncIterator[float]:
        for worker, path in itertools.cycle(workers):
            began = time.perf_counter()
            await worker.send(Call("GET", path))
            yield (time.perf_counter() - began) * 1000

    try:
        yield send()
    finally:
        for worker, _ in workers:
            await worker.close()
    if tally.failures or tally.count("GET", 200) < tally.total:
        raise RuntimeError(f"{request.name}: {dict(tally.statuses)}, {tally.failures[:1]}")


def _paths(one: Running, request: Request) -> list[tuple[str, str]]:
    """The caller and the path of each call."""
    samples = one.samples.get(request.service, {})
    people = one.people
    managers = {BOSS: one.company.manager_of_few, BOSS_OF_MANY: MANAGER_OF_MANY}
    callers = [managers[request.caller]] if request.caller in managers else people
    return [
        (caller, request.path.format(person=person, sample=samples.get(person, "")))
        for caller, person in zip(itertools.cycle(callers), people, strict=False)
    ]


def _token(issuer: Issuer, request: Request, person: str) -> str:
    if request.caller == "machine":
        return issuer.machine_token(MACHINE, ALL_SCOPES)
    if request.caller == "administrator":
        return issuer.token(sub="auth0|admin", scope=f"{ADMINISTRATOR} read:audit")
    return issuer.token(
        sub=person, scope=MANAGER if request.caller in (BOSS, BOSS_OF_MANY) else PERSON
    )


def _results(
    request: Request, running: Sequence[Running], medians: Sequence[Sequence[float]]
) -> list[Result]:
    small, big = (one.company.entries for one in running)
    against = f"one connection; medians of {ROUNDS} rounds of {CALLS} in turn"
    milliseconds = median(medians[1])
    what = f"{request.name} among {power(big)} entries"
    results = []
    if request.grows:
        results.append(reported(what, milliseconds, "ms", against))
    else:
        ratio = _ratio(medians)
        case = f"{what}: latency relative to {power(small)}"
        results.append(at_most(case, ratio, MOST_GROWTH, "times", against))
    if request.within is not None:
        results.append(at_most(f"{what}: latency", milliseconds, request.within, "ms", against))
    return results


async def _weeks(running: Sequence[Running], issuer: Issuer, folder: Path) -> list[Result]:
    """A week listed, by several connections at once."""
    taken: list[list[wrk.Load]] = [[] for _ in running]
    calls = [
        wrk.write_calls(
            folder / f"{one.company.entries}.calls",
            [
                wrk.Call("GET", f"/v1/entries?{MANY}", person, issuer.token(sub=person))
                for person in one.people
            ],
        )
        for one in running
    ]
    for round_ in range(WRK_ROUNDS + 1):
        for number, one in enumerate(running):
            entries = one.programs["entries"]
            measured = await wrk.load(
                entries.url, entries.pid, calls[number], WRK_SECONDS, WRK_CONNECTIONS
            )
            if round_:
                taken[number].append(measured)
    against = f"{WRK_CONNECTIONS} connections of wrk, closed loop; medians of {WRK_ROUNDS} rounds"
    small, big = (power(one.company.entries) for one in running)
    few, many = (median(one.p99 for one in loads) for loads in taken)
    what = f"list a week among {big} rows"
    rate = median(one.rate for one in taken[1])
    return [
        at_most(f"{what}: p99 relative to {small}", many / few, 1.3, "times", against),
        reported(f"{what}: p99", many, "ms", against),
        reported(f"{what}: rate", rate, "a second", against),
    ]


def power(number: int) -> str:
    """10^7, 2*10^6: the same number on every machine and in every table."""
    exponent = int(math.log10(number))
    factor = number / 10**exponent
    return f"10^{exponent}" if factor == 1 else f"{factor:g}*10^{exponent}"
