"""From a plan to entries: check the rules, then upsert.

Set-based, in one transaction. Locks are taken in this order, each kind in the order of its key, so
that concurrent batches and people wait for each other and do not deadlock: the client, the entries
that change, the rules, the weeks. The last two are locked at the end only (`counting`), unless
that failed before.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from uuid import UUID

import asyncpg

from libs.postgres.errors import ConcurrentUpdate
from libs.postgres.transactions import retry_on_violation
from libs.rules.calendar import Week
from libs.rules.violations import Violation
from services.entries.batches.model import Counts, RuleMessages
from services.entries.batches.store import removals, sent_rows
from services.entries.batches.store.batches import id_prefix
from services.entries.batches.store.planning import creates_entries, has_errors, summarize_days
from services.entries.store.rules import RULES
from services.entries.store.timesheets import PersonsWeek

# The second batch of a client waits here, because it must see what the first has written. Advisory
# locks with two keys do not collide with those with one.
LOCK_CLIENT = "SELECT pg_advisory_xact_lock(7301003, hashtext($1))"

LOCK_ENTRIES = """
    WITH planned_entries AS (
        SELECT entry_person AS person, entry_id AS id, entry_version AS version FROM changed
        UNION ALL
        SELECT person, id, version FROM removals
    ),
    locked AS (
        SELECT entry.version = planned.version AS as_planned
        FROM planned_entries AS planned JOIN entries AS entry USING (person, id)
        ORDER BY entry.person, entry.id
        FOR UPDATE OF entry
    )
    SELECT (SELECT count(*) FROM planned_entries) = (SELECT count(*) FROM locked WHERE as_planned)
"""

ENSURE_WEEKS = """
    INSERT INTO weeks (person, monday, version)
    SELECT person, monday, 0 FROM touched_weeks ORDER BY person, monday
    ON CONFLICT (person, monday) DO NOTHING
"""
LOCK_WEEKS = """
    WITH locked AS (
        SELECT FROM weeks JOIN touched_weeks USING (person, monday)
        ORDER BY person, monday FOR UPDATE OF weeks
    )
    SELECT count(*) FROM locked
"""
# The placeholder rows of weeks that ended up unchanged.
DELETE_PLACEHOLDER_WEEKS = """
    DELETE FROM weeks USING touched_weeks AS touched
    WHERE weeks.person = touched.person AND weeks.monday = touched.monday AND weeks.version = 0
"""

WEEKS_OF_LEAVERS = """
    SELECT touched.person, touched.monday
    FROM touched_weeks AS touched JOIN people USING (person)
    WHERE NOT people.active
"""

# In an ended project an entry may stay or shrink, but neither appear nor move nor grow.
MAY_REJECT_PROJECTS = "SELECT EXISTS (SELECT FROM planned_days WHERE doubts_project)"
REJECT_PROJECTS = """
    INSERT INTO staged_errors (line, field, code, message, external_id)
    SELECT line, 'project',
        CASE WHEN project_active IS NULL THEN $1 ELSE $3 END,
        format(CASE WHEN project_active IS NULL THEN $2 ELSE $4 END, project),
        external_id
    FROM planned
    WHERE NOT same AND project_active IS NOT TRUE
      AND (project_active IS NULL
           OR (entry_project, entry_date) IS DISTINCT FROM (project, date)
           OR entry_minutes < minutes)
"""

REJECT_NOTES = """
    INSERT INTO staged_errors (line, field, code, message, external_id)
    SELECT line, 'note', $1, $2, external_id FROM planned WHERE NOT same AND lacks_note
"""

# In most files no row meets a lock or a limit.
MAY_REJECT_DATES = """
    SELECT EXISTS (
        SELECT FROM weeks JOIN touched_weeks USING (person, monday) WHERE state <> 'open'
    ) OR EXISTS (
        SELECT FROM planned_days WHERE created + updated > 0 AND (date <= $1 OR date > $2)
    ) OR EXISTS (SELECT FROM changed WHERE entry_date <= $1)
      OR EXISTS (SELECT FROM removals WHERE date <= $1)
