"""From staged rows to a plan: whom each row names, which entries change, and their errors."""

from __future__ import annotations

import asyncpg

from services.entries.batches.model import Client, DateRange
from services.entries.batches.store import removals, sent_rows

# E-mail addresses and external ids are stored trimmed and composed.
_COMPOSED = r"normalize(btrim({}, E' \t\n\r'), NFC)"

# Only people who list the client are considered, so a client cannot find out who else exists. A
# sub is compared byte for byte and takes precedence over an e-mail address, that over an external
# id, and people who are active over those who have left. A name that is
# somebody's sub is nobody else's e-mail address or external id, even if its owner has left or does
# not list the client.
RESOLVE_PEOPLE = f"""
    CREATE TEMPORARY TABLE named_people ON COMMIT DROP AS
    WITH names AS (
        SELECT people.person, people.active, people.until, name.key, name.kind,
            name.rank + CASE WHEN people.active THEN 0 ELSE 2 END AS rank
        FROM people CROSS JOIN LATERAL (
            SELECT people.person AS key, 'sub' AS kind, 0 AS rank
            UNION ALL SELECT lower(people.email), 'email', 1 WHERE people.email IS NOT NULL
            UNION ALL SELECT value, 'external_id', 2 FROM jsonb_each_text(people.external_ids)
        ) AS name
        WHERE people.uploaders @> ARRAY[$1]
    ),
    given AS (
        SELECT DISTINCT person_name AS name FROM staged_rows
        UNION
        SELECT person_name FROM staged_deletions WHERE person_name IS NOT NULL
    ),
    other_names AS (
        SELECT name, {_COMPOSED.format("name")} AS key
        FROM given WHERE NOT EXISTS (SELECT FROM people WHERE person = given.name)
    ),
    keys AS (
        SELECT name, name AS key, 'sub' AS kind FROM given
        UNION ALL SELECT name, lower(key), 'email' FROM other_names
        UNION ALL SELECT name, key, 'external_id' FROM other_names
    ),
    matches AS (
        SELECT keys.name, names.person, names.active, names.until, names.rank,
            min(names.rank) OVER (PARTITION BY keys.name) AS best
        FROM keys JOIN names USING (key, kind)
    )
    SELECT name, min(person) AS person, count(DISTINCT person) AS people,
        bool_and(active) AS active, min(until) AS until
    FROM matches WHERE rank = best
    GROUP BY name
"""

# Without it, two of a thousand people are expected, which makes slow plans for large files.
ANALYZE_PEOPLE = "ANALYZE named_people"

# The projects as they are at the time of the plan, a row for each version. The end of the merge
# compares them with what they are then. A join with the view would hash all rows of the file.
KNOWN_PROJECTS = """
    CREATE TEMPORARY TABLE known_projects ON COMMIT DROP AS
    SELECT code, projects.active, projects.note_required, dated.billable, dated.valid_from,
        dated.valid_before
    FROM projects JOIN dated_projects AS dated USING (code)
"""
ANALYZE_PROJECTS = "ANALYZE known_projects"

# Each row with its entry and its project. `same`: the entry has these values already; its
# owner does not matter. A row without `billable` is compared with the entry's own; if something
# else changes, the entry gets the default of the project on that day.
PLAN = """
    CREATE TEMPORARY TABLE planned ON COMMIT DROP AS
    SELECT row.line, row.external_id, row.person_name, people.person, row.date, row.project,
        row.minutes, row.task, row.note,
        coalesce(row.billable, project.billable) AS billable, row.billable AS sent_billable,
        project.active AS project_active, project.note_required AND row.note = '' AS lacks_note,
        entry.id AS entry_id, entry.person AS entry_person, entry.date AS entry_date,
        entry.monday AS entry_monday, entry.project AS entry_project,
        entry.minutes AS entry_minutes, entry.version AS entry_version,
        coalesce(
            (entry.date, entry.project, entry.minutes, entry.note, entry.billable)
                = (row.date, row.project, row.minutes, row.note,
                   coalesce(row.billable, entry.billable))
            AND entry.task IS NOT DISTINCT FROM row.task,
            false
        ) AS same
    FROM staged_rows AS row
    LEFT JOIN named_people AS people ON people.name = row.person_name AND people.people = 1
    LEFT JOIN known_projects AS project ON project.code = row.project
        AND project.valid_from <= row.date AND row.date < project.valid_before
    LEFT JOIN entries AS entry ON entry.source = $1 AND entry.external_id = row.external_id
"""
ANALYZE_PLAN = "ANALYZE planned (person, date, entry_id, same)"

