"""The export of entries, with names and customers of projects as they were on the day."""

from __future__ import annotations

import asyncpg

from services.entries.reports.model import Approvals, Filters
from services.entries.reports.store.queries import (
    ENTRIES,
    GUARDED_ENTRIES,
    PERSON_COLUMNS,
    WEEK,
    Column,
    Conditions,
    Query,
    boolean,
    free_text,
    hours,
    moment,
)

COLUMNS = (
    Column("id", "entry.id", width=36),
    Column("person", "entry.person", width=24),
    *PERSON_COLUMNS,
    Column("date", "entry.date"),
    Column("week", WEEK, width=10),
    Column("state", "coalesce(week.state, 'open')"),
    Column("project", "entry.project"),
    Column("project_name", "project.name", width=24),
    Column("customer", "project.customer", width=24),
    free_text("task", "entry.task", width=18),
    Column("minutes", "entry.minutes", width=10, is_sum=True),
    hours("hours", "entry.minutes"),
    boolean("billable", "entry.billable"),
    free_text("note", "entry.note", width=50),
    Column("source", "entry.source", width=16),
    free_text("external_id", "entry.external_id"),
    Column("version", "entry.version", width=8),
    moment("updated_at", "entry.updated_at"),
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
        WHERE type = 'timesheet.approved' AND {events}
    ) AS approval
        ON approval.person = entry.person
        AND entry.date BETWEEN approval.monday AND approval.monday + 6
        AND approval.submission_id = week.submission_id AND week.state = 'approved'
"""

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
    filters: Filters, approvals: Approvals | None = None, *, as_csv: bool = False
) -> Query:
    """The rows of an export in no particular order."""
    conditions = Conditions()
    conditions.filter_entries(filters)
    columns = ", ".join(column.expression(as_csv=as_csv) for column in COLUMNS)
    approved = ""
    if approvals is not None:
        approved = _APPROVED.format(events=conditions.between(approvals))
    source = GUARDED_ENTRIES if as_csv else ENTRIES
    sql = f"SELECT {columns} {source} {approved} {conditions.where}"
    return Query(sql, tuple(conditions.arguments))


async def read_tag(connection: asyncpg.Connection, filters: Filters) -> str:
    """The ETag value of a report: another one whenever the report may have changed."""
    weeks = await connection.fetchval(TAG_WEEKS, filters.since, filters.until, filters.person)
    names = await connection.fetchval(TAG_NAMES)
    return f"{weeks}.{names}"
