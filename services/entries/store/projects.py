"""Projects."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import asyncpg

from services.entries.store.period import take_rules_lock

COLUMNS = "code, name, customer, active, billable, version, created_at, updated_at"

READ = f"SELECT {COLUMNS} FROM projects WHERE code = $1"

# Not FOR UPDATE: writers of entries hold the row by its key while they hold the rules lock.
READ_FOR_CHANGE = f"{READ} FOR NO KEY UPDATE"

LIST = f"""
    SELECT {COLUMNS} FROM projects
    WHERE code > $1 AND ($2::boolean IS NULL OR active = $2)
    ORDER BY code
    LIMIT $3
"""

INSERT = f"""
    INSERT INTO projects (code, name, customer, active, billable)
    VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (code) DO NOTHING
    RETURNING {COLUMNS}
"""

UPDATE = f"""
    UPDATE projects
    SET name = $2, customer = $3, active = $4, billable = $5,
        version = version + 1, updated_at = now()
    WHERE code = $1
    RETURNING {COLUMNS}
"""


@dataclass(frozen=True, slots=True)
class Project:
    code: str
    name: str
    customer: str
    active: bool
    billable: bool
    version: int
    created_at: datetime
    updated_at: datetime


async def read_project(connection: asyncpg.Connection, code: str) -> Project | None:
    record = await connection.fetchrow(READ, code)
    return Project(*record) if record else None


async def lock_project(connection: asyncpg.Connection, code: str) -> Project | None:
    record = await connection.fetchrow(READ_FOR_CHANGE, code)
    return Project(*record) if record else None


async def list_projects(
    connection: asyncpg.Connection, after: str, active: bool | None, limit: int
) -> list[Project]:
    return [Project(*record) for record in await connection.fetch(LIST, after, active, limit)]


async def insert_project(
    connection: asyncpg.Connection,
    code: str,
    *,
    name: str,
    customer: str,
    active: bool,
    billable: bool,
) -> Project | None:
    """The new project, or None where the code is taken."""
    record = await connection.fetchrow(INSERT, code, name, customer, active, billable)
    return Project(*record) if record else None


async def update_project(
    connection: asyncpg.Connection,
    code: str,
    *,
    name: str,
    customer: str,
    active: bool,
    billable: bool,
) -> Project:
    if not active:
        await take_rules_lock(connection)
    record = await connection.fetchrow(UPDATE, code, name, customer, active, billable)
    return Project(*record)
