"""Statements whose columns and conditions depend on what a report selects."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg

from services.entries.csv_cells import guarded_sql
from services.entries.reports.model import Approvals, Filters


@dataclass(frozen=True, slots=True)
class Query:
    """A statement with its arguments."""

    sql: str
    arguments: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of an export; `csv` is its SQL in CSV, where that differs.

    `width` is that in a spreadsheet, in characters. `is_sum` columns are added up there.
    """

    name: str
    sql: str
    csv: str = ""
    width: int = 12
    is_sum: bool = False

    def expression(self, *, as_csv: bool) -> str:
        """The column of the SELECT list; some are written otherwise in CSV."""
        return f"{self.csv if as_csv and self.csv else self.sql} AS {self.name}"


def free_text(name: str, sql: str, width: int = 24) -> Column:
    """A column that people wrote: no spreadsheet may evaluate it as a formula."""
    return Column(name, sql, csv=guarded_sql(sql), width=width)


def boolean(name: str, sql: str) -> Column:
    """COPY would write t and f."""
    return Column(name, sql, csv=f"CASE WHEN {sql} THEN 'true' ELSE 'false' END")


def moment(name: str, sql: str) -> Column:
    """RFC 3339 in CSV; to_char would take three times as long."""
    utc = f"({sql} AT TIME ZONE 'UTC')::text"
    return Column(name, sql, csv=f"replace({utc}, ' ', 'T') || 'Z'", width=20)


def hours(name: str, minutes: str) -> Column:
    """A column of decimal hours, to two places, from an expression of minutes.

    Rounded in whole numbers: dividing decimals takes longer.
    """
    return Column(name, f"({minutes} * 100 + 30) / 60 * 0.01", is_sum=True)


# OFFSET 0 evaluates these once per person and project, not for each of their rows.
_PEOPLE = "(SELECT person, {name} AS name, {email} AS email, {employer} AS employer, kind, "
_PEOPLE += "external_ids FROM people OFFSET 0)"
PEOPLE = _PEOPLE.format(name="name", email="email", employer="employer")
GUARDED_PEOPLE = _PEOPLE.format(
    name=guarded_sql("name"), email=guarded_sql("email"), employer=guarded_sql("employer")
)
_PROJECTS = "(SELECT code, valid_from, valid_before, {name} AS name, {customer} AS customer, "
_PROJECTS += "customer AS plain_customer FROM dated_projects OFFSET 0)"
PROJECTS = _PROJECTS.format(name="name", customer="customer")
GUARDED_PROJECTS = _PROJECTS.format(name=guarded_sql("name"), customer=guarded_sql("customer"))

PERSON_COLUMNS = (
    Column("name", "people.name", width=24),
    Column("email", "people.email", width=28),
    Column("employer", "people.employer", width=20),
    Column("kind", "people.kind"),
    Column("external_ids", "people.external_ids", width=20),
)

# coalesce hides the range from the planner, which would expect one row in two hundred to match and
# plan nested loops over all entries.
_ENTRIES = """
    FROM entries AS entry
    JOIN {projects} AS project ON project.code = entry.project
        AND coalesce(entry.date >= project.valid_from AND entry.date < project.valid_before, true)
    LEFT JOIN weeks AS week ON week.person = entry.person AND week.monday = entry.monday
    LEFT JOIN {people} AS people ON people.person = entry.person
"""
ENTRIES = _ENTRIES.format(projects=PROJECTS, people=PEOPLE)
GUARDED_ENTRIES = _ENTRIES.format(projects=GUARDED_PROJECTS, people=GUARDED_PEOPLE)
WEEK = "to_char(entry.date, 'IYYY\"-W\"IW')"
_OF_CUSTOMER = (
    "project.plain_customer = {0} "
    "AND entry.project IN (SELECT code FROM project_versions WHERE customer = {0})"
)

READ_HEAD = "SELECT coalesce(max(sequence), 0) FROM events"


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
        """Add a condition on a value, unless the value is None."""
        if value is not None:
            self._conditions.append(condition.format(self.parameter(value, kind)))

    def require(self, condition: str) -> None:
        """Add a condition without a value."""
        self._conditions.append(condition)

    def filter_entries(self, filters: Filters) -> None:
        """Add the conditions that filters of entries stand for."""
        self.add("entry.date >= {}", filters.since, "date")
        self.add("entry.date <= {}", filters.until, "date")
        self.add("entry.project = {}", filters.project, "text")
        self.add("entry.person = {}", filters.person, "text")
        self.add(_OF_CUSTOMER, filters.customer, "text")
        self.add("coalesce(week.state, 'open') = {}", filters.state, "text")

    def between(self, approvals: Approvals) -> str:
        """The events between two others, as a condition of its own."""
        after = self.parameter(approvals.after, "bigint")
        through = self.parameter(approvals.through, "bigint")
        return f"sequence > {after} AND sequence <= {through}"

    @property
    def where(self) -> str:
        """The WHERE clause; empty without conditions."""
        return f"WHERE {' AND '.join(self._conditions)}" if self._conditions else ""


Sink = Callable[[bytes], Awaitable[None]]


async def copy_csv(connection: asyncpg.Connection, query: Query, sink: Sink) -> None:
    """Send CSV with a header. PostgreSQL waits while `sink` does."""
    await connection.copy_from_query(
        query.sql, *query.arguments, output=sink, format="csv", header=True
    )


async def copy_ndjson(connection: asyncpg.Connection, query: Query, sink: Sink) -> None:
    """Write the rows of the query to the sink, one JSON object per line."""
    # JSON contains no raw control characters, so with these delimiters COPY quotes nothing.
    await connection.copy_from_query(
        f"SELECT row_to_json(line) FROM ({query.sql}) AS line",
        *query.arguments,
        output=sink,
        format="csv",
        delimiter="\x02",
        quote="\x01",
    )


async def read_rows(
    connection: asyncpg.Connection, query: Query, rows: int
) -> AsyncIterator[Sequence[asyncpg.Record]]:
    """Read the rows by a cursor, in a transaction."""
    cursor = await connection.cursor(query.sql, *query.arguments)
    while records := await cursor.fetch(rows):
        yield records


async def fetch(connection: asyncpg.Connection, query: Query) -> list[asyncpg.Record]:
    """The rows of the query."""
    records: list[asyncpg.Record] = await connection.fetch(query.sql, *query.arguments)
    return records


async def read_head(connection: asyncpg.Connection) -> int:
    """The number of the newest event of the feed."""
    head: int = await connection.fetchval(READ_HEAD)
    return head
