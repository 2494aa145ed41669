"""Undo a batch."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from functools import partial
from uuid import UUID

import asyncpg

from libs.changes import Actor, Change, record_changes
from libs.postgres.dedicated import Timeouts
from libs.postgres.errors import ConcurrentUpdate
from libs.postgres.pool import Database
from libs.rules.errors import NotVisible
from services.entries.batches.model import (
    Batch,
    BatchState,
    NotUndoable,
    Undone,
)
from services.entries.batches.store import batches as store
from services.entries.batches.store import merging, undo
from services.entries.events import publish_changed_weeks
from services.entries.store.period import read_closed_through, share_rules_lock

TIMEOUTS = Timeouts(statement=600.0, lock=60.0)


async def undo_batch(
    db: Database, batch_id: UUID, client: str | None, actor: Actor, now: datetime
) -> Batch:
    """Take back what the batch did and nobody changed since; the rest is counted as kept.

    The change log names the `actor`. Undoing it again changes nothing. The batch must be of
    `client`, unless that is None. Raises `NotVisible` and `NotUndoable`.
    """
    work = partial(_undo, batch_id=batch_id, client=client, actor=actor, now=now)
    async with db.dedicated(TIMEOUTS) as session:
        return await session.transact(work)


async def _undo(
    connection: asyncpg.Connection,
    batch_id: UUID,
    client: str | None,
    actor: Actor,
    now: datetime,
) -> Batch:
    batch = await store.read_batch(connection, batch_id)
    if batch is None or client not in (None, batch.client.id):
        raise NotVisible("There is no such batch.")
    await merging.lock_client(connection, batch.client.id)
    batch = await store.lock_batch(connection, batch_id)
    if batch is None:
        raise NotVisible("There is no such batch.")
    if batch.state is BatchState.UNDONE:
        return batch
    if batch.state is not BatchState.APPLIED or not batch.changed:
        raise NotUndoable("Nothing to undo: this batch changed nothing.")
    undone = await _restore(connection, batch, actor, now)
    change = Change("batch", str(batch_id), "undone", actor, now, after=asdict(undone))
    await record_changes(connection, [change])
    saved = await store.save_undone(connection, batch_id, undone)
    await publish_changed_weeks(connection, await undo.list_weeks_of_leavers(connection), now)
    return saved


async def _restore(
    connection: asyncpg.Connection, batch: Batch, actor: Actor, now: datetime
) -> Undone:
    source = batch.client.source
    await share_rules_lock(connection)
    await undo.find(connection, batch.id, source)
    closed_through = await read_closed_through(connection)
    try:
        counts = await undo.restore(connection, batch.id, source, closed_through)
    except ConcurrentUpdate as error:
        if str(error) == "day_has_24_hours":
            message = "With what was entered since, a day would have more than 24 hours."
            raise NotUndoable(message) from error
        raise
    return Undone(now, actor.subject, counts["removed"], counts["restored"], counts["kept"])
