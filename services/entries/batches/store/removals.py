"""Entries that a batch removes: those of deletion rows, and those missing from a complete file."""

from __future__ import annotations

import asyncpg

from services.entries.batches.model import DateRange

# `line` is 0 for an entry that is missing from the file.
CREATE = """
    CREATE TEMPORARY TABLE removals (
        line        integer NOT NULL,
        external_id text NOT NULL,
        person      text NOT NULL,
        id          uuid NOT NULL,
        date        date NOT NULL,
        monday      date NOT NULL,
        minutes     integer NOT NULL,
        version     integer NOT NULL
    ) ON COMMIT DROP
"""
HAS_DELETIONS = "SELECT EXISTS (SELECT FROM staged_deletions)"
ADD_DELETIONS = """
    INSERT INTO removals
    SELECT deletion.line, deletion.external_id, entry.person, entry.id, entry.date, entry.monday,
        entry.minutes, entry.version
    FROM staged_deletions AS deletion
    JOIN entries AS entry ON entry.source = $1 AND entry.external_id = deletion.external_id
"""
REJECT_DELETIONS = """
    INSERT INTO staged_errors (line, field, code, message, external_id)
    SELECT removals.line, 'person', reason.code, reason.message, removals.external_id
    FROM removals
    JOIN staged_deletions AS deletion USING (line)
    LEFT JOIN people AS owner ON owner.person = removals.person
    LEFT JOIN named_people AS named ON named.name = deletion.person_name AND named.people = 1
    CROSS JOIN LATERAL (
        SELECT 'unknown_person' AS code,
            'The person of this entry no longer allows uploads from this client.' AS message
        WHERE NOT coalesce(owner.uploaders @> ARRAY[$1], false)
        UNION ALL
        SELECT 'other_person', 'This external_id belongs to the entry of another person.'
        WHERE owner.uploaders @> ARRAY[$1] AND deletion.person_name IS NOT NULL
          AND named.person IS DISTINCT FROM removals.person
    ) AS reason
"""

# A row that cannot be read may be any entry, so nothing can be called missing.
HAS_UNREADABLE = "SELECT EXISTS (SELECT FROM staged_errors WHERE external_id = '')"
REJECT_COMPLETE = """
    INSERT INTO staged_errors (line, field, code, message, external_id)
    VALUES (0, '', 'incomplete',
        'Some rows have no readable external_id, so no entry was removed.', '')
"""
# Ids of uploaded entries are unique, and comparing them alone takes half of the time.
ADD_MISSING = """
    INSERT INTO removals
    SELECT 0, entry.external_id, entry.person, entry.id, entry.date, entry.monday, entry.minutes,
        entry.version
    FROM entries AS entry
    WHERE entry.source = $1 AND entry.date BETWEEN $2 AND $3
      AND entry.person IN (SELECT person FROM named_people WHERE people = 1 AND active)
      AND NOT EXISTS (SELECT FROM planned WHERE planned.entry_id = entry.id)
      AND NOT EXISTS (
          SELECT FROM staged_deletions AS deletion WHERE deletion.external_id = entry.external_id
      )
      AND NOT EXISTS (
          SELECT FROM staged_errors AS error WHERE error.external_id = entry.external_id
      )
"""
REJECT_CHANGED_BY_PERSON = """
    INSERT INTO staged_errors (line, field, code, message, external_id)
    SELECT removals.line, 'external_id', 'changed_by_person',
        'The entry was changed after this client sent it.', removals.external_id
    FROM removals JOIN sent_rows AS sent
        ON sent.source = $1 AND sent.external_id = removals.external_id
"""
ANALYZE = "ANALYZE removals"

# Deletion rows without an entry: they were deleted before.
COUNT_DELETED_BEFORE = """
    SELECT count(*) FROM staged_deletions AS deletion
    WHERE NOT EXISTS (SELECT FROM removals WHERE removals.line = deletion.line)
      AND NOT EXISTS (SELECT FROM staged_errors AS error WHERE error.line = deletion.line)
"""
DELETE = """
    DELETE FROM entries USING removals
    WHERE entries.person = removals.person AND entries.id = removals.id
"""


async def plan(
    connection: asyncpg.Connection, client: str, source: str, complete: DateRange | None
) -> None:
    """Find what to remove, and stage an error for what must not be removed."""
    await connection.execute(CREATE)
    if await connection.fetchval(HAS_DELETIONS):
        await connection.execute(ADD_DELETIONS, source)
        await connection.execute(REJECT_DELETIONS, client)
    if complete is not None:
        if await connection.fetchval(HAS_UNREADABLE):
            await connection.execute(REJECT_COMPLETE)
        else:
            await connection.execute(ADD_MISSING, source, complete.since, complete.until)
    await connection.execute(ANALYZE)
    await connection.execute(REJECT_CHANGED_BY_PERSON, source)
