"""The cost of traces: CPU time a request of services that differ in their tracing alone."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from aiohttp import web

from bench import requests
from bench.load import load, write_calls
from bench.programs import Program, program, variables
from bench.results import Result, at_most, reported
from tests.support.issuer import Issuer

ROUNDS, SECONDS, WARM_UP = 10, 2, 4
CONNECTIONS = 8
RATIO = {"OTEL_TRACES_SAMPLER": "parentbased_traceidratio"}
# The share of requests that is sampled, and the environment for it.
SAMPLING = {
    "no request": RATIO | {"OTEL_TRACES_SAMPLER_ARG": "0"},
    "one in ten": RATIO | {"OTEL_TRACES_SAMPLER_ARG": "0.1"},
    "every request": {},
}
# The most that it may add to the CPU time of a request, in per cent.
MOST = {"no request": 1.5, "one in ten": 5.0}


@dataclass(slots=True)
class Measured:
    """A program, the spans that came from it, and the CPU time of each round in µs a request."""

    program: Program
    cpu: list[float] = field(default_factory=list)


async def measure() -> list[Result]:
    """Measure the CPU time of listing with each share of traces. Raises `RuntimeError` without
    spans."""
    async with (
        requests.filled_database() as (folder, database),
        Issuer() as issuer,
        receiver() as (url, bodies),
    ):
        calls = write_calls(folder / "lists", requests.list_calls(issuer))
        measured = await _rounds(variables(issuer, database), url, calls, folder)
        if not bodies:
            raise RuntimeError("no span was sent")
    return _results(measured)


@asynccontextmanager
async def receiver() -> AsyncIterator[tuple[str, list[int]]]:
    """Take spans over HTTP and forget them. Yields the URL and the sizes of what was sent."""
    sizes: list[int] = []

    async def receive(request: web.Request) -> web.Response:
        sizes.append(len(await request.read()))
        return web.Response()

    app = web.Application(client_max_size=2**26)
    app.router.add_post("/v1/traces", receive)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    yield f"http://{host}:{port}", sizes
    await runner.cleanup()


async def _rounds(
    environ: dict[str, str], receiver: str, calls: Path, folder: Path
) -> dict[str, Measured]:
    """All take turns, forwards and backwards, so that what else the machine does falls on all."""
    endpoint = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver}
    environs = {"none": environ}
    environs |= {name: environ | endpoint | sampler for name, sampler in SAMPLING.items()}
    async with AsyncExitStack() as stack:
        measured = {
            name: Measured(
                await stack.enter_async_context(program("entries", it, folder / f"{name}.log"))
            )
            for name, it in environs.items()
        }
        for each in measured.values():
            await load(each.program.url, each.program.pid, calls, WARM_UP, CONNECTIONS)
        for number in range(ROUNDS):
            order = list(measured.values())
            for each in order if number % 2 else reversed(order):
                one = each.program
                each.cpu.append((await load(one.url, one.pid, calls, SECONDS, CONNECTIONS)).cpu)
    return measured


def _results(measured: dict[str, Measured]) -> list[Result]:
    plain = measured["none"].cpu
    against = f"median of {ROUNDS} rounds in turn, the thread that sends included"
    results = [reported("list a week without traces: CPU time", median(plain), "µs", against)]
    for name in SAMPLING:
        more = _overhead(plain, measured[name].cpu)
        case = f"traces of {name}: more CPU time a request"
        if name in MOST:
            results.append(at_most(case, more, MOST[name], "%", against))
        else:
            results.append(reported(case, more, "%", against))
    sys.stderr.write("".join(f"  {name}: {each.cpu}\n" for name, each in measured.items()))
    return results


def _overhead(plain: Sequence[float], traced: Sequence[float]) -> float:
    """Per cent, from pairs of the same turn."""
    return (median(b / a for a, b in zip(plain, traced, strict=True)) - 1) * 100
