"""Reports over everybody's entries: streamed by COPY or a cursor, totals in SQL."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import asyncpg

from services.entries.model import State

# What begins with one of these a spreadsheet takes for a formula: = + - @ tab, carriage return.
FORMULA_STARTS = (61, 43, 45, 64, 9, 13)


@dataclass(frozen=True, slots=True)
class Filters:
    """None leaves nothing out."""

    since: date
    until: date
    state: State | None = None
    project: str | None = None
    person: str | None = None
    customer: str | None = None


@dataclass(frozen=True, slots=True)
class Approvals:
    """The submissions that were approved after one event of the feed, up to another."""

    after: int
    through: int


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the export; `free` is what people wrote into the entry."""

    name: str
    sql: str
    free: bool = False


COLUMNS = (
    Column("id", "entry.id"),
    Column("person", "entry.person"),
    Column("name", "people.name"),
    Column("email", "people.email"),
    Column("date", "entry.date"),
    Column("week", "to_char(entry.date, 'IYYY\"-W\"IW')"),
    Column("state", "coalesce(week.state, 'open')"),
    Column("project", "entry.project"),
    Column("customer", "project.customer"),
    Column("task", "entry.task", free=True),
    Column("minutes", "entry.minutes"),
    Column("billable", "entry.billable"),
    Column("note", "entry.note", free=True),
    Column("source", "entry.source"),
    Column("external_id", "entry.external_id", free=True),
    Column("version", "entry.version"),
    Column("updated_at", "entry.updated_at"),
)


def _defused(sql: str) -> str:
    starts = ", ".join(map(str, FORMULA_STARTS))
    return f"CASE WHEN ascii({sql}) IN ({starts}) THEN '''' || {sql} ELSE {sql} END"


_FROM = """
    FROM entries AS entry
    JOIN {projects} AS project ON project.code = entry.project
    LEFT JOIN weeks AS week ON week.person = entry.person AND week.monday = entry.monday
    LEFT JOIN {people} AS people ON people.person = entry.person
"""
_AS_IT_IS = _FROM.format(projects="projects", people="people")
# OFFSET keeps this where it is: done once for a person and a project, not for each of their rows.
_DEFUSED = _FROM.format(
    projects=f"(SELECT code, {_defused('customer')} AS customer FROM projects OFFSET 0)",
    people=f"""(
        SELECT person, {_defused("name")} AS name, {_defused("email")} AS email
        FROM people OFFSET 0
    )""",
)
_OF_CUSTOMER = "entry.project IN (SELECT code FROM projects WHERE customer = {})"

# The feed's numbers follow the order of commits, so nothing is approved behind a cursor that was
# given out. Only the submission that is approved now counts: a week that was reopened since is
# left out, and comes again when it is approved anew.
_APPROVED = """
    JOIN (
        SELECT DISTINCT data->>'person' AS person,
            to_date(data->>'week', 'IYYY"-W"IW') AS monday,
            (data->>'submission_id')::uuid AS submission_id
        FROM events
        WHERE type = 'timesheet.approved' AND sequence > ${after} AND sequence <= ${through}
    ) AS approval
        ON approval.person = entry.person
        AND entry.date BETWEEN approval.monday AND approval.monday + 6
        AND approval.submission_id = week.submission_id AND week.state = 'approved'
"""

READ_HEAD = "SELECT coalesce(max(sequence), 0) FROM events"

# Each change of an entry or of a week's state raises the version of its week: the sum is another
# one after every change, and counting weeks spares counting entries.
MARK_WEEKS = """
    SELECT coalesce(sum(version), 0) FROM weeks
    WHERE monday BETWEEN $1::date - 6 AND $2 AND ($3::text IS NULL OR person = $3)
"""
MARK_NAMES = """
    SELECT (SELECT coalesce(sum(version), 0) FROM projects)
        + (SELECT coalesce(sum(version + 1), 0) FROM people)
"""


@dataclass(frozen=True, slots=True)
class Query:
    """A statement with its arguments."""

    sql: str
    arguments: tuple[Any, ...]


