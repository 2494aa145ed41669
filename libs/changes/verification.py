"""`python -m services.<name> verify`: is the change log as it was written?"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

import asyncpg

from libs.changes.log import FIRST_PREVIOUS, READ_HEAD, read_all
from libs.postgres.retry import CONNECT_ERRORS
from libs.postgres.settings import DatabaseSettings
from libs.web.logs import mask_secrets
from libs.web.settings import Environment, SettingsError

BROKEN = 1
NOT_CHECKED = 2


@dataclass(frozen=True, slots=True)
class Finding:
    """A description of what was checked, and the first row that is not as written."""

    checked: str
    broken: str | None = None


Check = Callable[[asyncpg.Connection], Awaitable[Finding]]


async def check_changes(connection: asyncpg.Connection) -> Finding:
    """Recompute the chain of the change log."""
    count, previous = 0, FIRST_PREVIOUS
    async for row in read_all(connection):
        if row.number != count + 1:
            return Finding("", f"change {count + 1} is missing")
        if row.previous != previous:
            return Finding("", f"change {row.number}: the row before it is not as written")
        count, previous = row.number, row.digest
    head = await connection.fetchrow(READ_HEAD) or (0, FIRST_PREVIOUS)
    if (count, previous) != tuple(head):
        return Finding("", f"change {count} is not the one written last")
    return Finding(f"{count} changes are as written")


def main(environ: Mapping[str, str], checks: Sequence[Check] = (check_changes,)) -> int:
    """Run the checks on the database at DATABASE_URL, print the findings, return the exit code."""
    env = Environment(environ)
    settings = DatabaseSettings.read(env, application_name="verify")
    try:
        env.check()
        findings = asyncio.run(verify(settings, checks))
    except (SettingsError, *CONNECT_ERRORS) as error:
        sys.stderr.write(f"nothing was checked: {mask_secrets(str(error))}\n")
        return NOT_CHECKED
    for finding in findings:
        sys.stdout.write(f"{finding.broken or finding.checked}\n")
    return BROKEN if any(finding.broken for finding in findings) else 0


async def verify(settings: DatabaseSettings, checks: Sequence[Check]) -> list[Finding]:
    """Run the checks on one snapshot, however much is written meanwhile."""
    connection = await asyncpg.connect(**settings.arguments())
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            return [await check(connection) for check in checks]
    finally:
        await connection.close()
