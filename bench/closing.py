"""Closing a period while a large batch is merged: nobody is refused, no read takes much longer.

The same batch runs with and without the closing, in turn; the longest reads are compared.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from datetime import timedelta
from pathlib import Path

from bench.contention import Beside, refused, tell, watch
from bench.results import Result, at_most, reported
from bench.uploads import FIRST_MONDAY, Company, company

ROWS = int(os.environ.get("CLOSING_ROWS", "400000"))
ROUNDS = 2
MOST_MORE = 200.0
"""Milliseconds."""


async def upload(of: Company, beside: Beside, _run: int) -> None:
    """The batch alone."""
    beside.note("the batch", 201, await of.upload())


def closing_day(number: int) -> str:
    """The body's day: later with each number, and before the batch's weeks."""
    return str(FIRST_MONDAY - timedelta(days=100 - number))


async def upload_and_close(of: Company, beside: Beside, run: int) -> None:
    """The period is closed in the middle of the merge."""
    uploading = asyncio.create_task(upload(of, beside, run))
    try:
        await of.until_writing(uploading)
        body = {"closed_through": closing_day(of.next_number()), "reason": "payroll"}
        beside.note("closing", *await of.administer("PUT", "/v1/period", body))
    finally:
        await uploading


async def measure() -> list[Result]:
    """Measure reads and writes beside a batch, with a period being closed and without."""
    alone, both = [], []
    with tempfile.TemporaryDirectory() as name:
        async with company(Path(name)) as of:
            of.write_files(ROWS, 2 * ROUNDS)
            for _ in range(ROUNDS):
                alone.append(await watch(of, upload, 1))
                tell("the batch alone", alone[-1])
                both.append(await watch(of, upload_and_close, 1))
                tell("the batch and closing", both[-1])
    what = f"closing during a batch of {ROWS:,} rows"
    longest = [max(max(one.reads.good) for one in those) for those in (alone, both)]
    against = f"the longest read of {ROUNDS} rounds, {longest[0]:.0f} ms with the batch alone"
    failed = sum(refused(one.reads) + refused(one.writes) for one in both)
    seconds = max(max(one.taken["closing"]) for one in both)
    return [
        at_most(
            f"{what}: longest read, more than without",
            longest[1] - longest[0],
            MOST_MORE,
            "ms",
            against,
        ),
        at_most(f"{what}: refused", failed, 0, "requests", "50 reads and 25 writes a second"),
        reported(f"{what}: closing itself", seconds, "s", f"longest of {ROUNDS}"),
    ]
