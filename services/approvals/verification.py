"""Checks that every history is as it was written: part of `python -m services.approvals verify`."""

from __future__ import annotations

import asyncpg

from libs.changes.verification import Finding
from services.approvals.chain import first_break
from services.approvals.store.approvals import read_all_approvals
from services.approvals.store.history import read_histories


async def check_histories(connection: asyncpg.Connection) -> Finding:
    """Recompute the chain of every approval, and compare its end with the approval."""
    approvals, rows = 0, 0
    async for page in read_all_approvals(connection):
        histories = await read_histories(connection, [approval.id for approval in page])
        for approval in page:
            steps = histories[approval.id]
            fault = first_break(approval, steps)
            if fault is not None:
                place = f"submission {approval.id} ({approval.person}, {approval.week})"
                return Finding("", f"{place}: {fault}")
            approvals, rows = approvals + 1, rows + len(steps)
    return Finding(f"{rows} rows of {approvals} approvals are as written")
