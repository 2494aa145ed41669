"""Batches as JSON."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from services.entries.batches.model import Batch, BatchState, DateRange, Undone

Count = Annotated[int, Meta(description="Number of rows.", examples=[3])]


class CompleteView(msgspec.Struct, rename={"since": "from", "until": "to"}):
    """The days of a complete upload."""

    since: Annotated[date, Meta(description="First day.", examples=[date(2026, 11, 1)])]
    until: Annotated[date, Meta(description="Last day.", examples=[date(2026, 11, 30)])]


class UndoneView(msgspec.Struct):
    """The effect of undoing a batch."""

    at: Annotated[datetime, Meta(description="When the batch was undone.")]
    by: Annotated[str, Meta(description="Who undid it.", examples=["auth0|ada"])]
    removed: Annotated[int, Meta(description="Created entries that were removed.", examples=[9])]
    restored: Annotated[
        int, Meta(description="Updated and removed entries that were restored.", examples=[1])
    ]
    kept: Annotated[
        int,
        Meta(description="Entries that are locked or were changed since.", examples=[0]),
    ]


class BatchView(msgspec.Struct):
    """A batch."""

    id: Annotated[UUID, Meta(description="Names the batch.", examples=[UUID(int=7)])]
    client: Annotated[str, Meta(description="Client id of the uploader.", examples=["agency"])]
    state: Annotated[
        BatchState,
        Meta(description="`refused`: a row is invalid, so nothing was applied."),
    ]
    on_error: Annotated[str, Meta(description="`fail` or `skip`.", examples=["fail"])]
    dry_run: Annotated[bool, Meta(description="Whether nothing was to be changed.")]
    complete: Annotated[
        CompleteView | None, Meta(description="The days of a complete upload, or null.")
    ]
    rows: Annotated[int, Meta(description="Rows of the file.", examples=[120])]
    created: Count
    updated: Count
    unchanged: Count
    removed: Annotated[int, Meta(description="Entries that were removed.", examples=[0])]
    failed: Count
    errors: Annotated[
        str, Meta(description="Address of the errors.", examples=["/v1/batches/.../errors"])
    ]
    created_at: Annotated[datetime, Meta(description="When the batch was uploaded.")]
    undone: Annotated[UndoneView | None, Meta(description="What undoing it did, or null.")]


def batch_address(batch: Batch) -> str:
    """The path of a batch."""
    return f"/v1/batches/{batch.id}"


def serialize_batch(batch: Batch) -> BatchView:
    """The batch as the API shows it."""
    return BatchView(
        id=batch.id,
        client=batch.client.id,
        state=batch.state,
        on_error="skip" if batch.skips_errors else "fail",
        dry_run=batch.dry_run,
        complete=_complete(batch.complete),
        rows=batch.rows,
        created=batch.created,
        updated=batch.updated,
        unchanged=batch.unchanged,
        removed=batch.removed,
        failed=batch.failed,
        errors=f"{batch_address(batch)}/errors",
        created_at=batch.created_at,
        undone=_undone(batch.undone),
    )


def _complete(days: DateRange | None) -> CompleteView | None:
    return CompleteView(days.since, days.until) if days else None


def _undone(undone: Undone | None) -> UndoneView | None:
    if undone is None:
        return None
    return UndoneView(undone.at, undone.by, undone.removed, undone.restored, undone.kept)
