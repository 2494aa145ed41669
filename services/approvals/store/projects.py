"""The projects on which somebody's hours were approved before."""

from __future__ import annotations

from collections.abc import Iterable

import asyncpg

READ = "SELECT project FROM approved_projects WHERE person = $1"

ADD = """
    INSERT INTO approved_projects (person, project)
    SELECT $1, unnest($2::text[])
    ON CONFLICT DO NOTHING
"""


async def read_approved_projects(connection: asyncpg.Connection, person: str) -> frozenset[str]:
    return frozenset(record[0] for record in await connection.fetch(READ, person))


async def add_approved_projects(
    connection: asyncpg.Connection, person: str, projects: Iterable[str]
) -> None:
    await connection.execute(ADD, person, sorted(projects))
