"""Totals by groups: from the summary by day where it has them, else from entries."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import asyncpg

from services.entries.reports.model import Filters
from services.entries.reports.store.queries import PROJECTS, WEEK, Conditions, Query, fetch
from services.entries.reports.store.summary import grain_of, is_filled

# Each further read takes so many times the people or projects of the one before.
MORE = 4


def _text_or_none(key: str) -> str | None:
    return key or None


def _is_true(key: str) -> bool:
    return key == "true"


@dataclass(frozen=True, slots=True)
class Group:
    """A column that totals are grouped by: a text that is never null, and its value in JSON.

    `key` is its SQL on entries, `summed` on the summary; `needs` is what must be joined.
    """

    key: str
    value: Callable[[str], str | bool | None] = str
    summed: str = ""
    needs: str = ""


GROUPS = {
    "project": Group("entry.project", summed="entry.project"),
    "person": Group("entry.person", needs="person"),
    "employer": Group(
        "coalesce(people.employer, '')", _text_or_none, summed="entry.employer", needs="employer"
    ),
    "customer": Group("project.customer", summed="project.customer", needs="customer"),
    "week": Group(WEEK, summed="day.week", needs="day"),
    "month": Group("to_char(entry.date, 'YYYY-MM')", summed="day.month", needs="day"),
    "task": Group("coalesce(entry.task, '')", _text_or_none, summed="entry.task"),
    "billable": Group("entry.billable::text", _is_true, summed="entry.billable::text"),
}

# The columns of the summary that each group or filter needs.
_COLUMNS = {
    "project": "project",
    "customer": "project",
    "task": "task",
    "employer": "employer",
}

_JOIN_CUSTOMERS = f"""
    JOIN {PROJECTS} AS project ON project.code = entry.project
        AND coalesce(entry.date >= project.valid_from AND entry.date < project.valid_before, true)
"""
_JOIN_PEOPLE = "LEFT JOIN people ON people.person = entry.person"
_JOIN_WEEKS = """
    LEFT JOIN weeks AS week ON week.person = entry.person AND week.monday = entry.monday
"""
# Formatting a day for each row would take longer than all the rest; OFFSET 0 formats each once.
_JOIN_DAYS = """
    JOIN (
        SELECT day::date AS date, to_char(day, 'IYYY"-W"IW') AS week,
            to_char(day, 'YYYY-MM') AS month
        FROM generate_series({}::timestamp, {}::timestamp, interval '1 day') AS day
        OFFSET 0
    ) AS day ON day.date = entry.date
"""
_SUMMARY = """
    (
        SELECT date, project, employer, task, billable, state, minutes, entries
        FROM daily_totals WHERE grain = {grain} AND date >= {since} AND date <= {until}
        UNION ALL
        SELECT date, project, employer, task, billable, state, minutes, entries
        FROM total_changes WHERE date >= {since} AND date <= {until}
    ) AS entry
"""

# The people who have entries, in order, from $1 on; each step of the recursion is one look into
# the index.
_PEOPLE_FROM = """
    WITH RECURSIVE known (key) AS (
        (SELECT person FROM entries WHERE person >= $1 ORDER BY person LIMIT 1)
        UNION ALL
        SELECT (
            SELECT entries.person FROM entries
            WHERE entries.person > known.key ORDER BY entries.person LIMIT 1
        )
        FROM known WHERE known.key IS NOT NULL
    )
    SELECT key FROM known WHERE key IS NOT NULL LIMIT $2
