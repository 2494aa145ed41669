"""A database of the release before this one keeps all it holds."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import asyncpg
import pytest

from libs.postgres.pool import Database
from services.profile.commands.republishing import republish_people
from services.profile.store.people import read_person
from tests.conftest import Databases
from tests.support.earlier_release import EarlierRelease, earlier_release, with_columns_of

# A hundred people: every tenth has left, every seventh is a contractor with a target of their own.
FILL = """
INSERT INTO people (
    person, name, email, kind, employer, manager, active, target_minutes, uploaders, locale,
    time_zone, reminders, claimed_name, claimed_email, claims_expire_at, sort_name, words, version
)
SELECT 'auth0|' || n, 'Person ' || n, n || '@exampleco.com',
    CASE WHEN n % 7 = 0 THEN 'contractor' ELSE 'employee' END,
    CASE WHEN n % 7 = 0 THEN 'Agency' END,
    CASE WHEN n >= 10 THEN 'auth0|' || n / 10 WHEN n = 9 THEN 'auth0|unknown' END,
    n % 10 <> 0, CASE WHEN n % 7 = 0 THEN n * 10 ELSE 2400 END,
    CASE WHEN n % 7 = 0 THEN '{agency}'::text[] ELSE '{}' END, 'de', 'Europe/Berlin', n % 2 = 0,
    'Person ' || n, n || '@exampleco.com', 1795000000 + n, 'person ' || n, 'person', n
FROM generate_series(1, 100) AS n;
UPDATE people SET delegate = 'auth0|2', delegate_since = '2026-11-01', delegate_until = '2026-12-01'
WHERE person = 'auth0|1';
INSERT INTO external_ids (person, system, external_id) SELECT person, 'payroll', person FROM people;
"""

TABLES = ("people", "external_ids")


@pytest.fixture
async def release(databases: Databases) -> AsyncIterator[EarlierRelease]:
    async with earlier_release(databases, "profile", "0001") as made:
        await made.connection.execute(FILL)
        yield made


@pytest.fixture
def connection(release: EarlierRelease) -> asyncpg.Connection:
    return release.connection


async def test_nothing_is_lost_and_targets_are_as_they_were_shown(
    release: EarlierRelease, connection: asyncpg.Connection
) -> None:
    before = await release.rows(TABLES)
    await release.upgrade()
    after = await release.rows(TABLES)
    assert with_columns_of(before, after) == before

    person = (await read_person(connection, "auth0|7")).person  # type: ignore[union-attr] # filled
    assert (person.target_minutes, person.contracts, person.since) == (70, (), None)
    assert (person.uploaders, dict(person.external_ids)) == (("agency",), {"payroll": "auth0|7"})
    # A token that was in use before is not newer than the newest one known.
    assert person.claims.issued_at == 1795000007 - 86400
    head = (await read_person(connection, "auth0|1")).person  # type: ignore[union-attr] # filled
    assert head.delegate is not None
    assert head.delegate.person == "auth0|2"


async def test_everybody_is_published_once_with_the_fields_of_this_release(
    release: EarlierRelease, connection: asyncpg.Connection
) -> None:
    await release.upgrade()
    database, now = Database(release.settings), datetime(2026, 11, 27, tzinfo=UTC)
    await database.start()
    try:
        await asyncio.gather(*(republish_people(database, now, at_most=30) for _ in range(3)))
        await republish_people(database, now)
        records = await connection.fetch("SELECT subject, data FROM events ORDER BY sequence")
        people = {record["subject"]: json.loads(record["data"]) for record in records}
        assert len(records) == len(people) == 100
        assert people["auth0|7"]["email"] == "7@exampleco.com"
        assert (people["auth0|7"]["time_zone"], people["auth0|7"]["version"]) == (
            "Europe/Berlin",
            7,
        )
        # Another release, with other fields, was stopped midway.
        await connection.execute("UPDATE publication SET fields = '{name}', through = 'auth0|5'")
        await republish_people(database, now, at_most=30)
        assert await connection.fetchval("SELECT count(*) FROM events") == 200
    finally:
        await database.stop()


async def test_leavers_are_barred_and_their_ids_are_free(
    release: EarlierRelease, connection: asyncpg.Connection
) -> None:
    await release.upgrade()
    barred = await connection.fetch("SELECT person FROM barred_people WHERE NOT active")
    assert {row["person"] for row in barred} == {f"auth0|{n}" for n in range(10, 101, 10)}
    inactive = await connection.fetchval("SELECT count(*) FROM external_ids WHERE NOT active")
    assert inactive == 10


async def test_going_back_loses_only_what_the_earlier_release_does_not_have(
    release: EarlierRelease,
) -> None:
    before = await release.rows(TABLES)
    await release.upgrade()
    await release.downgrade()
    after = await release.rows(TABLES)
    assert len(after["people"]) == len(before["people"])
    assert after["external_ids"] == before["external_ids"]