"""
# One reason per row, in the order of the model: first the week and the day that the entry is taken
# from, then those that it is written to.
REJECT_DATES = """
    INSERT INTO staged_errors (line, field, code, message, external_id)
    SELECT found.line, 'date', reason.code, reason.message, found.external_id
    FROM (
        SELECT planned.line, planned.external_id, CASE
            WHEN old_week.state <> 'open' THEN old_week.state
            WHEN planned.entry_date <= $1 THEN 'locked'
            WHEN week.state <> 'open' THEN week.state
            WHEN planned.date <= $1 THEN 'closed'
            WHEN planned.date > $2 THEN 'too_far_ahead'
        END AS reason
        FROM planned
        LEFT JOIN weeks AS week
            ON week.person = planned.person
            AND week.monday = planned.date - (extract(isodow FROM planned.date)::integer - 1)
        LEFT JOIN weeks AS old_week
            ON old_week.person = planned.entry_person AND old_week.monday = planned.entry_monday
        WHERE NOT planned.same
        UNION ALL
        SELECT removals.line, removals.external_id, CASE
            WHEN week.state <> 'open' THEN week.state
            WHEN removals.date <= $1 THEN 'locked'
        END
        FROM removals LEFT JOIN weeks AS week USING (person, monday)
    ) AS found
    JOIN unnest($3::text[], $4::text[], $5::text[]) AS reason (name, code, message)
        ON reason.name = found.reason
"""

# The days that would exceed 24 hours. Removals make room, and if the batch is all or nothing, so
# do the minutes that any row takes off a day. Otherwise ($1) only those of the row itself do,
# because the others may be rejected.
FIND_FULL_DAYS = """
    CREATE TEMPORARY TABLE full_days ON COMMIT DROP AS
    WITH freed AS (
        SELECT person, date, sum(by_removals) AS by_removals, sum(by_rows) AS by_rows,
            sum(by_own_row) AS by_own_row
        FROM (
            SELECT entry_person AS person, entry_date AS date, 0 AS by_removals,
                entry_minutes AS by_rows,
                CASE WHEN entry_date = date THEN entry_minutes ELSE 0 END AS by_own_row
            FROM changed
            UNION ALL
            SELECT person, date, minutes, 0, 0 FROM removals
        ) AS part
        GROUP BY person, date
    )
    SELECT days.person, days.date, held.minutes AS base
    FROM planned_days AS days
    LEFT JOIN weeks AS week USING (person, monday)
    LEFT JOIN freed ON freed.person = days.person AND freed.date = days.date
    CROSS JOIN LATERAL (
        SELECT (coalesce(week.minutes[extract(isodow FROM days.date)::integer], 0)
            - coalesce(freed.by_removals, 0)
            - CASE WHEN $1 THEN 0 ELSE coalesce(freed.by_rows, 0) END)::integer AS minutes,
            days.minutes - CASE WHEN $1 THEN coalesce(freed.by_own_row, 0) ELSE 0 END AS added
    ) AS held
    WHERE days.created + days.updated > 0 AND held.minutes + held.added > $2
"""

# The rows that do not fit on these days, by line.
FIND_OVERFULL = """
    CREATE TEMPORARY TABLE overfull ON COMMIT DROP AS
    WITH live AS (
        SELECT line, external_id, person, date, minutes,
            CASE
                WHEN $1 AND entry_date = date THEN entry_minutes
                ELSE 0
            END AS gone
        FROM planned
        WHERE NOT same
    ),
    filled AS (
        SELECT live.*, base, filled_day(base, gone, minutes) OVER by_line AS after
        FROM live JOIN full_days USING (person, date)
        WINDOW by_line AS (PARTITION BY person, date ORDER BY line)
    ),
    steps AS (
        SELECT line, external_id, minutes, gone,
            coalesce(lag(after) OVER by_line, base) - gone AS others
        FROM filled
        WINDOW by_line AS (PARTITION BY person, date ORDER BY line)
    )
    SELECT line, external_id, others FROM steps WHERE minutes > gone AND others + minutes > $2
