"""The report of weeks: a row for each, also for weeks that are empty or were reopened."""

from __future__ import annotations

from datetime import date

from services.entries.reports.model import Approvals, Filters
from services.entries.reports.store.queries import (
    GUARDED_PEOPLE,
    PERSON_COLUMNS,
    Column,
    Conditions,
    Query,
    boolean,
    hours,
    moment,
)

COLUMNS = (
    Column("person", "week.person", width=24),
    *PERSON_COLUMNS,
    Column("week", "to_char(week.monday, 'IYYY\"-W\"IW')", width=10),
    Column("state", "week.state"),
    Column("submission_id", "week.submission_id", width=36),
    Column("total_minutes", "totals.minutes", width=14, is_sum=True),
    hours("hours", "totals.minutes"),
    Column("billable_minutes", "totals.billable_minutes", width=14, is_sum=True),
    Column("entries", "totals.entries", width=10, is_sum=True),
    boolean("late", "week.late"),
    Column("version", "week.version", width=8),
    moment("updated_at", "week.updated_at"),
)

_FROM = """
    FROM {weeks} AS week
    LEFT JOIN {people} AS people ON people.person = week.person
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(minutes), 0)::integer AS minutes,
            coalesce(sum(minutes) FILTER (WHERE billable), 0)::integer AS billable_minutes,
            count(*)::integer AS entries
        FROM entries
        WHERE entries.person = week.person
          AND entries.date BETWEEN week.monday AND week.monday + 6
    ) AS totals
"""
# Chosen before people and totals are joined: PostgreSQL would join them to every week of the range.
_PAGE = """(
        SELECT * FROM weeks AS week
        {where}
        ORDER BY week.person, week.monday
        LIMIT {limit}
    )"""
# Weeks that were approved or reopened, with their current state, so that a mirror can remove some.
_DECIDED = """
    (week.person, week.monday) IN (
        SELECT data->>'person', to_date(data->>'week', 'IYYY"-W"IW')
        FROM events
        WHERE type IN ('timesheet.approved', 'timesheet.reopened') AND {events}
    )
"""


def weeks_query(
    filters: Filters, approvals: Approvals | None = None, *, as_csv: bool = False
) -> Query:
    """The rows of an export in no particular order."""
    conditions = _conditions(filters, approvals)
    sql = f"{_select('weeks', as_csv=as_csv)} {conditions.where}"
    return Query(sql, tuple(conditions.arguments))


def weeks_page(
    filters: Filters, approvals: Approvals | None, after: tuple[str, date], limit: int
) -> Query:
    """A page of the report by person and week, after the key (person, monday)."""
    conditions = _conditions(filters, approvals)
    person, monday = (
        conditions.parameter(after[0], "text"),
        conditions.parameter(after[1], "date"),
    )
    conditions.require(f"(week.person, week.monday) > ({person}, {monday})")
    page = _PAGE.format(where=conditions.where, limit=conditions.parameter(limit, "bigint"))
    sql = f"{_select(page, as_csv=False)} ORDER BY week.person, week.monday"
    return Query(sql, tuple(conditions.arguments))


def _select(weeks: str, *, as_csv: bool) -> str:
    columns = ", ".join(column.expression(as_csv=as_csv) for column in COLUMNS)
    source = _FROM.format(weeks=weeks, people=GUARDED_PEOPLE if as_csv else "people")
    return f"SELECT {columns} {source}"


def _conditions(filters: Filters, approvals: Approvals | None) -> Conditions:
    conditions = Conditions()
    conditions.add("week.monday >= {} - 6", filters.since, "date")
    conditions.add("week.monday <= {}", filters.until, "date")
    conditions.add("week.person = {}", filters.person, "text")
    conditions.add("week.state = {}", filters.state, "text")
    if approvals is not None:
        conditions.require(_DECIDED.format(events=conditions.between(approvals)))
    return conditions
