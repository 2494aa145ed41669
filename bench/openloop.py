"""Latency at a fixed arrival rate, direct and through Traefik: the service below its peak.

The peak is what 32 connections get in a closed loop on the same way; then requests arrive at 50, 75
and 90 % of it. The service has a core of its own; the client, Traefik and PostgreSQL share the
others.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from statistics import median

from bench import requests
from bench.cores import bind, measured_usage, reserved_core
from bench.driver import MOST_LAG, Outcome, keep_busy, schedule, send_at_rate
from bench.exchange import encode
from bench.load import CONNECTIONS
from bench.programs import Program, program, traefik, variables
from bench.results import Result, at_most, reported
from tests.support.issuer import Issuer

PEAK_ROUNDS, PEAK_SECONDS = 3, 2
WARM_UP, SECONDS = 1.0, 8.0
SHARES = (0.5, 0.75, 0.9)
MOST_MILLISECONDS = {"direct": 15.0, "through Traefik": 30.0}


async def measure() -> list[Result]:
    """Measure latencies at shares of the peak, direct and through Traefik."""
    results = []
    with reserved_core() as core:
        async with _started() as (issuer, entries, edge):
            bind(entries.pid, core)
            for what, calls in encoded_calls(issuer).items():
                for way, url in (("direct", entries.url), ("through Traefik", edge)):
                    case, most = f"{what}, {way}", MOST_MILLISECONDS[way]
                    results += await _way(case, url, calls, most, entries.pid)
    return results


@asynccontextmanager
async def _started() -> AsyncIterator[tuple[Issuer, Program, str]]:
    """The issuer, the service, and the URL of Traefik before it."""
    async with (
        requests.filled_database() as (folder, database),
        Issuer() as issuer,
        program("entries", variables(issuer, database), folder / "log") as entries,
        traefik({"entries": [entries.url]}, folder) as edge,
    ):
        yield issuer, entries, edge


def encoded_calls(issuer: Issuer) -> Mapping[str, list[bytes]]:
    """The requests of `bench.requests`."""
    return {
        "list a week of 20 entries": [encode(call) for call in requests.list_calls(issuer)],
        "create an entry": [encode(call) for call in requests.create_calls(issuer)],
    }


async def _way(what: str, url: str, calls: list[bytes], most: float, service: int) -> list[Result]:
    with measured_usage(service) as usage:
        peak = await _peak(url, calls)
    against = (
        f"{CONNECTIONS} connections, closed loop; median of {PEAK_ROUNDS} rounds; "
        f"{usage.in_words()}"
    )
    results = [reported(f"{what}: peak", peak, "a second", against)]
    following = itertools.cycle(calls)
    for share in SHARES:
        rate = share * peak
        await send_at_rate(url, following, schedule(rate, WARM_UP))
        with measured_usage(service) as usage:
            outcome = await send_at_rate(url, following, schedule(rate, SECONDS))
        sys.stderr.write(
            f"  {what}: {rate:,.0f}/s ({share:.0%}): {outcome.describe()}; {usage.in_words()}\n"
        )
        against = f"{rate:,.0f}/s for {SECONDS:g} s, from when it was due; {usage.in_words()}"
        results += _results(f"{what}, {share:.0%} of its peak", outcome, most, against)
    return results


async def _peak(url: str, calls: list[bytes]) -> float:
    await keep_busy(url, calls, CONNECTIONS, WARM_UP)
    rates = [
        (await keep_busy(url, calls, CONNECTIONS, PEAK_SECONDS)).rate for _ in range(PEAK_ROUNDS)
    ]
    return median(rates)


def _results(case: str, outcome: Outcome, most: float, against: str) -> Iterator[Result]:
    against += f", {lag_in_words(outcome)}"
    yield at_most(f"{case}: p99", outcome.latency(0.99), most, "ms", against)
    yield reported(f"{case}: p50", outcome.latency(0.5), "ms", against)
    yield reported(f"{case}: p99.9", outcome.latency(0.999), "ms", against)
    yield at_most(f"{case}: not served", outcome.failed, 0, "requests", against)


def lag_in_words(outcome: Outcome) -> str:
    """The delay of the driver itself, marked if it is too long to trust the latencies."""
    mark = " (too late: the driver measures itself)" if outcome.lag > MOST_LAG else ""
    return f"driver's own lag p99 {outcome.lag:.1f} ms{mark}"