"""
REJECT_OVERFULL = """
    INSERT INTO staged_errors (line, field, code, message, external_id)
    SELECT overfull.line, 'minutes', reason.code, reason.message, overfull.external_id
    FROM overfull
    JOIN unnest($1::text[]::integer[], $2::text[], $3::text[]) AS reason (others, code, message)
        USING (others)
"""

DELETE_REJECTED = (
    "DELETE FROM planned USING staged_errors AS error WHERE error.line = planned.line",
    "DELETE FROM changed USING staged_errors AS error WHERE error.line = changed.line",
    """
        DELETE FROM removals USING staged_errors AS error
        WHERE error.line = removals.line AND error.external_id = removals.external_id
    """,
)

COUNT = """
    SELECT coalesce(sum(created), 0)::integer, coalesce(sum(updated), 0)::integer,
        coalesce(sum(unchanged), 0)::integer,
        (SELECT count(*) FROM removals)::integer,
        (SELECT count(DISTINCT (line, CASE WHEN line = 0 THEN external_id END)) FROM staged_errors)
            ::integer
    FROM planned_days
"""

MERGING = "SELECT set_config('timesheets.merging', 'on', true)"

# The entries that the batch changes, as they were before; at most $2 of them.
RECORD_CHANGES = """
    INSERT INTO batch_changes (batch, person, id, action, line, external_id, version, date, project,
        task, minutes, note, billable, changed_by)
    SELECT $1, entry.person, entry.id, change.action, change.line, entry.external_id,
        entry.version + 1, entry.date, entry.project, entry.task, entry.minutes, entry.note,
        entry.billable, entry.changed_by
    FROM (
        SELECT entry_person AS person, entry_id AS id, 'updated' AS action, line FROM changed
        UNION ALL
        SELECT person, id, 'removed', line FROM removals
        LIMIT $2
    ) AS change
    JOIN entries AS entry USING (person, id)
"""

UPDATE = """
    UPDATE entries AS entry
    SET date = changed.date, project = changed.project, task = changed.task,
        minutes = changed.minutes, note = changed.note, billable = changed.billable,
        changed_by = NULL, version = entry.version + 1, updated_at = now()
    FROM changed
    WHERE entry.person = changed.entry_person AND entry.id = changed.entry_id
"""

# An id consists of that of the batch, which is random, and the line (RFC 9562 section 5.8). A
# million random ids would take as long as writing an index, and ids in order are indexed faster.
INSERT = """
    INSERT INTO entries
        (person, id, date, project, task, minutes, note, billable, source, external_id)
    SELECT person, ($2 || right(to_hex(4294967296 + line), 8))::uuid,
        date, project, task, minutes, note, billable, $1, external_id
    FROM planned
    WHERE entry_id IS NULL AND NOT same
"""
# Writing a million rows takes two fifths longer in random order than in key order, and sorting
# takes a sixth of the time: not worth it if the rows of each day are close together already.
INSERT_SORTED = f"{INSERT} ORDER BY person, date, line"
IS_SCATTERED = """
    SELECT coalesce(sum(span) > 2 * sum(created + updated + unchanged), false) FROM planned_days