# Checks of the whole file run on this summary by day, because each scan of a million rows takes a
# quarter of a second. `span` is the number of lines over which the rows of a day are spread.
PLANNED_DAYS = """
    CREATE TEMPORARY TABLE planned_days ON COMMIT DROP AS
    SELECT person, date, date - (extract(isodow FROM date)::integer - 1) AS monday,
        count(*) FILTER (WHERE entry_id IS NULL AND NOT same) AS created,
        count(*) FILTER (WHERE entry_id IS NOT NULL AND NOT same) AS updated,
        count(*) FILTER (WHERE same) AS unchanged,
        coalesce(sum(minutes) FILTER (WHERE NOT same), 0) AS minutes,
        sum(minutes) FILTER (WHERE entry_id IS NULL AND NOT same) AS created_minutes,
        bool_or(NOT same AND (project_active IS NOT TRUE OR lacks_note)) AS doubts_project,
        bool_or(entry_person <> person) AS doubts_person,
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
CREATES_ENTRIES = "SELECT EXISTS (SELECT FROM planned_days WHERE created > 0)"
CHANGES_ENTRIES = "SELECT EXISTS (SELECT FROM planned_days WHERE updated > 0)"
ANALYZE_CHANGED = "ANALYZE changed (line, entry_id, entry_person)"

TOUCHED_WEEKS = """
    CREATE TEMPORARY TABLE touched_weeks ON COMMIT DROP AS
    SELECT person, monday FROM planned_days WHERE created + updated > 0 AND person IS NOT NULL
    UNION
    SELECT entry_person, entry_monday FROM changed
    UNION
    SELECT person, monday FROM removals
"""

# Comparing hashes is faster than comparing texts, and usually there is no repeated id.
MAY_REPEAT = """
    SELECT EXISTS (
        SELECT FROM (
            SELECT external_id FROM staged_rows
            UNION ALL
            SELECT external_id FROM staged_deletions
        ) AS given
        GROUP BY hashtextextended(external_id, 0) HAVING count(*) > 1
    )
"""
REJECT_REPEATED = """
    INSERT INTO staged_errors (line, field, code, message, external_id)
    SELECT given.line, 'external_id', 'repeated',
        format('Line %s has the same external_id.', first.line), external_id
    FROM (
        SELECT line, external_id FROM staged_rows
        UNION ALL
        SELECT line, external_id FROM staged_deletions
    ) AS given
    JOIN (
        SELECT external_id, min(line) AS line FROM (
            SELECT line, external_id FROM staged_rows
            UNION ALL
            SELECT line, external_id FROM staged_deletions
        ) AS every GROUP BY external_id HAVING count(*) > 1
    ) AS first USING (external_id)
    WHERE given.line > first.line
"""

# An unchanged row is no error, even if its person has left, no longer lists the client, or was
# named by what is another person's name now.
HAS_UNRESOLVED = """
    SELECT EXISTS (
        SELECT FROM planned WHERE person IS NULL OR (same AND entry_person <> person)
    )
