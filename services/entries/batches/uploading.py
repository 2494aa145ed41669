"""An upload from its first byte to its answer.

First the file is staged, in a session of its own and without a transaction: so a client may be
slow, and what breaks off leaves nothing. Only then, in one transaction, is it checked as a whole
and written.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import astuple, dataclass
from datetime import date, datetime, timedelta
from functools import partial
from uuid import UUID

import asyncpg

from libs.postgres.idempotency import StoredResponse, recall, remember
from libs.rules.calendar import latest_today
from libs.rules.violations import RuleBroken
from services.entries.batches.body import Body
from services.entries.batches.lines import Reader
from services.entries.batches.rows import Mistake, Parsed, Staged
from services.entries.model import (
    MAX_DAYS_AHEAD,
    MAX_MINUTES_A_DAY,
    Draft,
    Locked,
    State,
    Surroundings,
    check_change,
    check_draft,
    closed_day,
    full_day,
    inactive_project,
    unknown_project,
)
from services.entries.store import batches as store
from services.entries.store import merging, planning
from services.entries.store.batches import Batch
from services.entries.store.merging import Counts, Words
from services.entries.store.period import read_closed_through
from services.entries.store.sessions import Session
from services.entries.store.staging import (
    analyze_staging,
    create_staging,
    stage_mistakes,
    stage_rows,
)

# Turning rows into what PostgreSQL reads happens in one go: more of them would hold up others.
ROWS_A_COPY = 200


@dataclass(frozen=True, slots=True)
class Upload:
    """What is asked for, and by whom. `fingerprint` is made of the body's digest."""

    id: UUID
    client: str
    key: str
    skips_errors: bool
    dry_run: bool
    now: datetime
    fingerprint: Callable[[bytes], bytes]
    answer: Callable[[Batch], StoredResponse]

    @property
    def source(self) -> str:
        """The client as the entries name it, and as the owner of its keys."""
        return f"batch:{self.client}"


async def hash_body(body: Body) -> bytes:
    """The digest of a body that was here before: all that is asked of it is that it be the same."""
    async for _piece in body.pieces():
        pass
    return body.digest


async def stage(session: Session, body: Body, reader: Reader) -> int:
    """Take the file in, and return how many rows it has."""
    await create_staging(session.connection)
    staging = _Staging(session.connection)
    try:
        async for piece in body.pieces():
            for parsed in reader.feed(piece):
                await staging.add(parsed)
        for parsed in reader.finish():
            await staging.add(parsed)
    finally:
        await staging.settle()
    await staging.finish()
    await analyze_staging(session.connection)
    return staging.number_of_rows


class _Staging:
    """Collects rows until they are worth a COPY, and goes on while PostgreSQL takes them in."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection
        self._rows: list[Staged] = []
        self._mistakes: list[Mistake] = []
        self._copying: asyncio.Task[None] | None = None
        self.number_of_rows = 0

    async def add(self, parsed: Parsed) -> None:
        self.number_of_rows += parsed.rows
        self._rows += parsed.staged
        self._mistakes += parsed.mistakes
        if len(self._rows) + len(self._mistakes) >= ROWS_A_COPY:
            await self.settle()
            self._copying = asyncio.create_task(self._copy(self._rows, self._mistakes))
            self._rows, self._mistakes = [], []
        await asyncio.sleep(0)

    async def finish(self) -> None:
        await self.settle()
        await self._copy(self._rows, self._mistakes)

    async def settle(self) -> None:
        """Wait for what is under way; raises what it failed of."""
        copying, self._copying = self._copying, None
        if copying is not None:
            await copying

    async def _copy(self, rows: list[Staged], mistakes: list[Mistake]) -> None:
        if rows:
            await stage_rows(self._connection, rows)
        if mistakes:
            await stage_mistakes(self._connection, mistakes)


async def merge(
    connection: asyncpg.Connection, upload: Upload, number_of_rows: int, digest: bytes
) -> StoredResponse:
    """Check what is staged, write it if it may be, and remember the answer: one transaction."""
    fingerprint = upload.fingerprint(digest)
    await merging.lock_client(connection, upload.client)
    before = await recall(connection, upload.source, upload.key, fingerprint)
    if before is not None:
        return before
    counts = await _write(connection, upload)
    batch = await store.add_batch(
        connection,
        upload.client,
        upload.id,
        skips_errors=upload.skips_errors,
        dry_run=upload.dry_run,
        counts=(number_of_rows, *astuple(counts)),
    )
    answer = upload.answer(batch)
    await remember(connection, upload.source, upload.key, fingerprint, answer)
    return answer


async def _write(connection: asyncpg.Connection, upload: Upload) -> Counts:
    await planning.plan(connection, upload.client, upload.source)
    hopeless = not upload.skips_errors and await planning.found_errors(connection)
    if not upload.dry_run and not hopeless:
        await merging.share_rules(connection)
        await merging.lock_places(connection)
    closed_through = await read_closed_through(connection)
    latest = latest_today(upload.now) + timedelta(days=MAX_DAYS_AHEAD)
    words = words_of(closed_through, upload.now)
    await merging.check_rules(connection, words, closed_through, latest)
    await merging.check_days(
        connection, MAX_MINUTES_A_DAY, full_day, skips_errors=upload.skips_errors
    )
    counts = await merging.count_rows(connection)
    refused = counts.failed > 0 and not upload.skips_errors
    if not upload.dry_run and not refused:
        await merging.write_entries(connection, upload.source, upload.id)
    if not upload.dry_run and not hopeless:
        await merging.forget_weeks(connection)
    return Counts(0, 0, counts.unchanged, counts.failed) if refused else counts


def words_of(closed_through: date | None, now: datetime) -> Words:
    """What the model says where a statement finds a rule broken."""
    late = latest_today(now) + timedelta(days=MAX_DAYS_AHEAD + 1)
    dates = {
        "approved": _told_of(partial(check_change, late, State.APPROVED, None)),
        "submitted": _told_of(partial(check_change, late, State.SUBMITTED, None)),
        "too_far_ahead": _told_of(partial(_try_to_write, late, now)),
    }
    if closed_through is not None:
        closed = closed_day(closed_through)
        lock = partial(check_change, closed_through, State.OPEN, closed_through)
        dates |= {"locked": _told_of(lock), "closed": (closed.code, closed.message)}
    return Words(unknown_project("%s"), inactive_project("%s"), dates)


def _try_to_write(day: date, now: datetime) -> None:
    check_draft(Draft(day, "", 1), Surroundings(State.OPEN, None, 0, project_active=True), now)


def _told_of(refused: Callable[[], None]) -> tuple[str, str]:
    try:
        refused()
    except Locked as refusal:
        return refusal.lock.reason, str(refusal)
    except RuleBroken as refusal:
        return refusal.violations[0].code, refusal.violations[0].message
    raise AssertionError("the model allows what the statement refuses")