"""

_RULES = RULES | {"entries_by_external_id"}


async def lock_client(connection: asyncpg.Connection, client: str) -> None:
    """Wait until no other batch of the client is being merged."""
    await connection.execute(LOCK_CLIENT, client)


async def lock_entries(connection: asyncpg.Connection) -> None:
    """Lock the entries that will change. Raises `ConcurrentUpdate` if one differs from the plan."""
    if not await connection.fetchval(LOCK_ENTRIES):
        raise ConcurrentUpdate("an entry changed after planning")


async def lock_weeks(connection: asyncpg.Connection) -> None:
    """Lock the weeks that will change; those that do not exist are inserted."""
    await connection.execute(ENSURE_WEEKS)
    await connection.execute(LOCK_WEEKS)


async def check_rules(
    connection: asyncpg.Connection,
    messages: RuleMessages,
    closed_through: date | None,
    latest: date,
) -> None:
    """Stage an error for each row that a project, a lock or a date forbids."""
    unknown, inactive = messages.unknown_project, messages.inactive_project
    if await connection.fetchval(MAY_REJECT_PROJECTS):
        await connection.execute(
            REJECT_PROJECTS, unknown.code, unknown.message, inactive.code, inactive.message
        )
        note = messages.missing_note
        await connection.execute(REJECT_NOTES, note.code, note.message)
    if not await connection.fetchval(MAY_REJECT_DATES, closed_through, latest):
        return
    reasons = list(messages.dates)
    codes = [messages.dates[reason][0] for reason in reasons]
    texts = [messages.dates[reason][1] for reason in reasons]
    await connection.execute(REJECT_DATES, closed_through, latest, reasons, codes, texts)


async def check_days(
    connection: asyncpg.Connection,
    maximum: int,
    violation_of: Callable[[int], Violation],
    *,
    skips_errors: bool,
) -> None:
    """Stage an error for each valid row that does not fit on its day.

    `violation_of` gives the violation on a day that has so many minutes already.
    """
    await _delete_rejected(connection)
    await connection.execute(FIND_FULL_DAYS, skips_errors, maximum)
    if not await connection.fetchval("SELECT EXISTS (SELECT FROM full_days)"):
        return
    await connection.execute(FIND_OVERFULL, skips_errors, maximum)
    minutes = [row[0] for row in await connection.fetch("SELECT DISTINCT others FROM overfull")]
    violations = [violation_of(others) for others in minutes]
    await connection.execute(
        REJECT_OVERFULL,
        list(map(str, minutes)),
        [violation.code for violation in violations],
        [violation.message for violation in violations],
    )
    await _delete_rejected(connection)


async def _delete_rejected(connection: asyncpg.Connection) -> None:
    """Remove the rows that have an error from the plan."""
    if not await has_errors(connection):
        return
    for statement in DELETE_REJECTED:
        await connection.execute(statement)
    await summarize_days(connection)


async def count_rows(connection: asyncpg.Connection) -> Counts:
    """The effects of the valid rows, and the number of invalid ones."""
    created, updated, unchanged, removed, failed = await connection.fetchrow(COUNT)
    unchanged += await connection.fetchval(removals.COUNT_DELETED_BEFORE)
    return Counts(created, updated, unchanged, removed, failed)


async def record_changes(connection: asyncpg.Connection, batch: UUID, limit: int | None) -> None:
    """Store what the batch is about to change as it is now; at most `limit` entries."""
    await connection.execute(RECORD_CHANGES, batch, limit)


async def write_entries(connection: asyncpg.Connection, source: str, batch: UUID) -> None:
    """Delete, update and insert. Raises `ConcurrentUpdate` if the database finds a violation that
    the checks did not."""
    await connection.execute(MERGING)
    await sent_rows.settle(connection, source)
    with retry_on_violation(_RULES):
        await connection.execute(removals.DELETE)
        await connection.execute(UPDATE)
        if await creates_entries(connection):
            scattered = await connection.fetchval(IS_SCATTERED)
            insert = INSERT_SORTED if scattered else INSERT
            await connection.execute(insert, source, id_prefix(batch))


async def list_weeks_of_leavers(connection: asyncpg.Connection) -> set[PersonsWeek]:
    """The weeks of inactive people that the batch wrote to."""
    return {(person, Week(monday)) for person, monday in await connection.fetch(WEEKS_OF_LEAVERS)}


async def delete_placeholder_weeks(connection: asyncpg.Connection) -> None:
    """Delete the weeks that were inserted to lock them and stayed unchanged."""
    await connection.execute(DELETE_PLACEHOLDER_WEEKS)
