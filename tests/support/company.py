"""A generated company of any size: its databases are filled by SQL, in order of time.

Everybody enters hours on five days of each week, and the weeks of all people lie in the tables one
after the other, as hours come. Every week is approved but the last two: one waits, one is open.
One week in a hundred was never submitted. One in forty of the people is a manager.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, timedelta

import asyncpg

from services.profile.names import search_words, sort_key

NEWEST_MONDAY = date(2026, 11, 23)
ENTRIES_A_WEEK = 5
MANAGER_OF_MANY = "auth0|m0"
"""Manages 500 people, or half of a smaller company."""
FIRST = ("Ada", "Ben", "Chloe", "Dora", "Erin", "Finn", "Grete", "Hugo", "Ida", "Jan")
LAST = ("Abel", "Braun", "Claus", "Dietz", "Ernst", "Fink", "Groß", "Haas", "Imhof", "Jäger")

# A bulk load as an administrator would do it: without triggers, and indexed at the end.
INDEXES = """
    SELECT format('DROP INDEX %I', indexrelid::regclass::text) AS drop,
        pg_get_indexdef(indexrelid) AS create
    FROM pg_index WHERE indrelid = $1::regclass AND NOT indisprimary
"""
ENTRIES_PROJECTS = """
    INSERT INTO projects (code, name, customer)
    SELECT 'P' || number, 'Project ' || number, 'Customer ' || number / 5
    FROM generate_series(0, 199) AS number;
    INSERT INTO project_versions (code, valid_from, name, customer, billable)
    SELECT code, '1970-01-01', name, customer, billable FROM projects
"""
ENTRIES_PEOPLE = """
    INSERT INTO people (person, name, email, kind, manager, active, target_minutes, external_ids,
        uploaders, employer, version)
    SELECT person, name, email, kind, manager, true, 2400, '{}', uploaders, employer, 1
    FROM members
"""
ENTRIES_WEEK = """
    INSERT INTO entries (person, id, date, project, task, minutes, note, billable, source,
        external_id)
    SELECT person, gen_random_uuid(), $1::date + day,
        'P' || (number * 7 + (day * number) % 5) % 200, 'Task ' || (number + day) % 3,
        420 + 15 * (number % 8), 'Worked on the thing number ' || number, number % 5 <> 0,
        CASE WHEN kind = 'contractor' THEN 'batch:agency' ELSE 'app' END,
        CASE WHEN kind = 'contractor' THEN person || '/' || ($1::date + day) END
    FROM members, generate_series(0, 4) AS day
"""
ENTRIES_STATES = """
    INSERT INTO weeks (person, monday, state, minutes, submission_id, targets)
    SELECT person, $1, state, ARRAY[day, day, day, day, day, 0, 0],
        CASE WHEN state <> 'open' THEN md5(person || $1::date)::uuid END,
        CASE WHEN state <> 'open' THEN '{480, 480, 480, 480, 480, 0, 0}'::integer[] END
    FROM (
        SELECT person, 420 + 15 * (number % 8) AS day, CASE
            WHEN $2 = 0 OR (number + $2) % 100 = 0 THEN 'open'
            WHEN $2 = 1 THEN 'submitted'
            ELSE 'approved'
        END AS state
        FROM members
    ) AS week
"""
APPROVALS_PEOPLE = """
    INSERT INTO people (person, name, email, manager, active, target_minutes, since, version)
    SELECT person, name, email, manager, true, 2400, $1, 1 FROM members
"""
APPROVALS_WEEK = """
    INSERT INTO approvals (id, person, monday, total_minutes, by_day, by_project, entries,
        submitted_at, submitted_by, flags, state, decided_by, decided_at, why, target_minutes,
        confirmed, reopened, steps, head, version)
    SELECT md5(person || $1::date)::uuid, person, $1, 5 * (420 + 15 * (number % 8)),
        (SELECT jsonb_object_agg($1::date + day, 420 + 15 * (number % 8))
         FROM generate_series(0, 4) AS day),
        jsonb_build_object('P' || number % 200, 5 * (420 + 15 * (number % 8))),
        (SELECT jsonb_agg(jsonb_build_object('date', $1::date + day, 'project', 'P' || number % 200,
            'minutes', 420 + 15 * (number % 8), 'note', 'Worked on the thing number ' || number))
         FROM generate_series(0, 4) AS day),
        $1::date + 4 + time '15:00' + make_interval(secs => number), person,
        CASE WHEN number % 8 IN (0, 7) THEN ARRAY['off_target'] ELSE '{}' END
            || CASE WHEN kind = 'contractor' THEN ARRAY['uploaded'] ELSE '{}' END,
        CASE $2::integer WHEN 1 THEN 'pending' ELSE 'approved' END,
        CASE WHEN $2::integer > 1 THEN coalesce(manager, 'auth0|head') END,
        CASE WHEN $2::integer > 1 THEN $1::date + 7 + time '09:00' END,
        CASE WHEN $2::integer > 1 THEN 'manager' END, 2400, $2::integer > 1, false,
        CASE $2::integer WHEN 1 THEN 1 ELSE 2 END, '', 1
    FROM members WHERE $2::integer > 0 AND (number + $2) % 100 <> 0
