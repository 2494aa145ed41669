"""Projects, and the versions of what is dated about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date

import asyncpg

from libs.postgres.records import RecordType, assignments, placeholders, values_of
from services.entries.resources import Project


@dataclass(frozen=True, slots=True)
class ProjectDraft:
    """The fields of a project that an administrator sets."""

    name: str
    customer: str
    active: bool = True
    billable: bool = True
    tasks: tuple[str, ...] = ()
    note_required: bool = False


FIELDS = tuple(field.name for field in fields(ProjectDraft))
DATED = ("name", "customer", "billable")
UNDATED = tuple(name for name in FIELDS if name not in DATED)

PROJECTS = RecordType(
    Project, table="project", expressions={field: f"version.{field}" for field in DATED}
)

# The version that is in force on the day $1.
FROM_PROJECTS = """
    FROM projects AS project
    CROSS JOIN LATERAL (
        SELECT name, customer, billable FROM project_versions
        WHERE project_versions.code = project.code AND valid_from <= $1
        ORDER BY valid_from DESC
        LIMIT 1
    ) AS version
"""

READ = f"SELECT {PROJECTS.columns} {FROM_PROJECTS} WHERE project.code = $2"

# Not FOR UPDATE: writers of entries hold the row by its key while they hold the rules lock.
READ_FOR_CHANGE = f"{READ} FOR NO KEY UPDATE OF project"

LIST = f"""
    SELECT {PROJECTS.columns} {FROM_PROJECTS}
    WHERE project.code > $2 AND ($3::boolean IS NULL OR project.active = $3)
    ORDER BY project.code
    LIMIT $4
"""

# Two projects whose codes differ in case alone are not added at the same time.
LOCK_CODE = "SELECT pg_advisory_xact_lock(7301004, hashtext(lower($1)))"
READ_TAKEN_CODE = "SELECT code FROM projects WHERE lower(code) = lower($1)"

# A trigger adds the first version.
INSERT = f"""
    INSERT INTO projects (code, {", ".join(FIELDS)})
    VALUES ($1, {placeholders(FIELDS, first=2)})
"""

UPDATE = f"""
    UPDATE projects
    SET {assignments(UNDATED, first=2)}, version = version + 1, updated_at = now()
    WHERE code = $1
"""

READ_VERSIONS = """
    SELECT valid_from, name, customer, billable FROM project_versions
    WHERE code = $1 ORDER BY valid_from
"""

SAVE_VERSION = """
    INSERT INTO project_versions (code, valid_from, name, customer, billable)
    VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (code, valid_from) DO UPDATE
    SET name = excluded.name, customer = excluded.customer, billable = excluded.billable
"""

# For replicas of the release before this one, which know no versions.
SAVE_NEWEST = "UPDATE projects SET name = $2, customer = $3, billable = $4 WHERE code = $1"


@dataclass(frozen=True, slots=True)
class Version:
    """The name, the customer and the billable default of a project, from a day on."""

    valid_from: date
    name: str
    customer: str
    billable: bool


async def read_project(connection: asyncpg.Connection, code: str, today: date) -> Project | None:
    """The project as it is on a day, or None."""
    record = await connection.fetchrow(READ, today, code)
    return PROJECTS.decode(record) if record else None


async def lock_project(connection: asyncpg.Connection, code: str, today: date) -> Project | None:
    """The project as it is on a day, locked until the transaction ends, or None."""
    record = await connection.fetchrow(READ_FOR_CHANGE, today, code)
    return PROJECTS.decode(record) if record else None


async def list_projects(
    connection: asyncpg.Connection, after: str, active: bool | None, limit: int, today: date
) -> list[Project]:
    """A page of projects by code, as they are on a day."""
    records = await connection.fetch(LIST, today, after, active, limit)
    return [PROJECTS.decode(record) for record in records]


async def insert_project(
    connection: asyncpg.Connection, code: str, draft: ProjectDraft
) -> str | None:
    """Insert the project, unless there is one whose code is the same but for case: returns that
    code."""
    await connection.execute(LOCK_CODE, code)
    taken: str | None = await connection.fetchval(READ_TAKEN_CODE, code)
    if taken is None:
        await connection.execute(INSERT, code, *values_of(draft, FIELDS))
    return taken


async def update_project(connection: asyncpg.Connection, code: str, draft: ProjectDraft) -> None:
    """Store what is not dated, and count a new version of the resource."""
    await connection.execute(UPDATE, code, *values_of(draft, UNDATED))


async def read_versions(connection: asyncpg.Connection, code: str) -> list[Version]:
    """Oldest first."""
    return [Version(*record) for record in await connection.fetch(READ_VERSIONS, code)]


async def save_versions(
    connection: asyncpg.Connection, code: str, versions: Sequence[Version]
) -> None:
    """Insert or replace these versions; they are in order, and the last one is the newest."""
    for version in versions:
        await connection.execute(
            SAVE_VERSION,
            code,
            version.valid_from,
            version.name,
            version.customer,
            version.billable,
        )
    newest = versions[-1]
    await connection.execute(SAVE_NEWEST, code, newest.name, newest.customer, newest.billable)
