"""Statements whose conditions depend on the filters of a report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import asyncpg

from services.entries.csv_cells import guarded_sql
from services.entries.reports.model import Filters

_FROM = """
    FROM entries AS entry
    JOIN {projects} AS project ON project.code = entry.project
    LEFT JOIN weeks AS week ON week.person = entry.person AND week.monday = entry.monday
    LEFT JOIN {people} AS people ON people.person = entry.person
"""
ENTRIES = _FROM.format(projects="projects", people="people")
# OFFSET 0 evaluates this once per person and project, not for each of their entries.
GUARDED_ENTRIES = _FROM.format(
    projects=f"(SELECT code, {guarded_sql('customer')} AS customer FROM projects OFFSET 0)",
    people=f"""(
        SELECT person, {guarded_sql("name")} AS name, {guarded_sql("email")} AS email
        FROM people OFFSET 0
    )""",
)
WEEK = "to_char(entry.date, 'IYYY\"-W\"IW')"
_OF_CUSTOMER = "entry.project IN (SELECT code FROM projects WHERE customer = {})"


@dataclass(frozen=True, slots=True)
class Query:
    """A statement with its arguments."""

    sql: str
    arguments: tuple[Any, ...]


class Conditions:
    """Conditions that are present only if they filter, so that an index can serve them."""

    def __init__(self) -> None:
        self.arguments: list[Any] = []
        self._conditions: list[str] = []

    def parameter(self, value: object, kind: str) -> str:
        """The placeholder of an argument."""
        self.arguments.append(value)
        return f"${len(self.arguments)}::{kind}"

    def add(self, condition: str, value: object, kind: str) -> None:
        if value is not None:
            self._conditions.append(condition.format(self.parameter(value, kind)))

    def filter(self, filters: Filters) -> None:
        self.add("entry.date >= {}", filters.since, "date")
        self.add("entry.date <= {}", filters.until, "date")
        self.add("entry.project = {}", filters.project, "text")
        self.add("entry.person = {}", filters.person, "text")
        self.add(_OF_CUSTOMER, filters.customer, "text")
        self.add("coalesce(week.state, 'open') = {}", filters.state, "text")

    @property
    def where(self) -> str:
        return f"WHERE {' AND '.join(self._conditions)}"


async def fetch(connection: asyncpg.Connection, query: Query) -> list[asyncpg.Record]:
    records: list[asyncpg.Record] = await connection.fetch(query.sql, *query.arguments)
    return records
