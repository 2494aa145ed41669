"""Errors of batches: how many are kept, and for how long."""

from __future__ import annotations

import asyncpg

from libs.postgres.pool import Database
from services.entries.batches.commands.tidy import tidy_batches
from tests.api.entries.agency import Agency, row
from tests.conftest import service_settings
from tests.support.clock import StandingClock
from tests.support.issuer import Issuer

KEPT = """
    SELECT (SELECT count(DISTINCT batch) FROM batch_errors),
        (SELECT count(DISTINCT batch) FROM batch_changes)
"""


async def test_ten_thousand_errors_are_kept_and_all_are_counted(
    agency: Agency, connection: asyncpg.Connection
) -> None:
    body = b'{"external_id": "a"}\n' * 10_050
    reply = await agency.send(body, "?dry_run=true", packed=True)
    assert reply.json["failed"] == 10_050
    assert await connection.fetchval("SELECT count(*) FROM batch_errors") == 10_000


async def test_errors_and_changes_are_deleted_with_age_and_those_of_dry_runs_after_a_day(
    agency: Agency,
    connection: asyncpg.Connection,
    entries_database: str,
    clock: StandingClock,
    issuer: Issuer,
) -> None:
    db = Database(service_settings("entries", issuer, entries_database).database)
    await db.start()

    async def kept_after(days: float) -> tuple[int, int]:
        await connection.execute(
            "UPDATE batches SET created_at = $1::timestamptz - make_interval(hours => $2)",
            clock.now(),
            round(days * 24),
        )
        await tidy_batches(db, clock)
        errors, changes = await connection.fetchrow(KEPT)
        return errors, changes

    try:
        await agency.send([row(1)])
        changing = [row(1, minutes=5), row(2, minutes=0)]
        for query in ("?on_error=skip&dry_run=true", "?on_error=skip"):
            assert (await agency.send(changing, query)).json["updated"] == 1
        assert await kept_after(0.9) == (2, 2)
        assert await kept_after(1.1) == (1, 1)
        assert await kept_after(29) == (1, 1)
        assert await kept_after(31) == (0, 1)
        assert await kept_after(91) == (0, 0)
    finally:
        await db.stop()