"""
# The weeks without a submission are stored by a job of the service.
UNSUBMITTED = "INSERT INTO unsubmitted_changes SELECT person FROM people"
UNASSIGNED = "INSERT INTO unassigned_people SELECT person FROM people WHERE manager IS NULL"
PROFILE_PEOPLE = """
    INSERT INTO people (person, name, email, kind, employer, manager, active, target_minutes,
        uploaders, locale, time_zone, reminders, claims_expire_at, sort_name, words)
    SELECT person, name, email, kind, employer, manager, true, 2400, uploaders, 'en', 'UTC', true,
        0, sort_name, array_to_tsvector(string_to_array(words, ' '))
    FROM members
"""
MEMBERS = """
    CREATE TEMPORARY TABLE members (
        number integer, person text, name text, email text, kind text, manager text,
        employer text, uploaders text[], sort_name text, words text
    )
"""


@dataclass(frozen=True, slots=True)
class Company:
    """So many people, each with so many weeks of five entries."""

    people: int
    weeks: int

    @property
    def entries(self) -> int:
        """The number of entries of everybody."""
        return self.people * self.weeks * ENTRIES_A_WEEK

    @property
    def mondays(self) -> list[tuple[date, int]]:
        """The weeks, oldest first, each with its distance from the newest."""
        numbers = range(self.weeks - 1, -1, -1)
        return [(NEWEST_MONDAY - timedelta(weeks=number), number) for number in numbers]

    def member(self, number: int) -> tuple[object, ...]:
        """The row of a person, as the statements of this module take it."""
        name = f"{FIRST[number % 10]} {LAST[number // 10 % 10]}{number // 100 % 10} {number}"
        email = f"person{number}@exampleco.com"
        is_contractor = number % 10 == 9
        return (
            number,
            self.person(number),
            name,
            email,
            "contractor" if is_contractor else "employee",
            self._manager(number),
            f"Agency {number // 10 % 20}" if is_contractor else None,
            ["agency"] if is_contractor else [],
            sort_key(name),
            " ".join(search_words(name, email)),
        )

    @property
    def manager_of_few(self) -> str:
        """Manages 39 people, in a company of any size."""
        return f"auth0|m{self.people // 40 - 1}"

    def person(self, number: int) -> str:
        """The `sub` of a person; every fortieth is a manager."""
        return f"auth0|m{number // 40}" if number % 40 == 0 else f"auth0|{number}"

    def _manager(self, number: int) -> str | None:
        if number == 0:
            return None
        if number <= min(500, self.people // 2):
            return MANAGER_OF_MANY
        manager = number // 40
        return f"auth0|m{manager if number % 40 else max(1, manager // 40)}"


async def fill_entries(connection: asyncpg.Connection, company: Company) -> None:
    """Fill a migrated database of entries."""
    await _begin(connection, company)
    await connection.execute(ENTRIES_PROJECTS)
    await connection.execute(ENTRIES_PEOPLE)

    async def weeks() -> None:
        for monday, number in company.mondays:
            await connection.execute(ENTRIES_WEEK, monday)
            await connection.execute(ENTRIES_STATES, monday, number)

    await _without_indexes(connection, ("entries", "weeks"), weeks)


async def fill_approvals(connection: asyncpg.Connection, company: Company) -> None:
    """Fill a migrated database of approvals."""
    await _begin(connection, company)
    await connection.execute(APPROVALS_PEOPLE, company.mondays[0][0])

    async def weeks() -> None:
        for monday, number in company.mondays:
            await connection.execute(APPROVALS_WEEK, monday, number)

    await _without_indexes(connection, ("approvals",), weeks)
    await connection.execute(UNSUBMITTED)
    await connection.execute(UNASSIGNED)


async def fill_profile(connection: asyncpg.Connection, company: Company) -> None:
    """Fill a migrated database of profile."""
    await _begin(connection, company)
    await connection.execute(PROFILE_PEOPLE)
    await _finish(connection)


FILLS: dict[str, Callable[[asyncpg.Connection, Company], Awaitable[None]]] = {
    "entries": fill_entries,
    "approvals": fill_approvals,
    "profile": fill_profile,
}


async def fill(service: str, url: str, company: Company) -> None:
    """Fill the migrated and empty database of a service."""
    connection = await asyncpg.connect(url, command_timeout=None)
    try:
        await FILLS[service](connection, company)
    finally:
        await connection.close()


async def _begin(connection: asyncpg.Connection, company: Company) -> None:
    await connection.execute("SET session_replication_role = replica")
    await connection.execute("SET maintenance_work_mem = '512MB'")
    await connection.execute(MEMBERS)
    members = [company.member(number) for number in range(company.people)]
    await connection.copy_records_to_table("members", records=members)


async def _without_indexes(
    connection: asyncpg.Connection, tables: tuple[str, ...], load: Callable[[], Awaitable[None]]
) -> None:
    definitions = [row for table in tables for row in await connection.fetch(INDEXES, table)]
    for definition in definitions:
        await connection.execute(definition["drop"])
    await load()
    for definition in definitions:
        await connection.execute(definition["create"])
    await _finish(connection)


async def _finish(connection: asyncpg.Connection) -> None:
    await connection.execute("DROP TABLE members")
    await connection.execute("VACUUM ANALYZE")
