"""The summary of totals by day: filling it, and adding what changed.

`daily_totals` and `total_changes` together say what the entries do, in every snapshot: triggers
append the changes in the transaction of the entries (migration 0010).
"""

from __future__ import annotations

from collections.abc import Set

import asyncpg

# Two keys, so that it does not collide with the locks that have one.
TRY_LOCK = "SELECT pg_try_advisory_xact_lock(7301006, 0)"
IS_FILLED = "SELECT EXISTS (SELECT FROM daily_totals_filled)"
MARK_FILLED = "INSERT INTO daily_totals_filled DEFAULT VALUES"

# The columns that each grain tells apart, the coarsest first; its number is
# GROUPING(project, task, employer).
GRAINS: dict[frozenset[str], int] = {
    frozenset(): 7,
    frozenset({"employer"}): 6,
    frozenset({"task"}): 5,
    frozenset({"project"}): 3,
    frozenset({"employer", "project"}): 2,
    frozenset({"project", "task"}): 1,
    frozenset({"employer", "project", "task"}): 0,
}

_FIXED = ("date", "billable", "state")
_SETS = ", ".join(f"({', '.join((*_FIXED, *sorted(columns)))})" for columns in GRAINS)
_CELLS = f"""
    SELECT GROUPING(project, task, employer) AS grain, date, coalesce(project, '') AS project,
        coalesce(task, '') AS task, coalesce(employer, '') AS employer, billable, state,
        sum(minutes) AS minutes, sum(entries) AS entries
    FROM {{changes}} AS change
    GROUP BY GROUPING SETS ({_SETS})
    HAVING sum(minutes) <> 0 OR sum(entries) <> 0
"""
_INSERT = """
    INSERT INTO daily_totals AS total
        (grain, date, project, task, employer, billable, state, minutes, entries)
"""

# Fills an empty summary; the snapshot has the entries and the changes that are in them already.
FILL = f"""
    {_INSERT}
    {
    _CELLS.format(
        changes='''(
        SELECT entry.date, entry.project, coalesce(entry.task, '') AS task,
            coalesce(people.employer, '') AS employer, entry.billable,
            coalesce(week.state, 'open') AS state, entry.minutes, 1 AS entries
        FROM entries AS entry
        LEFT JOIN weeks AS week USING (person, monday)
        LEFT JOIN people USING (person)
        UNION ALL
        SELECT date, project, task, employer, billable, state, -minutes, -entries
        FROM total_changes
    )'''
    )
}
    ORDER BY grain, date, project
"""
EMPTY = "DELETE FROM daily_totals"

ADD_CHANGES = f"""
    WITH taken AS (DELETE FROM total_changes RETURNING *)
    {_INSERT}
    {_CELLS.format(changes="taken")}
    ON CONFLICT (grain, date, project, task, employer, billable, state) DO UPDATE
    SET minutes = total.minutes + excluded.minutes, entries = total.entries + excluded.entries
"""
DELETE_EMPTY = "DELETE FROM daily_totals WHERE entries = 0"


def grain_of(columns: Set[str]) -> int:
    """The coarsest grain that tells these columns apart."""
    return next(grain for known, grain in GRAINS.items() if columns <= known)


async def is_filled(connection: asyncpg.Connection) -> bool:
    """Whether totals can be read from the summary."""
    return bool(await connection.fetchval(IS_FILLED))


async def fill(connection: asyncpg.Connection) -> None:
    """Compute the summary from the entries unless that was done. Takes seconds per million.

    The transaction is a repeatable read: one snapshot for what is summed and what changed.
    """
    if not await connection.fetchval(TRY_LOCK) or await is_filled(connection):
        return
    await connection.execute(EMPTY)
    await connection.execute(FILL)
    await connection.execute(MARK_FILLED)


async def add_changes(connection: asyncpg.Connection) -> None:
    """Move the changes into the summary; nothing if another replica is doing so."""
    if not await connection.fetchval(TRY_LOCK) or not await is_filled(connection):
        return
    await connection.execute(ADD_CHANGES)
    await connection.execute(DELETE_EMPTY)
