"""From staged rows to a plan: who is meant, which entries change, and what is wrong with either."""

from __future__ import annotations

import asyncpg

# Whom the file means. Only people who list the client are looked at: to anybody else it makes no
# difference whether somebody exists. A sub comes before an e-mail, that before an external id.
RESOLVE_PEOPLE = """
    CREATE TEMPORARY TABLE told_people ON COMMIT DROP AS
    WITH names AS (
        SELECT people.person, name.key, name.rank, name.rank <> 2 AS exact
        FROM people CROSS JOIN LATERAL (
            SELECT people.person AS key, 1 AS rank
            UNION ALL SELECT lower(people.email), 2 WHERE people.email IS NOT NULL
            UNION ALL SELECT value, 3 FROM jsonb_each_text(people.external_ids)
        ) AS name
        WHERE people.uploaders @> ARRAY[$1] AND people.active
    ),
    told AS (SELECT DISTINCT told_person AS told FROM staged_rows),
    keys AS (
        SELECT told, told AS key, true AS exact FROM told
        UNION ALL SELECT told, lower(told), false FROM told
    ),
    matches AS (
        SELECT keys.told, names.person, names.rank,
            min(names.rank) OVER (PARTITION BY keys.told) AS best
        FROM keys JOIN names USING (key, exact)
    )
    SELECT told, min(person) AS person, count(DISTINCT person) AS people
    FROM matches WHERE rank = best
    GROUP BY told
"""

# Each row beside the entry that it changes and the project that it names. A row that says nothing
# of `billable` leaves it as it is, and is as its project has it where something else changes.
PLAN = """
    CREATE TEMPORARY TABLE planned ON COMMIT DROP AS
    SELECT row.line, row.external_id, row.told_person, people.person, row.date, row.project,
        row.minutes, row.task, row.note,
        coalesce(row.billable, project.billable) AS billable,
        project.active AS project_active,
        entry.id AS entry_id, entry.person AS entry_person, entry.date AS entry_date,
        entry.monday AS entry_monday, entry.project AS entry_project,
        entry.minutes AS entry_minutes, entry.version AS entry_version,
        coalesce(
            (entry.person, entry.date, entry.project, entry.minutes, entry.note, entry.billable)
                = (people.person, row.date, row.project, row.minutes, row.note,
                   coalesce(row.billable, entry.billable))
            AND entry.task IS NOT DISTINCT FROM row.task,
            false
        ) AS same
    FROM staged_rows AS row
    LEFT JOIN told_people AS people ON people.told = row.told_person AND people.people = 1
    LEFT JOIN projects AS project ON project.code = row.project
    LEFT JOIN entries AS entry ON entry.source = $1 AND entry.external_id = row.external_id
"""
ANALYZE_PLAN = "ANALYZE planned (person, date, entry_id, same)"

# A person's days are far fewer than the rows. What is asked of the plan as a whole is asked of
# them, as each look at a million rows takes a quarter of a second. `span` is how many lines of the
# file the day's rows are spread over.
PLANNED_DAYS = """
    CREATE TEMPORARY TABLE planned_days ON COMMIT DROP AS
    SELECT person, date, date - (extract(isodow FROM date)::integer - 1) AS monday,
        count(*) FILTER (WHERE entry_id IS NULL) AS created,
        count(*) FILTER (WHERE entry_id IS NOT NULL AND NOT same) AS updated,
        count(*) FILTER (WHERE same) AS unchanged,
        coalesce(sum(minutes) FILTER (WHERE NOT same), 0) AS minutes,
        bool_or(NOT same AND project_active IS NOT TRUE) AS doubts_project,
        max(line) - min(line) + 1 AS span
    FROM planned
    GROUP BY person, date
"""
ANALYZE_PLANNED_DAYS = "ANALYZE planned_days"
FORGET_PLANNED_DAYS = "DROP TABLE IF EXISTS planned_days"

