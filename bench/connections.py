"""The same closed loop over 32 to 512 connections: more of them wait longer, none is refused.

A 503 is wrong where waiting for a quarter of a second would have avoided it. A request
that was refused later had waited; one that was refused earlier may have been served.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from statistics import median

from bench import requests
from bench.driver import Outcome, keep_busy
from bench.load import CONNECTIONS
from bench.openloop import encoded_calls
from bench.programs import program, variables
from bench.results import Result, at_least, at_most, reported
from tests.support.issuer import Issuer

NUMBERS = (CONNECTIONS, 64, 128, 256, 512)
ROUNDS, SECONDS, WARM_UP = 5, 2.0, 1.0
LEAST_SHARE = 0.9
OF_SHARE = (64, 128, 256)
"""The numbers of connections with which the rate must stay."""
WORTH_WAITING = 250.0
"""Milliseconds."""


async def measure() -> list[Result]:
    """Measure listing and creating over each number of connections."""
    async with (
        requests.filled_database() as (folder, database),
        Issuer() as issuer,
        program("entries", variables(issuer, database), folder / "log") as entries,
    ):
        return [
            result
            for what, calls in encoded_calls(issuer).items()
            for result in _results(what, await _rounds(entries.url, calls))
        ]


async def _rounds(url: str, calls: Sequence[bytes]) -> Mapping[int, list[Outcome]]:
    """All numbers in turn, again and again: what disturbs the machine disturbs them all."""
    taken: dict[int, list[Outcome]] = {number: [] for number in NUMBERS}
    await keep_busy(url, calls, CONNECTIONS, WARM_UP)
    for _ in range(ROUNDS):
        for number, outcomes in taken.items():
            outcomes.append(await keep_busy(url, calls, number, SECONDS))
            sys.stderr.write(f"  {number} connections: {outcomes[-1].describe()}\n")
    return taken


def _results(what: str, taken: Mapping[int, list[Outcome]]) -> Iterator[Result]:
    base = taken[CONNECTIONS]
    yield reported(
        f"{what}, {CONNECTIONS} connections: rate",
        *(median(one.rate for one in base), "a second", "closed loop of the bench's own driver"),
    )
    against = f"closed loop; median of {ROUNDS} rounds in turn"
    for number, outcomes in taken.items():
        case = f"{what}, {number} connections"
        pairs = zip(outcomes, base, strict=True)
        share = median(one.rate / other.rate for one, other in pairs)
        if number in OF_SHARE:
            yield at_least(
                f"{case}: good responses relative to {CONNECTIONS}",
                *(share, LEAST_SHARE, "times", against),
            )
        early = sum(early_503s(one) for one in outcomes)
        yield at_most(
            f"{case}: refused within {WORTH_WAITING:g} ms",
            *(early, 0, "requests", f"of {sum(len(one.good) for one in outcomes):,}"),
        )
        yield reported(f"{case}: p99", median(one.latency(0.99) for one in outcomes), "ms", against)


def early_503s(outcome: Outcome) -> int:
    """The number of 503s before `WORTH_WAITING` was over."""
    return sum(latency < WORTH_WAITING for latency in outcome.refused)
