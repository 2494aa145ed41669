"""The rows that a client last sent for entries that people have changed or deleted since.

An entry without a row in `sent_rows` still is what its client last sent.
"""

from __future__ import annotations

import asyncpg

MAY_CONFLICT = "SELECT EXISTS (SELECT FROM sent_rows WHERE source = $1)"

COMPARE = """
    CREATE TEMPORARY TABLE sent ON COMMIT DROP AS
    SELECT planned.line, planned.external_id, planned.same AS is_agreed, sent.deleted, sent.person,
        coalesce(
            (sent.date, sent.project, sent.minutes, sent.note, sent.billable)
                = (planned.date, planned.project, planned.minutes, planned.note,
                   coalesce(planned.sent_billable, sent.billable)),
            false
        ) AND sent.task IS NOT DISTINCT FROM planned.task AS is_resent
    FROM sent_rows AS sent JOIN planned USING (external_id)
    WHERE sent.source = $1
"""
# A row that is sent again is unchanged, whatever the person did; that of a deleted entry keeps its
# owner, so that it cannot be sent for somebody else.
KEEP_RESENT = """
    UPDATE planned
    SET same = same OR sent.is_resent, entry_person = coalesce(entry_person, sent.person)
    FROM sent
    WHERE planned.line = sent.line
"""
# If the row is of another or an unknown person, that is its error.
REJECT_CHANGED_BY_PERSON = """
    INSERT INTO staged_errors (line, field, code, message, external_id)
    SELECT sent.line, 'external_id', 'changed_by_person',
        CASE
            WHEN sent.deleted THEN 'The entry was deleted after this client sent it.'
            ELSE 'The entry was changed after this client sent it.'
        END,
        sent.external_id
    FROM sent JOIN planned USING (line)
    WHERE NOT sent.is_resent AND NOT sent.is_agreed
      AND planned.entry_person = planned.person
"""

# Once the client sends what the person made of the entry, there is no conflict left; but not by a
# row that is refused, and skipped.
_IS_VALID = "NOT EXISTS (SELECT FROM staged_errors AS error WHERE error.line = {}.line)"
SETTLE = f"""
    DELETE FROM sent_rows USING sent
    WHERE sent_rows.source = $1 AND sent_rows.external_id = sent.external_id AND sent.is_agreed
      AND {_IS_VALID.format("sent")}
"""
SETTLE_DELETIONS = f"""
    DELETE FROM sent_rows USING staged_deletions AS deletion
    WHERE sent_rows.source = $1 AND sent_rows.external_id = deletion.external_id
      AND sent_rows.deleted AND {_IS_VALID.format("deletion")}
"""


async def compare(connection: asyncpg.Connection, source: str) -> None:
    """Mark planned rows as unchanged if they are what the client last sent. Stage an error for
    each one that would overwrite what a person did."""
    if not await connection.fetchval(MAY_CONFLICT, source):
        return
    await connection.execute(COMPARE, source)
    await connection.execute(KEEP_RESENT)
    await connection.execute(REJECT_CHANGED_BY_PERSON)


async def settle(connection: asyncpg.Connection, source: str) -> None:
    """Forget the conflicts that this batch ends."""
    if not await connection.fetchval(MAY_CONFLICT, source):
        return
    await connection.execute(SETTLE, source)
    await connection.execute(SETTLE_DELETIONS, source)