# Statistics of `entries` that were taken while a first large batch was being written say that it
# is empty, and a nested loop over a million rows never ends. A page of it holds some forty rows.
STATISTICS_MISLEAD = """
    SELECT reltuples BETWEEN 0 AND pg_relation_size(oid) / current_setting('block_size')::integer
    FROM pg_class WHERE oid = 'entries'::regclass
"""
WITHOUT_NESTED_LOOPS = "SET LOCAL enable_nestloop = off"

CHANGED = """
    CREATE TEMPORARY TABLE changed ON COMMIT DROP AS
    SELECT * FROM planned WHERE $1 AND entry_id IS NOT NULL AND NOT same
"""
CHANGES_ENTRIES = "SELECT EXISTS (SELECT FROM planned_days WHERE updated > 0)"
ANALYZE_CHANGED = "ANALYZE changed (line, entry_id, entry_person)"

TOUCHED_WEEKS = """
    CREATE TEMPORARY TABLE touched_weeks ON COMMIT DROP AS
    SELECT person, monday FROM planned_days WHERE created + updated > 0 AND person IS NOT NULL
    UNION
    SELECT entry_person, entry_monday FROM changed
"""
# Hashes are compared far quicker than texts, and mostly they tell that there is nothing to find.
MAY_REPEAT = """
    SELECT count(DISTINCT hashtextextended(external_id, 0)) < count(*) FROM staged_rows
"""
REFUSE_REPEATED = """
    INSERT INTO staged_errors
    SELECT row.line, 'external_id', 'repeated',
        format('Line %s has this external_id already.', before.line)
    FROM staged_rows AS row
    JOIN (
        SELECT external_id, min(line) AS line FROM staged_rows
        GROUP BY external_id HAVING count(*) > 1
    ) AS before USING (external_id)
    WHERE row.line > before.line
"""

MAY_REFUSE_PEOPLE = """
    SELECT EXISTS (SELECT FROM planned_days WHERE person IS NULL)
        OR EXISTS (SELECT FROM changed WHERE entry_person <> person)
"""
REFUSE_PEOPLE = """
    INSERT INTO staged_errors
    SELECT planned.line, 'person',
        CASE WHEN people.people > 1 THEN 'ambiguous_person' ELSE 'unknown_person' END,
        CASE
            WHEN people.people > 1 THEN format('More than one person is known as %s.', told_person)
            WHEN planned.person IS NULL
                THEN format('Nobody known as %s lets this client upload.', told_person)
            ELSE 'The entry belongs to somebody who does not let this client upload.'
        END
    FROM planned
    LEFT JOIN told_people AS people ON people.told = planned.told_person
    LEFT JOIN people AS owner ON owner.person = planned.entry_person
    WHERE planned.person IS NULL
       OR (planned.entry_person <> planned.person
           AND NOT coalesce(owner.uploaders @> ARRAY[$1], false))
"""


async def plan(connection: asyncpg.Connection, client: str, source: str) -> None:
    """Find who is meant and which entries change, and note what is wrong with either."""
    if await connection.fetchval(STATISTICS_MISLEAD):
        await connection.execute(WITHOUT_NESTED_LOOPS)
    await connection.execute(RESOLVE_PEOPLE, client)
    await connection.execute(PLAN, source)
    await connection.execute(ANALYZE_PLAN)
    await sum_up(connection)
    changes_entries = await connection.fetchval(CHANGES_ENTRIES)
    await connection.execute(CHANGED, changes_entries)
    await connection.execute(ANALYZE_CHANGED)
    await connection.execute(TOUCHED_WEEKS)
    if await connection.fetchval(MAY_REPEAT):
        await connection.execute(REFUSE_REPEATED)
    if await connection.fetchval(MAY_REFUSE_PEOPLE):
        await connection.execute(REFUSE_PEOPLE, client)


async def sum_up(connection: asyncpg.Connection) -> None:
    """Tell the plan's days; anew once rows have left the plan."""
    await connection.execute(FORGET_PLANNED_DAYS)
    await connection.execute(PLANNED_DAYS)
    await connection.execute(ANALYZE_PLANNED_DAYS)


async def found_errors(connection: asyncpg.Connection) -> bool:
    """Whether a row is known to be wrong by now."""
    return bool(await connection.fetchval("SELECT EXISTS (SELECT FROM staged_errors)"))
