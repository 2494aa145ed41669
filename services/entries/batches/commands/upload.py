"""Upload a file: stage its rows, then check and merge them in one transaction.

Rows are staged on a dedicated connection without a transaction, so a slow client holds no locks
and a file that breaks off leaves nothing behind. The merge is optimistic: it checks and writes
without locking the rules and the weeks, locks them to count what it wrote, and is repeated if they
have changed meanwhile. After that they are locked first, so that a merge ends at last.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

import asyncpg

from libs.postgres.dedicated import DedicatedConnection, Timeouts
from libs.postgres.errors import OutcomeUnknown
from libs.postgres.idempotency import StoredResponse, has_key, recall, remember
from libs.postgres.pool import Database
from libs.postgres.shares import Share
from libs.web.tracing import stage
from services.entries.batches.model import (
    Batch,
    Client,
    Counts,
    DateRange,
    RowError,
    StagedDeletion,
    StagedRow,
    rule_messages,
)
from services.entries.batches.readers.lines import Reader
from services.entries.batches.readers.rows import ParsedRows
from services.entries.batches.store import batches as store
from services.entries.batches.store import counting, merging, planning, staging
from services.entries.events import publish_changed_weeks
from services.entries.model import MAX_MINUTES_A_DAY, full_day, latest_day
from services.entries.store.period import read_closed_through, share_rules_lock

TIMEOUTS = Timeouts(statement=600.0, lock=60.0)
# Encoding rows for COPY is one step of the event loop: more rows would delay other requests.
ROWS_PER_COPY = 200
OPTIMISTIC_ATTEMPTS = 2
# Of a dry run, enough changes are stored to see what it would do.
CHANGES_OF_A_DRY_RUN = 10_000


class Body(Protocol):
    """The pieces of a file, and the SHA-256 of those read so far."""

    @property
    def digest(self) -> bytes:
        """The SHA-256 of the bytes read so far."""

    def pieces(self) -> AsyncIterator[bytes]:
        """Yield the file piece by piece, once."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A client's request.

    `fingerprint` turns the digest of the body into that of the request, `respond` serialises the
    response that is stored under the idempotency key `key`.
    """

    id: UUID
    client: Client
    key: str
    skips_errors: bool
    dry_run: bool
    complete: DateRange | None
    now: datetime
    fingerprint: Callable[[bytes], bytes]
    respond: Callable[[Batch], StoredResponse]


async def upload_file(db: Database, upload: Upload, body: Body, reader: Reader) -> StoredResponse:
    """Store the file as a batch and return its response, or the one stored under its key.

    Raises `UnreadableFile` and `FileTooLarge` for the file; a key of another request is 422.
    """
    async with db.connection(Share.BATCHES) as connection:
        is_known = await has_key(connection, upload.client.source, upload.key)
    if is_known:
        async for _piece in body.pieces():
            pass  # only the digest of the whole body tells whether it is the same request
        return await _replay(db, upload, body.digest)
    async with db.dedicated(TIMEOUTS) as session:
        with stage("read and stage rows"):
            rows = await _stage(session, body, reader)
        attempts = itertools.count(1)

        async def work(connection: asyncpg.Connection) -> StoredResponse:
            locks_first = next(attempts) > OPTIMISTIC_ATTEMPTS
            return await _merge(connection, upload, rows, body.digest, locks_first=locks_first)

        try:
            with stage("merge rows"):
                return await session.transact(work)
        except OutcomeUnknown:
            return await _replay(db, upload, body.digest)


async def _replay(db: Database, upload: Upload, digest: bytes) -> StoredResponse:
    async with db.connection(Share.BATCHES) as connection:
        fingerprint = upload.fingerprint(digest)
        stored = await recall(connection, upload.client.source, upload.key, fingerprint)
    if stored is None:
        raise OutcomeUnknown("The batch may have been stored or not. Send it again.")
    return stored


async def _stage(session: DedicatedConnection, body: Body, reader: Reader) -> int:
    """Copy the rows to the staging tables and return how many the file has."""
    await staging.create_staging(session.connection)
    copier = _Copier(session.connection)
    try:
        async for piece in body.pieces():
            for parsed in reader.feed(piece):
                await copier.add(parsed)
        for parsed in reader.finish():
            await copier.add(parsed)
    finally:
        await copier.settle()
    await copier.finish()
    await staging.analyze_staging(session.connection)
    return copier.rows


class _Copier:
    """Collects rows for COPY. While PostgreSQL copies some, the next are being parsed."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection
        self._valid: list[StagedRow] = []
        self._deletions: list[StagedDeletion] = []
        self._errors: list[RowError] = []
        self._copying: asyncio.Task[None] | None = None
        self.rows = 0

    async def add(self, parsed: ParsedRows) -> None:
        self.rows += parsed.rows
        self._valid += parsed.valid
        self._deletions += parsed.deletions
        self._errors += parsed.errors
        if len(self._valid) + len(self._deletions) + len(self._errors) >= ROWS_PER_COPY:
            await self.settle()
            self._copying = asyncio.create_task(
                self._copy(self._valid, self._deletions, self._errors)
            )
            self._valid, self._deletions, self._errors = [], [], []
        await asyncio.sleep(0)

    async def finish(self) -> None:
        await self.settle()
        await self._copy(self._valid, self._deletions, self._errors)

    async def settle(self) -> None:
        """Wait for the COPY in progress; raises its error."""
        copying, self._copying = self._copying, None
        if copying is not None:
            await copying

    async def _copy(
        self,
        valid: list[StagedRow],
        deletions: list[StagedDeletion],
        errors: list[RowError],
    ) -> None:
        if valid:
            await staging.stage_rows(self._connection, valid)
        if deletions:
            await staging.stage_deletions(self._connection, deletions)
        if errors:
            await staging.stage_errors(self._connection, errors)


