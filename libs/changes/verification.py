"""`python -m services.<name> verify`: is the change log as it was written?"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from concurrent.futures import BrokenExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import asyncpg

from libs.changes.log import FIRST_PREVIOUS, READ_HEAD, read_all
from libs.postgres.retry import CONNECT_ERRORS
from libs.postgres.settings import DatabaseSettings
from libs.web.logs import mask_secrets
from libs.web.settings import Environment, SettingsError

BROKEN = 1
NOT_CHECKED = 2

EXPORT_SNAPSHOT = "SELECT quote_literal(pg_export_snapshot())"


@dataclass(frozen=True, slots=True)
class Finding:
    """A description of what was checked, and the first row that is not as written."""

    checked: str
    broken: str | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A connection in a transaction whose snapshot further connections can share.

    `id` is that of `pg_export_snapshot()` as an SQL literal, valid until the transaction ends.
    """

    connection: asyncpg.Connection
    settings: DatabaseSettings
    id: str


Check = Callable[[Snapshot], Awaitable[Finding]]


@asynccontextmanager
async def open_snapshot(settings: DatabaseSettings) -> AsyncIterator[Snapshot]:
    """Begin a transaction that sees one state of the database, and let others see the same."""
    # The transaction idles while others check.
    patient = replace(settings, idle_in_transaction_timeout=0.0)
    async with _connection(patient) as connection:
        yield Snapshot(connection, settings, await connection.fetchval(EXPORT_SNAPSHOT))


@asynccontextmanager
async def share_snapshot(
    settings: DatabaseSettings, snapshot_id: str
) -> AsyncIterator[asyncpg.Connection]:
    """Begin a transaction that sees what that of `open_snapshot` sees, in any process."""
    async with _connection(settings) as connection:
        await connection.execute(f"SET TRANSACTION SNAPSHOT {snapshot_id}")
        yield connection


@asynccontextmanager
async def _connection(settings: DatabaseSettings) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(**settings.arguments())
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            yield connection
    finally:
        await connection.close()


async def check_change_log(snapshot: Snapshot) -> Finding:
    """Recompute the chain of the change log."""
    return await check_changes(snapshot.connection)


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


def main(environ: Mapping[str, str], checks: Sequence[Check] = (check_change_log,)) -> int:
    """Run the checks on the database at DATABASE_URL, print the findings, return the exit code."""
    env = Environment(environ)
    settings = DatabaseSettings.read(env, application_name="verify")
    try:
        env.check()
        findings = asyncio.run(verify(settings, checks))
    except (SettingsError, BrokenExecutor, *CONNECT_ERRORS) as error:
        sys.stderr.write(f"nothing was checked: {mask_secrets(str(error))}\n")
        return NOT_CHECKED
    for finding in findings:
        sys.stdout.write(f"{finding.broken or finding.checked}\n")
    return BROKEN if any(finding.broken for finding in findings) else 0


async def verify(settings: DatabaseSettings, checks: Sequence[Check]) -> list[Finding]:
    """Run the checks on one snapshot, however much is written meanwhile."""
    async with open_snapshot(settings) as snapshot:
        return [await check(snapshot) for check in checks]
