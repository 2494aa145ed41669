"""The event that approvals publishes: `approval.decided`."""

from __future__ import annotations

import asyncpg

from libs.feed import Event, publish
from services.approvals.model import Approval


async def publish_decided(connection: asyncpg.Connection, approval: Approval) -> None:
    """Publish the decision that the approval holds. Raises ValueError if it holds none."""
    decided_at = approval.decided_at
    if decided_at is None:
        raise ValueError("only a decided approval is published")
    data = {
        "submission_id": str(approval.id),
        "person": approval.person,
        "week": str(approval.week),
        "decision": approval.state,
        "reason": approval.reason,
        "decided_by": approval.decided_by,
        "acting_for": approval.acting_for,
        "decided_at": decided_at.isoformat(),
    }
    event = Event(type="approval.decided", subject=str(approval.id), time=decided_at, data=data)
    await publish(connection, event)
