"""People read and write in the weeks that a batch writes to, at a fixed rate, while others work.

Reads are of a week, writes create an entry; both count from when they were due. Everything else
runs twice beside them, and the latencies of both runs count together.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from bench.driver import Outcome, schedule, send_at_rate
from bench.openloop import lag_in_words
from bench.results import Result, at_most, reported
from bench.uploads import ENDING, FIRST_MONDAY, Company, company

READS, WRITES = 50.0, 25.0
ROWS = int(os.environ.get("CONTENTION_ROWS", "160000"))
RUNS, QUIET_SECONDS = 2, 6.0
LONGEST = 120.0
TOTALS_AT_ONCE, TOTALS_SECONDS = 12, 3.0
MOST_READ, MOST_WRITE, MOST_CLOSING = 50.0, 250.0, 2.0
CONNECTIONS = 64
UPLOADS = 3
"""The works with a batch."""
BY_UPLOAD = "by an upload"
"""Part of the 503 that says that an upload is changing the same data."""


@dataclass(slots=True)
class Beside:
    """The responses that people got while something ran, and the results of that."""

    reads: Outcome
    writes: Outcome
    taken: dict[str, list[float]] = field(default_factory=dict)
    """The seconds of each thing that ran."""
    statuses: Counter[int] = field(default_factory=Counter)
    """Of the requests that are no person's."""

    def note(self, what: str, status: int, seconds: float) -> None:
        """Count one response: `what` was requested, the HTTP status and the seconds it took."""
        self.taken.setdefault(what, []).append(seconds)
        self.statuses[status] += 1


Work = Callable[[Company, Beside, int], Awaitable[None]]


async def quiet(_company: Company, _beside: Beside, _run: int) -> None:
    """People alone."""
    await asyncio.sleep(QUIET_SECONDS)


async def batch(of: Company, beside: Beside, _run: int) -> None:
    """A batch for the same people."""
    beside.note("the batch", 201, await of.upload())


async def closing(of: Company, beside: Beside, run: int) -> None:
    """The period is closed while a batch writes; the batch's own weeks stay open."""
    through = FIRST_MONDAY - timedelta(days=100 - run)
    body = {"closed_through": str(through), "reason": "payroll"}
    await _while_writing(of, beside, "closing", "PUT", "/v1/period", body)


async def ending(of: Company, beside: Beside, run: int) -> None:
    """A project that the batch does not use is ended while a batch writes."""
    path = f"/v1/projects/{ENDING}{run}"
    await _while_writing(of, beside, "ending a project", "PATCH", path, {"active": False})


async def totals(of: Company, beside: Beside, _run: int) -> None:
    """A partner asks for the totals of a year twelve times at once, again and again."""
    loop_ = asyncio.get_running_loop()
    end = loop_.time() + TOTALS_SECONDS
    while loop_.time() < end:
        for status, seconds in await asyncio.gather(
            *(of.read_totals() for _ in range(TOTALS_AT_ONCE))
        ):
            beside.note("totals of a year", status, seconds)


async def _while_writing(
    of: Company, beside: Beside, what: str, method: str, path: str, body: Mapping[str, object]
) -> None:
    uploading = asyncio.create_task(batch(of, beside, 0))
    try:
        await of.until_writing(uploading)
        status, seconds = await of.administer(method, path, body)
        beside.note(what, status, seconds)
    finally:
        await uploading


WORKS: dict[str, Work] = {
    "nothing else": quiet,
    f"a batch of {ROWS:,} rows": batch,
    f"a batch of {ROWS:,} rows and closing": closing,
    f"a batch of {ROWS:,} rows and ending a project": ending,
    f"{TOTALS_AT_ONCE} totals of a year at once": totals,
}


async def measure() -> list[Result]:
    """Measure what people wait for, beside each kind of work and beside none."""
    results: list[Result] = []
    with tempfile.TemporaryDirectory() as name:
        async with company(Path(name)) as of:
            of.write_files(ROWS, RUNS * UPLOADS)
            await watch(of, quiet, 1)  # warms up
            for what, work in WORKS.items():
                beside = await watch(of, work, RUNS)
                tell(what, beside)
                results += _results(what, beside)
    return results


async def watch(of: Company, work: Work, runs: int) -> Beside:
    """Run the work one time after the other beside people's requests."""
    over = asyncio.Event()
    people = [
        asyncio.create_task(
            send_at_rate(of.entries.url, calls, schedule(rate, LONGEST), over, CONNECTIONS)
        )
        for calls, rate in ((of.reads, READS), (of.writes, WRITES))
    ]
    beside = Beside(Outcome(), Outcome())
    try:
        for run in range(runs):
            await work(of, beside, run)
    finally:
        over.set()
        beside.reads, beside.writes = await asyncio.gather(*people)
    return beside


def tell(what: str, beside: Beside) -> None:
    """Write the progress."""
    taken = {
        each: ", ".join(f"{value:.2f}" for value in seconds[:4])
        for each, seconds in beside.taken.items()
    }
    sys.stderr.write(f"  {what}: {taken} {dict(beside.statuses)}\n")
    sys.stderr.write(f"    reads {beside.reads.describe()}\n")
    sys.stderr.write(f"    writes {beside.writes.describe()}\n")


def _results(what: str, beside: Beside) -> Iterator[Result]:
    for kind, outcome, rate, most in (
        ("reads", beside.reads, READS, MOST_READ),
        ("writes", beside.writes, WRITES, MOST_WRITE),
    ):
        case = f"{kind} during {what}"
        against = f"{rate:g}/s for {outcome.seconds:.0f} s; {lag_in_words(outcome)}"
        yield at_most(f"{case}: p99", outcome.latency(0.99), most, "ms", against)
        yield at_most(f"{case}: refused", refused(outcome), 0, "requests", against)
        yield reported(
            f"{case}: refused by name of the upload", named(outcome), "requests", against
        )
    for name, seconds in beside.taken.items():
        against = f"statuses {dict(beside.statuses)}"
        case = f"{name} during {what}"
        if name in ("closing", "ending a project"):
            yield at_most(case, max(seconds), MOST_CLOSING, "s", f"longest of {RUNS}; {against}")
        else:
            yield reported(case, max(seconds), "s", f"longest; {against}")


def named(outcome: Outcome) -> int:
    """The requests whose refusal says that an upload is in the way."""
    return sum(count for words, count in outcome.problems.items() if BY_UPLOAD in words)


def refused(outcome: Outcome) -> int:
    """All other requests that did not succeed."""
    return outcome.failed - named(outcome)
