"""The projects on which somebody's hours were approved before."""

from __future__ import annotations

from collections.abc import Iterable

import asyncpg

ADD = """
    INSERT INTO approved_projects (person, project)
    SELECT $1, unnest($2::text[])
    ON CONFLICT DO NOTHING
"""


async def add_approved_projects(
    connection: asyncpg.Connection, person: str, projects: Iterable[str]
) -> None:
    await connection.execute(ADD, person, sorted(projects))
