"""Checks that every history is as it was written: part of `python -m services.approvals verify`.

Almost all of the time is decoding and hashing, so ranges of a large table are checked by processes.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import multiprocessing
import os
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass

from libs.changes.verification import Finding, Snapshot, share_snapshot
from libs.postgres.settings import DatabaseSettings
from services.approvals.chain import first_break
from services.approvals.store.chains import (
    approval_of,
    count_pages,
    is_as_written,
    read_chains,
)
from services.approvals.store.history import step_of

# Each process takes 50 MiB, and a pod has 512 MiB beside its service.
MAX_PROCESSES = 4
# Checking so many pages takes as long as starting the processes.
PAGES_OF_ONE_PROCESS = 512
# Many more than processes: they end at about the same time, and a fault ends the rest early.
RANGES = 64


@dataclass(frozen=True, slots=True)
class PageRange:
    """The pages of the table of approvals from `first` to before `end`."""

    first: int
    end: int


@dataclass(frozen=True, slots=True)
class Checked:
    """The rows that were checked of a range, and its first fault."""

    approvals: int
    rows: int
    broken: str | None = None


def page_ranges(pages: int, number: int) -> list[PageRange]:
    """So many pages in so many ranges, of which no two differ by more than a page."""
    bounds = [pages * step // number for step in range(number + 1)]
    return [PageRange(first, end) for first, end in itertools.pairwise(bounds)]


async def check_histories(snapshot: Snapshot) -> Finding:
    """Recompute the chain of every approval, and compare its end with the approval."""
    pages = await count_pages(snapshot.connection)
    if pages > PAGES_OF_ONE_PROCESS:
        return await check_in_processes(snapshot, page_ranges(pages, RANGES))
    return _finding(await check_range(snapshot.settings, snapshot.id, PageRange(0, pages)))


async def check_in_processes(snapshot: Snapshot, ranges: Sequence[PageRange]) -> Finding:
    """Check the ranges side by side, and end with the first fault in their order."""
    processes = min(os.cpu_count() or 1, MAX_PROCESSES)
    total = Checked(0, 0)
    # Spawned, because a fork would share the connection.
    spawn = multiprocessing.get_context("spawn")
    # Without the collector of cycles, of which there are none, rows are decoded in two thirds.
    with ProcessPoolExecutor(processes, mp_context=spawn, initializer=gc.disable) as executor:
        running: list[Future[Checked]] = [
            executor.submit(_check_range, snapshot.settings, snapshot.id, range_)
            for range_ in ranges
        ]
        try:
            for future in running:
                checked = await asyncio.wrap_future(future)
                approvals, rows = total.approvals + checked.approvals, total.rows + checked.rows
                total = Checked(approvals, rows, checked.broken)
                if total.broken is not None:
                    break
        finally:
            for future in running:
                future.cancel()
    return _finding(total)


def _finding(checked: Checked) -> Finding:
    if checked.broken is not None:
        return Finding("", checked.broken)
    return Finding(f"{checked.rows} rows of {checked.approvals} approvals are as written")


def _check_range(settings: DatabaseSettings, snapshot_id: str, pages: PageRange) -> Checked:
    return asyncio.run(check_range(settings, snapshot_id, pages))


async def check_range(settings: DatabaseSettings, snapshot_id: str, pages: PageRange) -> Checked:
    """Check the histories of a range, as the snapshot has them, up to its first fault."""
    approvals, rows = 0, 0
    async with share_snapshot(settings, snapshot_id) as connection:
        async for record, steps in read_chains(connection, pages.first, pages.end):
            if not is_as_written(record, steps):
                approval = approval_of(record)
                fault = first_break(approval, list(map(step_of, steps)))
                if fault is not None:
                    place = f"submission {approval.id} ({approval.person}, {approval.week})"
                    return Checked(approvals, rows, f"{place}: {fault}")
            approvals, rows = approvals + 1, rows + len(steps)
    return Checked(approvals, rows)
