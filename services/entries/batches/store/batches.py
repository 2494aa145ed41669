"""Batches and the errors of their rows."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import asyncpg

from services.entries.batches.model import Batch, RowError

COLUMNS = """
    id, skips_errors, dry_run, number_of_rows, created, updated, unchanged, failed, created_at
"""

ADD = f"""
    INSERT INTO batches (client, id, skips_errors, dry_run, number_of_rows, created, updated,
        unchanged, failed)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
    RETURNING {COLUMNS}
"""

# Names of fields are cut, so two errors of a row may have the same field.
ADD_ERRORS = """
    INSERT INTO batch_errors (batch, line, field, code, message)
    SELECT $1, line, field, code, message FROM staged_errors ORDER BY line, field
    ON CONFLICT DO NOTHING
"""

READ = f"SELECT {COLUMNS} FROM batches WHERE client = $1 AND id = $2"

LIST_ERRORS = """
    SELECT line, field, code, message FROM batch_errors
    WHERE batch = $1 AND (line, field) > ($2, $3)
    ORDER BY line, field
    LIMIT $4
"""


async def add_batch(
    connection: asyncpg.Connection,
    client: str,
    batch_id: UUID,
    *,
    skips_errors: bool,
    dry_run: bool,
    counts: Sequence[int],
) -> Batch:
    """Insert the batch with the staged errors.

    `counts` are all rows, then the created, updated, unchanged and failed ones.
    """
    record = await connection.fetchrow(ADD, client, batch_id, skips_errors, dry_run, *counts)
    await connection.execute(ADD_ERRORS, batch_id)
    return Batch(*record)


async def read_batch(connection: asyncpg.Connection, client: str, batch_id: UUID) -> Batch | None:
    """The client's batch."""
    record = await connection.fetchrow(READ, client, batch_id)
    return Batch(*record) if record else None


async def list_errors(
    connection: asyncpg.Connection, batch_id: UUID, line: int, field: str, limit: int
) -> list[RowError]:
    """The errors after (`line`, `field`), by line."""
    records = await connection.fetch(LIST_ERRORS, batch_id, line, field, limit)
    return [RowError(*record) for record in records]
