"""From staged rows to a plan: whom each row names, which entries change, and their errors."""

from __future__ import annotations

import asyncpg

# Only people who list the client are considered, so a client cannot find out who else exists. A
# sub takes precedence over an e-mail address, that over an external id.
RESOLVE_PEOPLE = """
    CREATE TEMPORARY TABLE named_people ON COMMIT DROP AS
    WITH names AS (
        SELECT people.person, name.key, name.rank, name.rank <> 2 AS exact
        FROM people CROSS JOIN LATERAL (
            SELECT people.person AS key, 1 AS rank
            UNION ALL SELECT lower(people.email), 2 WHERE people.email IS NOT NULL
            UNION ALL SELECT value, 3 FROM jsonb_each_text(people.external_ids)
        ) AS name
        WHERE people.uploaders @> ARRAY[$1] AND people.active
    ),
    given AS (SELECT DISTINCT person_name AS name FROM staged_rows),
    keys AS (
        SELECT name, name AS key, true AS exact FROM given
        UNION ALL SELECT name, lower(name), false FROM given
    ),
    matches AS (
        SELECT keys.name, names.person, names.rank,
            min(names.rank) OVER (PARTITION BY keys.name) AS best
        FROM keys JOIN names USING (key, exact)
    )
    SELECT name, min(person) AS person, count(DISTINCT person) AS people
    FROM matches WHERE rank = best
    GROUP BY name
"""

# Each row with its entry and its project. A row without `billable` is compared with the entry's
# own; if something else changes, the entry gets the default of the project.
PLAN = """
    CREATE TEMPORARY TABLE planned ON COMMIT DROP AS
    SELECT row.line, row.external_id, row.person_name, people.person, row.date, row.project,
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
    LEFT JOIN named_people AS people ON people.name = row.person_name AND people.people = 1
    LEFT JOIN projects AS project ON project.code = row.project
    LEFT JOIN entries AS entry ON entry.source = $1 AND entry.external_id = row.external_id
"""
ANALYZE_PLAN = "ANALYZE planned (person, date, entry_id, same)"

# Checks of the whole file run on this summary by day, because each scan of a million rows takes a
# quarter of a second. `span` is the number of lines over which the rows of a day are spread.
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
DROP_PLANNED_DAYS = "DROP TABLE IF EXISTS planned_days"

# Statistics of `entries` that are taken while a first large batch is written say that the table is
# empty, and a nested loop over a million rows never ends. A page holds some forty rows.
STATISTICS_ARE_STALE = """
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
# Comparing hashes is faster than comparing texts, and usually there is no repeated id.
MAY_REPEAT = """
    SELECT count(DISTINCT hashtextextended(external_id, 0)) < count(*) FROM staged_rows
"""
REJECT_REPEATED = """
    INSERT INTO staged_errors
    SELECT row.line, 'external_id', 'repeated',
        format('Line %s has the same external_id.', before.line)
    FROM staged_rows AS row
    JOIN (
        SELECT external_id, min(line) AS line FROM staged_rows
        GROUP BY external_id HAVING count(*) > 1
    ) AS before USING (external_id)
    WHERE row.line > before.line
"""

MAY_REJECT_PEOPLE = """
    SELECT EXISTS (SELECT FROM planned_days WHERE person IS NULL)
        OR EXISTS (SELECT FROM changed WHERE entry_person <> person)
"""
REJECT_PEOPLE = """
    INSERT INTO staged_errors
    SELECT planned.line, 'person',
        CASE WHEN people.people > 1 THEN 'ambiguous_person' ELSE 'unknown_person' END,
        CASE
            WHEN people.people > 1 THEN format('More than one person matches %s.', person_name)
            WHEN planned.person IS NULL
                THEN format('No person matching %s allows uploads from this client.', person_name)
            ELSE 'The entry belongs to a person who does not allow uploads from this client.'
        END
    FROM planned
    LEFT JOIN named_people AS people ON people.name = planned.person_name
    LEFT JOIN people AS owner ON owner.person = planned.entry_person
    WHERE planned.person IS NULL
       OR (planned.entry_person <> planned.person
           AND NOT coalesce(owner.uploaders @> ARRAY[$1], false))
"""


async def plan(connection: asyncpg.Connection, client: str, source: str) -> None:
    """Resolve people and entries, and stage an error for each row that names none."""
    if await connection.fetchval(STATISTICS_ARE_STALE):
        await connection.execute(WITHOUT_NESTED_LOOPS)
    await connection.execute(RESOLVE_PEOPLE, client)
    await connection.execute(PLAN, source)
    await connection.execute(ANALYZE_PLAN)
    await summarize_days(connection)
    changes_entries = await connection.fetchval(CHANGES_ENTRIES)
    await connection.execute(CHANGED, changes_entries)
    await connection.execute(ANALYZE_CHANGED)
    await connection.execute(TOUCHED_WEEKS)
    if await connection.fetchval(MAY_REPEAT):
        await connection.execute(REJECT_REPEATED)
    if await connection.fetchval(MAY_REJECT_PEOPLE):
        await connection.execute(REJECT_PEOPLE, client)


async def summarize_days(connection: asyncpg.Connection) -> None:
    """Summarise the plan by day; again whenever rows have been removed from it."""
    await connection.execute(DROP_PLANNED_DAYS)
    await connection.execute(PLANNED_DAYS)
    await connection.execute(ANALYZE_PLANNED_DAYS)


async def has_errors(connection: asyncpg.Connection) -> bool:
    """Whether an error has been staged."""
    return bool(await connection.fetchval("SELECT EXISTS (SELECT FROM staged_errors)"))
