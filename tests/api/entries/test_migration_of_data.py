"""A database of the release before this one keeps all it holds."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest

from tests.conftest import Databases
from tests.support.earlier_release import EarlierRelease, earlier_release, with_columns_of

FILL = """
INSERT INTO projects (code, name, customer, billable, version)
VALUES ('APOLLO', 'Apollo', 'Big', true, 3), ('zeus', 'Zeus', 'Small', false, 1),
    ('ZEUS', 'Zeus again', 'Small', false, 1);
INSERT INTO people
    (person, name, kind, manager, active, target_minutes, external_ids, uploaders, version)
VALUES ('auth0|erin', 'Erin', 'employee', 'auth0|maya', true, 2403, '{}', '{}', 1),
    ('auth0|carl', 'Carl', 'contractor', NULL, false, 0, '{"hr": "7"}', '{agency}', 2);
INSERT INTO entries (person, id, date, project, task, minutes, billable, source)
SELECT 'auth0|erin', gen_random_uuid(), '2026-01-05'::date + number, 'APOLLO', '', 60, true, 'app'
FROM generate_series(0, 349) AS number;
INSERT INTO entries (person, id, date, project, minutes, billable, source, external_id)
SELECT 'auth0|carl', gen_random_uuid(), '2026-01-05'::date + number, 'zeus', 30, false,
    'batch:agency', number::text
FROM generate_series(0, 349) AS number;
UPDATE weeks SET state = 'approved', submission_id = gen_random_uuid()
WHERE monday < '2026-06-01';
UPDATE weeks SET state = 'submitted', submission_id = gen_random_uuid()
WHERE monday = '2026-06-01';
INSERT INTO week_history (person, monday, event, actor, total_minutes, at)
SELECT person, monday, 'approved', 'auth0|maya', 420, '2026-06-10' FROM weeks
WHERE state = 'approved';
INSERT INTO periods (closed_through, actor, at)
VALUES ('2026-01-31', 'auth0|ada', '2026-02-03'), ('2026-02-28', 'auth0|ada', '2026-07-03');
"""

TABLES = ("entries", "weeks", "week_history", "projects", "people", "periods")


@pytest.fixture
async def release(databases: Databases) -> AsyncIterator[EarlierRelease]:
    async with earlier_release(databases, "entries", "0003") as made:
        yield made


@pytest.fixture
def connection(release: EarlierRelease) -> asyncpg.Connection:
    return release.connection


async def test_nothing_is_lost_and_targets_are_as_they_were_shown(
    release: EarlierRelease, connection: asyncpg.Connection
) -> None:
    await connection.execute(FILL)
    before = await release.rows(TABLES)
    await release.upgrade()
    after = await release.rows(TABLES)
    assert with_columns_of(before, after) == before

    targets = dict(
        await connection.fetch(
            "SELECT person || state, array_agg(DISTINCT targets::text) FROM weeks GROUP BY 1"
        )
    )
    erins, none = "{481,481,481,480,480,0,0}", "{0,0,0,0,0,0,0}"
    assert targets == {
        "auth0|erinapproved": [erins],
        "auth0|erinsubmitted": [erins],
        "auth0|erinopen": [None],
        "auth0|carlapproved": [none],
        "auth0|carlsubmitted": [none],
        "auth0|carlopen": [None],
    }
    late = await connection.fetch("SELECT DISTINCT monday FROM weeks WHERE late ORDER BY 1")
    assert [str(row[0]) for row in late] == [
        *("2026-01-05", "2026-01-12", "2026-01-19", "2026-01-26")
    ]
    versions = await connection.fetch("SELECT code, name, valid_from FROM project_versions")
    assert sorted((row["code"], row["name"], str(row["valid_from"])) for row in versions) == [
        ("APOLLO", "Apollo", "1970-01-01"),
        ("ZEUS", "Zeus again", "1970-01-01"),
        ("zeus", "Zeus", "1970-01-01"),
    ]


async def test_a_person_that_nothing_was_known_of_keeps_the_target_that_was_shown(
    release: EarlierRelease, connection: asyncpg.Connection
) -> None:
    await connection.execute(
        "INSERT INTO weeks (person, monday, state, submission_id) "
        "VALUES ('auth0|new', '2026-01-05', 'submitted', gen_random_uuid())"
    )
    await release.upgrade()
    targets = await connection.fetchval("SELECT targets::text FROM weeks")
    assert targets == "{480,480,480,480,480,0,0}"
