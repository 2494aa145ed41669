"""`python -m services.approvals verify`: is every history as it was written?"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from dataclasses import dataclass

import asyncpg

from libs.postgres.retry import CONNECT_ERRORS
from libs.postgres.settings import DatabaseSettings
from libs.web.logs import mask_secrets
from libs.web.settings import Environment, SettingsError
from services.approvals.chain import first_break
from services.approvals.store.approvals import read_all_approvals
from services.approvals.store.history import read_histories

BROKEN = 1
NOT_CHECKED = 2


@dataclass(frozen=True, slots=True)
class Finding:
    """How far the check came, and the first row that is not as it was written."""

    approvals: int
    rows: int
    broken: str | None = None


def main(environ: Mapping[str, str]) -> int:
    """Check DATABASE_URL's histories, tell the outcome and return the exit code."""
    env = Environment(environ)
    settings = DatabaseSettings.read(env, application_name="verify")
    try:
        env.check()
        finding = asyncio.run(verify(settings))
    except (SettingsError, *CONNECT_ERRORS) as error:
        sys.stderr.write(f"nothing was checked: {mask_secrets(str(error))}\n")
        return NOT_CHECKED
    if finding.broken is not None:
        sys.stdout.write(f"{finding.broken}\n")
        return BROKEN
    sys.stdout.write(f"{finding.rows} rows of {finding.approvals} approvals are as written\n")
    return 0


async def verify(settings: DatabaseSettings) -> Finding:
    """All of it as it is at one moment, however much is decided meanwhile."""
    connection = await asyncpg.connect(**settings.arguments())
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            return await _verify(connection)
    finally:
        await connection.close()


async def _verify(connection: asyncpg.Connection) -> Finding:
    approvals, rows = 0, 0
    async for page in read_all_approvals(connection):
        histories = await read_histories(connection, [approval.id for approval in page])
        for approval in page:
            steps = histories[approval.id]
            told = first_break(approval, steps)
            if told is not None:
                place = f"submission {approval.id} ({approval.person}, {approval.week})"
                return Finding(approvals, rows, f"{place}: {told}")
            approvals, rows = approvals + 1, rows + len(steps)
    return Finding(approvals, rows)