"""
KEEP_ROWS_OF_OWNERS = f"""
    UPDATE planned SET person = owner.person
    FROM people AS owner
    WHERE planned.same AND owner.person = planned.entry_person
      AND planned.person IS DISTINCT FROM owner.person
      AND (
          owner.person = planned.person_name
          OR lower(owner.email) = lower({_COMPOSED.format("planned.person_name")})
          OR {_COMPOSED.format("planned.person_name")}
              IN (SELECT value FROM jsonb_each_text(owner.external_ids))
      )
"""

MAY_REJECT_PEOPLE = """
    SELECT EXISTS (SELECT FROM planned_days WHERE person IS NULL OR doubts_person)
        OR EXISTS (SELECT FROM named_people WHERE NOT active)
"""
# People who have left may still get hours of earlier days.
REJECT_PEOPLE = """
    INSERT INTO staged_errors (line, field, code, message, external_id)
    SELECT found.line, CASE WHEN reason = 'other_person' THEN 'external_id' ELSE 'person' END,
        reason,
        CASE reason
            WHEN 'ambiguous_person' THEN format('More than one person matches %s.', person_name)
            WHEN 'unknown_person'
                THEN format('No person matching %s allows uploads from this client.', person_name)
            WHEN 'inactive_person' THEN format('%s is no longer active.', person_name)
            ELSE 'This external_id belongs to the entry of another person. Delete that one first.'
        END,
        found.external_id
    FROM (
        SELECT planned.line, planned.external_id, planned.person_name, CASE
            WHEN planned.person IS NULL AND named.people > 1 THEN 'ambiguous_person'
            WHEN planned.person IS NULL THEN 'unknown_person'
            WHEN planned.entry_person <> planned.person THEN 'other_person'
            WHEN NOT planned.same AND NOT named.active AND planned.person = named.person
                AND coalesce(planned.date > named.until, true) THEN 'inactive_person'
        END AS reason
        FROM planned
        LEFT JOIN named_people AS named ON named.name = planned.person_name
    ) AS found
    WHERE reason IS NOT NULL
"""


async def plan(connection: asyncpg.Connection, client: Client, complete: DateRange | None) -> None:
    """Resolve people and entries, find what to remove, and stage an error for each row that
    cannot be planned."""
    if await connection.fetchval(STATISTICS_ARE_STALE):
        await connection.execute(WITHOUT_NESTED_LOOPS)
    await connection.execute(RESOLVE_PEOPLE, client.id)
    await connection.execute(ANALYZE_PEOPLE)
    await connection.execute(KNOWN_PROJECTS)
    await connection.execute(ANALYZE_PROJECTS)
    await connection.execute(PLAN, client.source)
    await connection.execute(ANALYZE_PLAN)
    await sent_rows.compare(connection, client.source)
    if await connection.fetchval(HAS_UNRESOLVED):
        await connection.execute(KEEP_ROWS_OF_OWNERS)
    await summarize_days(connection)
    await connection.execute(CHANGED, await connection.fetchval(CHANGES_ENTRIES))
    await connection.execute(ANALYZE_CHANGED)
    await removals.plan(connection, client.id, client.source, complete)
    await connection.execute(TOUCHED_WEEKS)
    if await connection.fetchval(MAY_REPEAT):
        await connection.execute(REJECT_REPEATED)
    if await connection.fetchval(MAY_REJECT_PEOPLE):
        await connection.execute(REJECT_PEOPLE)


async def summarize_days(connection: asyncpg.Connection) -> None:
    """Summarise the plan by day; again whenever rows have been removed from it."""
    await connection.execute(DROP_PLANNED_DAYS)
    await connection.execute(PLANNED_DAYS)
    await connection.execute(ANALYZE_PLANNED_DAYS)


async def creates_entries(connection: asyncpg.Connection) -> bool:
    """Whether a row of the plan is a new entry."""
    return bool(await connection.fetchval(CREATES_ENTRIES))


async def has_errors(connection: asyncpg.Connection) -> bool:
    """Whether an error has been staged."""
    return bool(await connection.fetchval("SELECT EXISTS (SELECT FROM staged_errors)"))
