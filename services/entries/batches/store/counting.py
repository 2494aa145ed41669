"""Counting the entries of a merge in one go, at its end.

The triggers of `entries` check the rules and lock the weeks with each statement. A merge defers
that: writing a hundred thousand entries takes seconds, in which nobody could write in these weeks
or close the period. So triggers only collect what is updated and deleted (migration 0013). The plan
has the entries that are created, and a copy of them for a trigger would take longer (migration
0016). `count_entries` takes the locks, checks that the rules still are those by which the rows were
checked, and adds the changes to the weeks and to the summary of totals. The transaction then ends
at once.
"""

from __future__ import annotations

import asyncpg

from libs.postgres.errors import ConcurrentUpdate
from libs.postgres.transactions import retry_on_violation
from services.entries.batches.store.planning import creates_entries
from services.entries.store.period import READ as READ_CLOSED_THROUGH
from services.entries.store.period import share_rules_lock
from services.entries.store.rules import RULES

CREATE = """
    CREATE TEMPORARY TABLE merged_weeks (
        person  text NOT NULL,
        monday  date NOT NULL,
        minutes integer[] NOT NULL
    ) ON COMMIT DROP;
    CREATE TEMPORARY TABLE merged_people (
        person   text PRIMARY KEY,
        employer text NOT NULL
    ) ON COMMIT DROP;
    CREATE TEMPORARY TABLE merged_totals (
        date     date NOT NULL,
        project  text NOT NULL,
        task     text NOT NULL,
        employer text NOT NULL,
        billable boolean NOT NULL,
        minutes  integer NOT NULL,
        entries  integer NOT NULL
    ) ON COMMIT DROP;
    SET LOCAL timesheets.counting = 'deferred';
    SET LOCAL timesheets.created = 'planned';
"""

# As the trigger of added entries does it.
_CREATED = ", ".join(
    f"coalesce(sum(created_minutes) FILTER (WHERE date = monday + {day}), 0)" for day in range(7)
)
COLLECT_CREATED = (
    f"""
        INSERT INTO merged_weeks (person, monday, minutes)
        SELECT person, monday, ARRAY[{_CREATED}]
        FROM planned_days
        WHERE created > 0
        GROUP BY person, monday
    """,
    """
        INSERT INTO merged_people (person, employer)
        SELECT DISTINCT person, coalesce(people.employer, '')
        FROM merged_weeks LEFT JOIN people USING (person)
        ON CONFLICT (person) DO NOTHING
    """,
    """
        INSERT INTO merged_totals (date, project, task, employer, billable, minutes, entries)
        SELECT date, project, coalesce(task, ''), employer, billable, sum(minutes), count(*)
        FROM planned JOIN merged_people USING (person)
        WHERE entry_id IS NULL AND NOT same
        GROUP BY date, project, coalesce(task, ''), employer, billable
    """,
)

# Whether the period was closed, a project ended or deleted, or an employer changed after the checks
# in a way that concerns these rows. All that takes the rules lock alone: not from now on.
RULES_CHANGED = f"""
    SELECT EXISTS (SELECT FROM merged_totals WHERE date <= ({READ_CLOSED_THROUGH}))
        OR EXISTS (
            SELECT FROM (SELECT DISTINCT project AS code FROM merged_totals) AS used
            LEFT JOIN projects USING (code)
            WHERE projects.active IS NOT TRUE AND (
                projects.code IS NULL
                OR EXISTS (
                    SELECT FROM known_projects AS known
                    WHERE known.code = used.code AND known.active
                )
            )
        )
        OR EXISTS (
            SELECT FROM merged_people AS merged LEFT JOIN people USING (person)
            WHERE merged.employer <> coalesce(people.employer, '')
        )
"""

ADD_TO_SUMMARY = """
    INSERT INTO total_changes (date, project, task, employer, billable, state, minutes, entries)
    SELECT date, project, task, employer, billable, 'open', sum(minutes), sum(entries)
    FROM merged_totals
    GROUP BY date, project, task, employer, billable
    HAVING sum(minutes) <> 0 OR sum(entries) <> 0
"""

# As the triggers do it; in the order of the key, so that writers queue and do not deadlock.
_SUMS = ", ".join(f"sum(minutes[{day}])" for day in range(1, 8))
_ADDED = ", ".join(f"week.minutes[{day}] + excluded.minutes[{day}]" for day in range(1, 8))
ADD_TO_WEEKS = f"""
    WITH sums AS (
        SELECT person, monday, ARRAY[{_SUMS}]::integer[] AS minutes
        FROM merged_weeks GROUP BY person, monday
    ),
    counted AS (
        INSERT INTO weeks AS week (person, monday, minutes)
        SELECT person, monday, minutes FROM sums ORDER BY person, monday
        ON CONFLICT (person, monday) DO UPDATE
        SET minutes = ARRAY[{_ADDED}], version = week.version + 1, updated_at = now()
        WHERE week.state = 'open'
        RETURNING 1
    )
    SELECT (SELECT count(*) FROM sums) = (SELECT count(*) FROM counted)
"""


async def defer_counting(connection: asyncpg.Connection) -> None:
    """Until the transaction ends, entries are written without being checked and counted."""
    await connection.execute(CREATE)


async def count_entries(connection: asyncpg.Connection) -> None:
    """Lock the rules and the weeks and count what was written. Write no entries after it.

    Raises `ConcurrentUpdate` if a rule, a week or an employer has changed since the checks.
    """
    if await creates_entries(connection):
        for statement in COLLECT_CREATED:
            await connection.execute(statement)
    await share_rules_lock(connection)
    if await connection.fetchval(RULES_CHANGED):
        raise ConcurrentUpdate("a rule changed after the checks")
    await connection.execute(ADD_TO_SUMMARY)
    with retry_on_violation(RULES):
        if not await connection.fetchval(ADD_TO_WEEKS):
            raise ConcurrentUpdate("a week was submitted after the checks")
