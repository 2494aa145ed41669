"""Batches, the errors of their rows, and what became of the rows."""

from __future__ import annotations

from dataclasses import astuple
from datetime import datetime
from uuid import UUID

import asyncpg

from services.entries.batches.model import (
    Batch,
    BatchRow,
    Client,
    Counts,
    DateRange,
    RowError,
    Undone,
)

# More errors than anybody reads; `failed` counts all of them.
MAX_ERRORS = 10_000

COLUMNS = """
    id, client, skips_errors, dry_run, complete_from, complete_to, number_of_rows, created, updated,
    unchanged, removed, failed, created_at, undone_at, undone_by, undone_removed, undone_restored,
    undone_kept
"""

ADD = f"""
    INSERT INTO batches (client, id, skips_errors, dry_run, complete_from, complete_to,
        number_of_rows, created, updated, unchanged, removed, failed, people)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, coalesce(
        (SELECT array_agg(DISTINCT person) FROM planned_days WHERE created > 0), '{{}}'))
    RETURNING {COLUMNS}
"""

# Names of fields are cut, so two errors of a row may have the same field.
ADD_ERRORS = f"""
    INSERT INTO batch_errors (batch, line, field, code, message, external_id)
    SELECT $1, line, field, code, message, external_id FROM staged_errors
    ORDER BY line, field, external_id LIMIT {MAX_ERRORS}
    ON CONFLICT DO NOTHING
"""

READ = f"SELECT {COLUMNS} FROM batches WHERE id = $1"
LOCK = f"{READ} FOR UPDATE"
READ_PEOPLE = "SELECT people FROM batches WHERE id = $1"

# Newest first.
LIST = f"""
    SELECT {COLUMNS} FROM batches
    WHERE (created_at, id) < ($1, $2)
    ORDER BY created_at DESC, id DESC LIMIT $3
"""
LIST_OF_CLIENT = f"""
    SELECT {COLUMNS} FROM batches
    WHERE client = $4 AND (created_at, id) < ($1, $2)
    ORDER BY created_at DESC, id DESC LIMIT $3
"""

LIST_ERRORS = """
    SELECT line, field, code, message, external_id FROM batch_errors
    WHERE batch = $1 AND (line, field, external_id) > ($2, $3, $4)
    ORDER BY line, field, external_id
    LIMIT $5
"""

# Created entries by their ids, those of them that people deleted since, and what was updated or
# removed; by person and id. The last digits of the id of a created entry are its line.
LIST_ROWS = """
    SELECT row.line, row.external_id, row.person, row.id, row.action,
        entry.id IS NOT NULL AS exists, entry.date, entry.project, entry.minutes, entry.version,
        coalesce(week.state, 'open') AS state, week.reason,
        coalesce(sent.changed_by, entry.changed_by) AS changed_by
    FROM (
        (
            SELECT ('x' || right(id::text, 8))::bit(32)::integer AS line, external_id, person, id,
                'created' AS action, source
            FROM entries
            WHERE person IN (SELECT unnest(people) FROM batches WHERE batches.id = $1)
              AND id BETWEEN $2 AND $3 AND (person, id) > ($4, $5)
            ORDER BY person, id LIMIT $6
        )
        UNION ALL
        (
            SELECT ('x' || right(id::text, 8))::bit(32)::integer, external_id, person, id,
                'created', source
            FROM sent_rows
            WHERE deleted AND person IN (SELECT unnest(people) FROM batches WHERE batches.id = $1)
              AND id BETWEEN $2 AND $3 AND (person, id) > ($4, $5)
            ORDER BY person, id LIMIT $6
        )
        UNION ALL
        (
            SELECT line, external_id, person, id, action,
                (SELECT 'batch:' || client FROM batches WHERE batches.id = $1)
            FROM batch_changes
            WHERE batch = $1 AND (person, id) > ($4, $5)
            ORDER BY person, id LIMIT $6
        )
    ) AS row
    LEFT JOIN entries AS entry USING (person, id)
    LEFT JOIN weeks AS week ON week.person = entry.person AND week.monday = entry.monday
    LEFT JOIN sent_rows AS sent
        ON sent.source = row.source AND sent.external_id = row.external_id
    ORDER BY row.person, row.id LIMIT $6
"""

SAVE_UNDONE = f"""
    UPDATE batches
    SET undone_at = now(), undone_by = $2, undone_removed = $3, undone_restored = $4,
        undone_kept = $5
    WHERE id = $1
    RETURNING {COLUMNS}
"""

