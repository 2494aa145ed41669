"""Totals by groups."""

from __future__ import annotations

from collections.abc import Sequence

from services.entries.reports.model import Filters
from services.entries.reports.store.queries import ENTRIES, WEEK, Conditions, Query

GROUPS = {
    "project": "entry.project",
    "person": "entry.person",
    "week": WEEK,
    "customer": "project.customer",
}


def totals_query(
    filters: Filters, groups: Sequence[str], after: Sequence[str] | None, limit: int
) -> Query:
    """Minutes by these groups, in their order, after the groups `after` of the previous page."""
    conditions = Conditions()
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
            {ENTRIES} {conditions.where}
            GROUP BY {", ".join(GROUPS[name] for name in groups)}
        ) AS total
        {page}
        ORDER BY {keys}
        LIMIT {count}
    """
    return Query(sql, tuple(conditions.arguments))