class _Conditions:
    """Conditions that are there only where they are asked for, so that indexes can serve them."""

    def __init__(self) -> None:
        self.arguments: list[Any] = []
        self._conditions: list[str] = []

    def parameter(self, value: object, kind: str) -> str:
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


def entries_query(
    filters: Filters, approvals: Approvals | None = None, *, defused: bool = False
) -> Query:
    """The rows of an export, in the order in which they are read quickest."""
    conditions = _Conditions()
    conditions.filter(filters)
    columns = ", ".join(
        f"{_defused(column.sql) if defused and column.free else column.sql} AS {column.name}"
        for column in COLUMNS
    )
    approved = ""
    if approvals is not None:
        approved = _APPROVED.replace(
            "${after}", conditions.parameter(approvals.after, "bigint")
        ).replace("${through}", conditions.parameter(approvals.through, "bigint"))
    source = _DEFUSED if defused else _AS_IT_IS
    sql = f"SELECT {columns} {source} {approved} {conditions.where}"
    return Query(sql, tuple(conditions.arguments))


Sink = Callable[[bytes], Awaitable[None]]


async def copy_csv(connection: asyncpg.Connection, query: Query, sink: Sink) -> None:
    """CSV with a header, as PostgreSQL writes it; it waits while `sink` does."""
    await connection.copy_from_query(
        query.sql, *query.arguments, output=sink, format="csv", header=True
    )


async def copy_ndjson(connection: asyncpg.Connection, query: Query, sink: Sink) -> None:
    # JSON holds no raw control character, so with two of these as marks of CSV nothing is quoted.
    await connection.copy_from_query(
        f"SELECT row_to_json(line) FROM ({query.sql}) AS line",
        *query.arguments,
        output=sink,
        format="csv",
        delimiter="\x02",
        quote="\x01",
    )


async def read_rows(
    connection: asyncpg.Connection, query: Query, at_a_time: int
) -> AsyncIterator[Sequence[asyncpg.Record]]:
    """The rows from a cursor; takes a transaction."""
    cursor = await connection.cursor(query.sql, *query.arguments)
    while records := await cursor.fetch(at_a_time):
        yield records


async def read_mark(connection: asyncpg.Connection, filters: Filters) -> str:
    """A text that is another one once a report with these filters may be."""
    weeks = await connection.fetchval(MARK_WEEKS, filters.since, filters.until, filters.person)
    names = await connection.fetchval(MARK_NAMES)
    return f"{weeks}.{names}"


async def read_head(connection: asyncpg.Connection) -> int:
    """The newest event of the feed."""
    head: int = await connection.fetchval(READ_HEAD)
    return head


GROUPS = {
    "project": "entry.project",
    "person": "entry.person",
    "week": "to_char(entry.date, 'IYYY\"-W\"IW')",
    "customer": "project.customer",
}


def totals_query(
    filters: Filters, groups: Sequence[str], after: Sequence[str] | None, limit: int
) -> Query:
    """Minutes by these groups, in their order; `after` are the groups where the page before
    ended."""
    conditions = _Conditions()
    conditions.filter(filters)
    columns = ", ".join(f"{GROUPS[name]} AS {name}" for name in groups)
    keys = ", ".join(groups)
    page = ""
    if after is not None:
        values = ", ".join(conditions.parameter(value, "text") for value in after)
        page = f"WHERE ({keys}) > ({values})"
    count = conditions.parameter(limit, "bigint")
    sql = f"""
        SELECT * FROM (
            SELECT {columns}, sum(entry.minutes) AS minutes,
                coalesce(sum(entry.minutes) FILTER (WHERE entry.billable), 0) AS billable_minutes,
                count(*) AS entries
            {_AS_IT_IS} {conditions.where}
            GROUP BY {", ".join(GROUPS[name] for name in groups)}
        ) AS total
        {page}
        ORDER BY {keys}
        LIMIT {count}
    """
    return Query(sql, tuple(conditions.arguments))


async def fetch(connection: asyncpg.Connection, query: Query) -> list[asyncpg.Record]:
    records: list[asyncpg.Record] = await connection.fetch(query.sql, *query.arguments)
    return records