DELETE_OLD_ERRORS = """
    DELETE FROM batch_errors USING (
        SELECT id FROM batches WHERE created_at < $1 AND (dry_run OR created_at < $2)
    ) AS old
    WHERE batch_errors.batch = old.id
"""
DELETE_OLD_CHANGES = """
    DELETE FROM batch_changes USING (
        SELECT id FROM batches WHERE created_at < $1 AND (dry_run OR created_at < $2)
    ) AS old
    WHERE batch_changes.batch = old.id
"""


async def add_batch(
    connection: asyncpg.Connection,
    batch_id: UUID,
    client: Client,
    complete: DateRange | None,
    rows: int,
    counts: Counts,
    *,
    skips_errors: bool,
    dry_run: bool,
) -> Batch:
    """Insert the batch with the staged errors, at most `MAX_ERRORS` of them."""
    days = astuple(complete) if complete else (None, None)
    record = await connection.fetchrow(
        ADD, client.id, batch_id, skips_errors, dry_run, *days, rows, *astuple(counts)
    )
    await connection.execute(ADD_ERRORS, batch_id)
    return _batch(record)


async def read_batch(connection: asyncpg.Connection, batch_id: UUID) -> Batch | None:
    """The batch, or None."""
    record = await connection.fetchrow(READ, batch_id)
    return _batch(record) if record else None


async def lock_batch(connection: asyncpg.Connection, batch_id: UUID) -> Batch | None:
    """The batch, which nobody else undoes until the transaction ends."""
    record = await connection.fetchrow(LOCK, batch_id)
    return _batch(record) if record else None


async def list_batches(
    connection: asyncpg.Connection, client: str | None, before: datetime, key: UUID, limit: int
) -> list[Batch]:
    """The batches before (`before`, `key`), newest first; of one client or of all."""
    if client is None:
        records = await connection.fetch(LIST, before, key, limit)
    else:
        records = await connection.fetch(LIST_OF_CLIENT, before, key, limit, client)
    return [_batch(record) for record in records]


async def list_errors(
    connection: asyncpg.Connection, batch_id: UUID, after: tuple[int, str, str], limit: int
) -> list[RowError]:
    """The errors after (line, field, external_id), by line."""
    records = await connection.fetch(LIST_ERRORS, batch_id, *after, limit)
    return [RowError(**record) for record in records]


async def list_rows(
    connection: asyncpg.Connection, batch_id: UUID, after: tuple[str, UUID], limit: int
) -> list[BatchRow]:
    """The rows that created, updated or removed an entry, after (person, id)."""
    first, last = created_ids(batch_id)
    records = await connection.fetch(LIST_ROWS, batch_id, first, last, *after, limit)
    return [BatchRow(**record) for record in records]


async def save_undone(connection: asyncpg.Connection, batch_id: UUID, undone: Undone) -> Batch:
    """`at` is the time of the transaction."""
    counts = (undone.removed, undone.restored, undone.kept)
    return _batch(await connection.fetchrow(SAVE_UNDONE, batch_id, undone.by, *counts))


async def delete_old_errors(
    connection: asyncpg.Connection, dry_runs_before: datetime, before: datetime
) -> None:
    """Delete the errors of batches, and sooner those of dry runs, from before the given times."""
    await connection.execute(DELETE_OLD_ERRORS, dry_runs_before, before)


async def delete_old_changes(
    connection: asyncpg.Connection, dry_runs_before: datetime, before: datetime
) -> None:
    """Delete what undoing a batch needs, apart from the entries that it created."""
    await connection.execute(DELETE_OLD_CHANGES, dry_runs_before, before)


def id_prefix(batch_id: UUID) -> str:
    """The first 24 digits of the ids of the entries that a batch creates."""
    return f"{batch_id.hex[:12]}8{batch_id.hex[13:24]}"


def created_ids(batch_id: UUID) -> tuple[UUID, UUID]:
    """The first and the last id that an entry of the batch can have."""
    prefix = id_prefix(batch_id)
    return UUID(f"{prefix}00000000"), UUID(f"{prefix}ffffffff")


def _batch(record: asyncpg.Record) -> Batch:
    complete, undone = None, None
    if record["complete_from"] is not None:
        complete = DateRange(record["complete_from"], record["complete_to"])
    if record["undone_at"] is not None:
        undone = Undone(
            record["undone_at"],
            record["undone_by"],
            record["undone_removed"],
            record["undone_restored"],
            record["undone_kept"],
        )
    return Batch(
        id=record["id"],
        client=Client(record["client"]),
        skips_errors=record["skips_errors"],
        dry_run=record["dry_run"],
        complete=complete,
        rows=record["number_of_rows"],
        created=record["created"],
        updated=record["updated"],
        unchanged=record["unchanged"],
        removed=record["removed"],
        failed=record["failed"],
        created_at=record["created_at"],
        undone=undone,
    )
