"""From start to ready, and the memory of a service at rest and under load."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from statistics import median

from bench import requests
from bench.database import deployed_postgres
from bench.load import load, memory, write_calls
from bench.programs import program, variables
from bench.results import Result, at_most, reported
from libs.postgres.migrate import upgrade
from tests.support.issuer import Issuer

SERVICES = ("entries", "approvals", "profile")
STARTS, REST, LOAD = 5, 3, 10


async def measure() -> list[Result]:
    """Measure the start of each service, and the memory of entries."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with deployed_postgres(folder) as server:
            for service in SERVICES:
                server.create_database(service)
                await asyncio.to_thread(upgrade, f"services.{service}", server.url(service))
            await requests.fill(server.url("entries"))
            async with Issuer() as issuer:
                results = [
                    result
                    for service in SERVICES
                    for result in await _service(service, server.url(service), issuer, folder)
                ]
                return [*results, await _loaded(server.url("entries"), issuer, folder)]


async def _service(name: str, database: str, issuer: Issuer, folder: Path) -> list[Result]:
    started, resting = [], []
    for _ in range(STARTS):
        async with program(name, variables(issuer, database), folder / f"{name}.log") as one:
            started.append(one.started_in)
            await asyncio.sleep(REST)
            resting.append(memory(one.pid))
    against = f"median of {STARTS} starts, its database and the issuer being there"
    return [
        at_most(f"{name}: from start to ready", median(started), 1, "s", against),
        at_most(f"{name}: memory at rest", median(resting), 80, "MiB", f"{REST} s after that"),
    ]


async def _loaded(database: str, issuer: Issuer, folder: Path) -> Result:
    calls = [*requests.list_calls(issuer), *requests.create_calls(issuer)]
    async with program("entries", variables(issuer, database), folder / "entries.log") as one:
        await load(one.url, one.pid, write_calls(folder / "calls", calls), LOAD)
        at_most_so_far = memory(one.pid, "VmHWM")
    against = f"the most in {LOAD} s of lists and creates at full rate"
    return reported("entries: memory under load", at_most_so_far, "MiB", against)
