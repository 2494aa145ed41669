"""Undoing a batch: its entries that nobody changed since go back to what they were."""

from __future__ import annotations

from uuid import UUID

import asyncpg

from libs.postgres.transactions import retry_on_violation
from libs.rules.calendar import Week
from services.entries.batches.store.batches import created_ids
from services.entries.store.rules import RULES
from services.entries.store.timesheets import PersonsWeek

# `action` is what the batch did. Created entries are as it left them in their first version, the
# updated ones in the version that was recorded; a removed one must not exist again, nor have been
# sent again and then deleted by a person.
FIND = """
    CREATE TEMPORARY TABLE undoable ON COMMIT DROP AS
    SELECT entry.person, entry.id, 'created' AS action, entry.date AS old_date, entry.date,
        entry.version = 1 AS is_unchanged
    FROM entries AS entry
    WHERE entry.person IN (SELECT unnest(people) FROM batches WHERE batches.id = $1)
      AND entry.id BETWEEN $2 AND $3
    UNION ALL
    SELECT change.person, change.id, change.action, coalesce(entry.date, change.date), change.date,
        CASE change.action
            WHEN 'updated' THEN entry.version IS NOT DISTINCT FROM change.version
            ELSE entry.id IS NULL AND NOT EXISTS (
                SELECT FROM entries AS other
                WHERE other.source = $4 AND other.external_id = change.external_id
            ) AND NOT EXISTS (
                SELECT FROM sent_rows AS sent
                WHERE sent.source = $4 AND sent.external_id = change.external_id
            )
        END
    FROM batch_changes AS change LEFT JOIN entries AS entry USING (person, id)
    WHERE change.batch = $1
"""
COUNT_CREATED_BEFORE = "SELECT created FROM batches WHERE id = $1"

LOCK_ENTRIES = """
    WITH locked AS (
        SELECT FROM entries JOIN undoable USING (person, id)
        ORDER BY person, id FOR UPDATE OF entries
    )
    SELECT count(*) FROM locked
"""
LOCK_WEEKS = """
    WITH locked AS (
        SELECT FROM weeks
        WHERE (person, monday) IN (
            SELECT person, day - (extract(isodow FROM day)::integer - 1)
            FROM undoable CROSS JOIN LATERAL (VALUES (old_date), (date)) AS days (day)
        )
        ORDER BY person, monday FOR UPDATE
    )
    SELECT count(*) FROM locked
"""
# Locked are the days of submitted and approved weeks, closed days, and for entries that appear
# again projects that have ended.
KEEP_LOCKED = """
    UPDATE undoable SET is_unchanged = false
    WHERE EXISTS (
        SELECT FROM (VALUES (old_date), (undoable.date)) AS days (day)
        LEFT JOIN weeks AS week
            ON week.person = undoable.person
            AND week.monday = day - (extract(isodow FROM day)::integer - 1)
        WHERE day <= $1 OR week.state <> 'open'
    ) OR EXISTS (
        SELECT FROM batch_changes AS change JOIN projects ON projects.code = change.project
        WHERE change.batch = $2 AND change.person = undoable.person AND change.id = undoable.id
          AND NOT projects.active
    )
"""
WEEKS_OF_LEAVERS = """
    SELECT DISTINCT person, day - (extract(isodow FROM day)::integer - 1) AS monday
    FROM undoable JOIN people USING (person)
    CROSS JOIN LATERAL (VALUES (old_date), (undoable.date)) AS days (day)
    WHERE is_unchanged AND NOT people.active
"""
COUNT = """
    SELECT count(*) FILTER (WHERE is_unchanged AND action = 'created')::integer AS removed,
        count(*) FILTER (WHERE is_unchanged AND action <> 'created')::integer AS restored,
        count(*) FILTER (WHERE NOT is_unchanged)::integer AS kept
    FROM undoable
"""

MERGING = "SELECT set_config('timesheets.merging', 'on', true)"
DELETE_CREATED = """
    DELETE FROM entries USING undoable
    WHERE entries.person = undoable.person AND entries.id = undoable.id
      AND undoable.is_unchanged AND undoable.action = 'created'
"""
RESTORE_UPDATED = """
    UPDATE entries AS entry
    SET date = change.date, project = change.project, task = change.task,
        minutes = change.minutes, note = change.note, billable = change.billable,
        changed_by = change.changed_by, version = entry.version + 1, updated_at = now()
    FROM batch_changes AS change JOIN undoable USING (person, id)
    WHERE change.batch = $1 AND entry.person = change.person AND entry.id = change.id
      AND undoable.is_unchanged AND undoable.action = 'updated'
"""
RESTORE_REMOVED = """
    INSERT INTO entries (person, id, date, project, task, minutes, note, billable, source,
        external_id, version, changed_by)
    SELECT change.person, change.id, change.date, change.project, change.task, change.minutes,
        change.note, change.billable, $2, change.external_id, change.version, change.changed_by
    FROM batch_changes AS change JOIN undoable USING (person, id)
    WHERE change.batch = $1 AND undoable.is_unchanged AND undoable.action = 'removed'
"""


async def find(connection: asyncpg.Connection, batch_id: UUID, source: str) -> None:
    """Find the entries of the batch and lock them with their weeks."""
    await connection.execute(FIND, batch_id, *created_ids(batch_id), source)
    await connection.fetchval(LOCK_ENTRIES)
    await connection.fetchval(LOCK_WEEKS)


async def restore(
    connection: asyncpg.Connection, batch_id: UUID, source: str, closed_through: object
) -> asyncpg.Record:
    """Undo what is neither changed nor locked. Returns the counts `removed`, `restored`, `kept`.

    Raises `ConcurrentUpdate` if a day would exceed 24 hours.
    """
    await connection.execute(KEEP_LOCKED, closed_through, batch_id)
    await connection.execute(MERGING)
    with retry_on_violation(RULES):
        await connection.execute(DELETE_CREATED)
        await connection.execute(RESTORE_UPDATED, batch_id)
        await connection.execute(RESTORE_REMOVED, batch_id, source)
    return await connection.fetchrow(COUNT)


async def list_weeks_of_leavers(connection: asyncpg.Connection) -> set[PersonsWeek]:
    """The weeks of inactive people that `restore` wrote to."""
    return {(person, Week(monday)) for person, monday in await connection.fetch(WEEKS_OF_LEAVERS)}