"""
_PROJECTS_FROM = "SELECT code AS key FROM projects WHERE code >= $1 ORDER BY code LIMIT $2"


@dataclass(frozen=True, slots=True)
class Leader:
    """The first group of totals by person: a page needs the entries of its first few values.

    `condition` is on an array of values, `values` lists them, `at_first` is how many are read.
    """

    values: str
    condition: str
    at_first: int


LEADERS = {
    "person": Leader(_PEOPLE_FROM, "entry.person = ANY ({})", 8),
    "project": Leader(_PROJECTS_FROM, "entry.project = ANY ({})", 1),
}


@dataclass(frozen=True, slots=True)
class TotalsFilter:
    """Totals of what the filters select, after the groups `after` of the previous page."""

    filters: Filters
    groups: Sequence[str]
    after: Sequence[str] | None
    limit: int


async def list_totals(
    connection: asyncpg.Connection, filter_: TotalsFilter
) -> list[asyncpg.Record]:
    """Minutes by the groups, in their order."""
    grain = _grain_of(filter_)
    if grain is not None and await is_filled(connection):
        return await fetch(connection, summary_query(filter_, grain))
    leader = LEADERS.get(filter_.groups[0])
    if leader is not None and filter_.filters.person is None and filter_.filters.project is None:
        return await _list_led(connection, filter_, leader)
    return await fetch(connection, entries_query(filter_))


def _grain_of(filter_: TotalsFilter) -> int | None:
    """The grain of the summary that answers this; None: only entries do."""
    filters = filter_.filters
    if filters.person is not None or "person" in filter_.groups:
        return None
    used = [*filter_.groups, "project" * (filters.project is not None)]
    used.append("customer" * (filters.customer is not None))
    return grain_of({_COLUMNS[name] for name in used if name in _COLUMNS})


async def _list_led(
    connection: asyncpg.Connection, filter_: TotalsFilter, leader: Leader
) -> list[asyncpg.Record]:
    """Read the entries of so many people or projects as fill the page, and not all."""
    found: list[asyncpg.Record] = []
    first = filter_.after[0] if filter_.after else ""
    count = filter_.limit if len(filter_.groups) == 1 else leader.at_first
    while True:
        # One more than is read: with it the next step begins.
        records = await connection.fetch(leader.values, first, count + 1)
        values = [record["key"] for record in records]
        restriction = leader.condition, values[:count]
        found += await fetch(connection, entries_query(filter_, restriction))
        if len(found) >= filter_.limit or len(values) <= count:
            return found[: filter_.limit]
        first, count = values[count], count * MORE


def summary_query(filter_: TotalsFilter, grain: int) -> Query:
    """The totals as the summary has them."""
    filters, conditions = filter_.filters, Conditions()
    days = (
        conditions.parameter(filters.since, "date"),
        conditions.parameter(filters.until, "date"),
    )
    source = _SUMMARY.format(grain=grain, since=days[0], until=days[1])
    needed = {GROUPS[name].needs for name in filter_.groups}
    if "day" in needed:
        source += _JOIN_DAYS.format(*days)
    if "customer" in needed or filters.customer is not None:
        source += _JOIN_CUSTOMERS
    conditions.add("entry.project = {}", filters.project, "text")
    conditions.add("project.customer = {}", filters.customer, "text")
    conditions.add("entry.state = {}", filters.state, "text")
    keys = {name: GROUPS[name].summed for name in filter_.groups}
    return _totals(filter_, conditions, source, keys, "sum(entry.entries)")


def entries_query(
    filter_: TotalsFilter, restriction: tuple[str, Sequence[str]] | None = None
) -> Query:
    """The totals of the entries themselves: of all, or of those that a leader restricts."""
    filters, conditions = filter_.filters, Conditions()
    source = "entries AS entry"
    needed = {GROUPS[name].needs for name in filter_.groups}
    if "employer" in needed:
        source += f" {_JOIN_PEOPLE}"
    if "customer" in needed or filters.customer is not None:
        source += _JOIN_CUSTOMERS
    if filters.state is not None:
        source += _JOIN_WEEKS
        # Conditions on the weeks alone, so that their index serves reports of a state.
        conditions.add("week.monday >= {} - 6", filters.since, "date")
        conditions.add("week.monday <= {}", filters.until, "date")
    conditions.filter_entries(filters)
    if restriction is not None:
        condition, values = restriction
        conditions.add(condition, list(values), "text[]")
    keys = {name: GROUPS[name].key for name in filter_.groups}
    return _totals(filter_, conditions, source, keys, "count(*)")


def _totals(
    filter_: TotalsFilter, conditions: Conditions, source: str, keys: dict[str, str], entries: str
) -> Query:
    columns = ", ".join(f"{key} AS {name}" for name, key in keys.items())
    names, page = ", ".join(keys), ""
    where = conditions.where
    if filter_.after is not None:
        values = ", ".join(conditions.parameter(value, "text") for value in filter_.after)
        page = f"WHERE ({names}) > ({values})"
    sql = f"""
        SELECT * FROM (
            SELECT {columns}, sum(entry.minutes) AS minutes,
                coalesce(sum(entry.minutes) FILTER (WHERE entry.billable), 0) AS billable_minutes,
                {entries} AS entries
            FROM {source} {where}
            GROUP BY {", ".join(keys.values())}
            HAVING {entries} <> 0
        ) AS total
        {page}
        ORDER BY {names}
        LIMIT {conditions.parameter(filter_.limit, "bigint")}
    """
    return Query(sql, tuple(conditions.arguments))
