"""Batches as JSON."""

from __future__ import annotations

from typing import Any

from services.entries.batches.model import Batch


def batch_address(batch: Batch) -> str:
    return f"/v1/batches/{batch.id}"


def serialize_batch(batch: Batch) -> dict[str, Any]:
    return {
        "id": batch.id,
        "state": batch.state,
        "on_error": "skip" if batch.skips_errors else "fail",
        "dry_run": batch.dry_run,
        "rows": batch.rows,
        "created": batch.created,
        "updated": batch.updated,
        "unchanged": batch.unchanged,
        "failed": batch.failed,
        "errors": f"{batch_address(batch)}/errors",
        "created_at": batch.created_at,
    }
