"""The export of entries: streamed by COPY or by a cursor."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass

import asyncpg

from services.entries.csv_cells import guarded_sql
from services.entries.reports.model import Approvals, Filters
from services.entries.reports.store.queries import (
    ENTRIES,
    GUARDED_ENTRIES,
    WEEK,
    Conditions,
    Query,
)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the export. `is_free_text`: people wrote it into the entry."""

    name: str
    sql: str
    is_free_text: bool = False

    def expression(self, guarded: bool) -> str:
        return guarded_sql(self.sql) if guarded and self.is_free_text else self.sql


COLUMNS = (
    Column("id", "entry.id"),
    Column("person", "entry.person"),
    Column("name", "people.name"),
    Column("email", "people.email"),
    Column("date", "entry.date"),
    Column("week", WEEK),
    Column("state", "coalesce(week.state, 'open')"),
    Column("project", "entry.project"),
    Column("customer", "project.customer"),
    Column("task", "entry.task", is_free_text=True),
    Column("minutes", "entry.minutes"),
    Column("billable", "entry.billable"),
    Column("note", "entry.note", is_free_text=True),
    Column("source", "entry.source"),
    Column("external_id", "entry.external_id", is_free_text=True),
    Column("version", "entry.version"),
    Column("updated_at", "entry.updated_at"),
)


# Numbers of the feed follow the order of commits, so nothing is approved behind a cursor that was
# handed out. Only the submission that is approved now counts: a week that was reopened since is
# left out until it is approved again.
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

# Every change of an entry or of a state raises the version of its week, so the sum changes with
# every change. Counting weeks is faster than counting entries.
TAG_WEEKS = """
    SELECT coalesce(sum(version), 0) FROM weeks
    WHERE monday BETWEEN $1::date - 6 AND $2 AND ($3::text IS NULL OR person = $3)
"""
TAG_NAMES = """
    SELECT (SELECT coalesce(sum(version), 0) FROM projects)
        + (SELECT coalesce(sum(version + 1), 0) FROM people)
"""


def entries_query(
    filters: Filters, approvals: Approvals | None = None, *, guarded: bool = False
) -> Query:
    """The rows of an export in no particular order. `guarded` as `csv_cells.guarded_sql`."""
    conditions = Conditions()
    conditions.filter(filters)
    columns = ", ".join(f"{column.expression(guarded)} AS {column.name}" for column in COLUMNS)
    approved = ""
    if approvals is not None:
        approved = _APPROVED.replace(
            "${after}", conditions.parameter(approvals.after, "bigint")
        ).replace("${through}", conditions.parameter(approvals.through, "bigint"))
    source = GUARDED_ENTRIES if guarded else ENTRIES
    sql = f"SELECT {columns} {source} {approved} {conditions.where}"
    return Query(sql, tuple(conditions.arguments))


Sink = Callable[[bytes], Awaitable[None]]


async def copy_csv(connection: asyncpg.Connection, query: Query, sink: Sink) -> None:
    """Send CSV with a header. PostgreSQL waits while `sink` does."""
    await connection.copy_from_query(
        query.sql, *query.arguments, output=sink, format="csv", header=True
    )


async def copy_ndjson(connection: asyncpg.Connection, query: Query, sink: Sink) -> None:
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


async def read_tag(connection: asyncpg.Connection, filters: Filters) -> str:
    """The ETag value of a report: another one whenever the report may have changed."""
    weeks = await connection.fetchval(TAG_WEEKS, filters.since, filters.until, filters.person)
    names = await connection.fetchval(TAG_NAMES)
    return f"{weeks}.{names}"


async def read_head(connection: asyncpg.Connection) -> int:
    """The number of the newest event of the feed."""
    head: int = await connection.fetchval(READ_HEAD)
    return head