async def _merge(
    connection: asyncpg.Connection,
    upload: Upload,
    rows: int,
    digest: bytes,
    *,
    locks_first: bool,
) -> StoredResponse:
    """Check the staged rows, write them if allowed, and store the response: one transaction."""
    fingerprint = upload.fingerprint(digest)
    await merging.lock_client(connection, upload.client.id)
    stored = await recall(connection, upload.client.source, upload.key, fingerprint)
    if stored is not None:
        return stored
    counts = await _write(connection, upload, locks_first=locks_first)
    batch = await store.add_batch(
        connection,
        upload.id,
        upload.client,
        upload.complete,
        rows,
        counts,
        skips_errors=upload.skips_errors,
        dry_run=upload.dry_run,
    )
    response = upload.respond(batch)
    await remember(connection, upload.client.source, upload.key, fingerprint, response)
    if counts.created + counts.updated + counts.removed > 0 and not upload.dry_run:
        with stage("count entries"):
            await counting.count_entries(connection)
        weeks = await merging.list_weeks_of_leavers(connection)
        await publish_changed_weeks(connection, weeks, upload.now)
    if locks_first:
        await merging.delete_placeholder_weeks(connection)
    return response


async def _write(connection: asyncpg.Connection, upload: Upload, *, locks_first: bool) -> Counts:
    with stage("plan changes"):
        await planning.plan(connection, upload.client, upload.complete)
    already_refused = not upload.skips_errors and await planning.has_errors(connection)
    if not upload.dry_run and not already_refused:
        await _lock(connection, locks_first=locks_first)
    with stage("check rules"):
        await _check(connection, upload)
    counts = await merging.count_rows(connection)
    refused = counts.failed > 0 and not upload.skips_errors
    if counts.updated + counts.removed > 0 and not refused:
        limit = CHANGES_OF_A_DRY_RUN if upload.dry_run else None
        await merging.record_changes(connection, upload.id, limit)
    if not upload.dry_run and not refused:
        with stage("write entries"):
            await counting.defer_counting(connection)
            await merging.write_entries(connection, upload.client.source, upload.id)
    return Counts(0, 0, counts.unchanged, 0, counts.failed) if refused else counts


async def _lock(connection: asyncpg.Connection, *, locks_first: bool) -> None:
    """Lock the entries that will change, and with `locks_first` the rules and the weeks."""
    if locks_first:
        await share_rules_lock(connection)
    await merging.lock_entries(connection)
    if locks_first:
        await merging.lock_weeks(connection)


async def _check(connection: asyncpg.Connection, upload: Upload) -> None:
    closed_through = await read_closed_through(connection)
    messages = rule_messages(closed_through, upload.now)
    await merging.check_rules(connection, messages, closed_through, latest_day(upload.now))
    await merging.check_days(
        connection, MAX_MINUTES_A_DAY, full_day, skips_errors=upload.skips_errors
    )
