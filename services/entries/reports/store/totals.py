"""Totals by groups."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from services.entries.reports.model import Filters
from services.entries.reports.store.queries import ENTRIES, WEEK, Conditions, Query


def _text_or_none(key: str) -> str | None:
    return key or None


def _is_true(key: str) -> bool:
    return key == "true"


@dataclass(frozen=True, slots=True)
class Group:
    """A column that totals are grouped by: a text that is never null, and its value in JSON."""

    key: str
    value: Callable[[str], str | bool | None] = str


GROUPS = {
    "project": Group("entry.project"),
    "person": Group("entry.person"),
    "employer": Group("coalesce(people.employer, '')", _text_or_none),
    "customer": Group("project.customer"),
    "week": Group(WEEK),
    "month": Group("to_char(entry.date, 'YYYY-MM')"),
    "task": Group("coalesce(entry.task, '')", _text_or_none),
    "billable": Group("entry.billable::text", _is_true),
}


def totals_query(
    filters: Filters, groups: Sequence[str], after: Sequence[str] | None, limit: int
) -> Query:
    """Minutes by these groups, in their order, after the groups `after` of the previous page."""
    conditions = Conditions()
    conditions.filter_entries(filters)
    # A condition on the weeks alone, so that their index serves reports of a state.
    if filters.state is not None:
        conditions.add("week.monday >= {} - 6", filters.since, "date")
        conditions.add("week.monday <= {}", filters.until, "date")
    columns = ", ".join(f"{GROUPS[name].key} AS {name}" for name in groups)
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
            {ENTRIES} {conditions.where}
            GROUP BY {", ".join(GROUPS[name].key for name in groups)}
        ) AS total
        {page}
        ORDER BY {keys}
        LIMIT {count}
    """
    return Query(sql, tuple(conditions.arguments))
