"""Batches that were uploaded, and what was wrong with their rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

COLUMNS = """
    id, skips_errors, dry_run, number_of_rows, created, updated, unchanged, failed, created_at
"""

ADD = f"""
    INSERT INTO batches (client, id, skips_errors, dry_run, number_of_rows, created, updated,
        unchanged, failed)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
    RETURNING {COLUMNS}
"""

# Two fields of a row may bear one name, as far as the name is shown.
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


@dataclass(frozen=True, slots=True)
class Batch:
    id: UUID
    skips_errors: bool
    dry_run: bool
    rows: int
    created: int
    updated: int
    unchanged: int
    failed: int
    created_at: datetime

    @property
    def refused(self) -> bool:
        return bool(self.failed) and not self.skips_errors


@dataclass(frozen=True, slots=True)
class RowError:
    """`field` is empty where the row cannot be read at all."""

    line: int
    field: str
    code: str
    message: str


async def add_batch(
    connection: asyncpg.Connection,
    client: str,
    batch_id: UUID,
    *,
    skips_errors: bool,
    dry_run: bool,
    counts: Sequence[int],
) -> Batch:
    """`counts` are those of all rows, and of the created, updated, unchanged and failed ones.

    The errors are those that are staged in this session.
    """
    record = await connection.fetchrow(ADD, client, batch_id, skips_errors, dry_run, *counts)
    await connection.execute(ADD_ERRORS, batch_id)
    return Batch(*record)


async def read_batch(connection: asyncpg.Connection, client: str, batch_id: UUID) -> Batch | None:
    """Only the client's own."""
    record = await connection.fetchrow(READ, client, batch_id)
    return Batch(*record) if record else None


async def list_errors(
    connection: asyncpg.Connection, batch_id: UUID, line: int, field: str, limit: int
) -> list[RowError]:
    """The errors after the key (`line`, `field`), by line."""
    records = await connection.fetch(LIST_ERRORS, batch_id, line, field, limit)
    return [RowError(*record) for record in records]
