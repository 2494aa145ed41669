"""Approvals: reading, listing, changing."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg
import msgspec

from libs.postgres.records import RecordType
from libs.rules.calendar import Week
from libs.web.responses import encode_json
from services.approvals.chain import Step
from services.approvals.model import (
    Approval,
    Flag,
    Manager,
)
from services.approvals.store.history import add_histories
from services.approvals.store.people import (
    COLUMNS_OF_MANAGER,
    MANAGED,
    manager_of,
)


def _sorted_flags(flags: list[str]) -> tuple[Flag, ...]:
    return tuple(flag for flag in Flag if flag in flags)


APPROVALS = RecordType(
    Approval,
    table="approval",
    expressions={"week": "approval.monday"},
    converters={Week: Week},
    by_field={"flags": _sorted_flags},
)

IN_CONTEXT = f"""
    SELECT {APPROVALS.columns}, person.name AS person_name, {COLUMNS_OF_MANAGER}
    FROM approvals AS approval
    LEFT JOIN people AS person ON person.person = approval.person
    {MANAGED}
"""

READ = f"{IN_CONTEXT} WHERE approval.id = $1"

# In the order of the key, so that two who lock several do not wait for each other.
LOCK = f"""
    {IN_CONTEXT} WHERE approval.id = ANY ($1::text[]::uuid[]) ORDER BY approval.id
    FOR UPDATE OF approval
"""

READ_SUBMITTED = """
    SELECT entries::text, absences::text, holidays::text FROM approvals WHERE id = $1
"""

READ_WAITING = """
    SELECT count(*) AS number, min(submitted_at) AS oldest FROM approvals WHERE state = 'pending'
"""

# The key, and everything that changes after the submission.
CHANGEABLE = (
    *("id", "state", "decided_by", "decided_at", "reason", "acting_for", "why"),
    *("confirmed", "reopened", "steps", "head", "version"),
)

# Rows as one JSON text: an array for each column would need a type query on each connection.
SAVE = """
    UPDATE approvals
    SET state = saved.state, decided_by = saved.decided_by, decided_at = saved.decided_at,
        reason = saved.reason, acting_for = saved.acting_for, why = saved.why,
        confirmed = saved.confirmed, reopened = saved.reopened, steps = saved.steps,
        head = saved.head, version = saved.version
    FROM json_populate_recordset(NULL::approvals, $1) AS saved
    WHERE approvals.id = saved.id
"""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Count the approvals that wait for a decision, and read since when the oldest does."""

    number: int
    oldest: datetime | None


@dataclass(frozen=True, slots=True)
class ApprovalWithContext:
    """An approval, and who decides it at this moment."""

    approval: Approval
    person_name: str | None
    manager: Manager | None


@dataclass(frozen=True, slots=True)
class Submitted:
    """The submission, in JSON as entries published it."""

    entries: msgspec.Raw
    absences: msgspec.Raw
    holidays: msgspec.Raw


async def read_approval(
    connection: asyncpg.Connection, approval_id: uuid.UUID
) -> ApprovalWithContext | None:
    """The approval with its context, or None."""
    record = await connection.fetchrow(READ, approval_id)
    return in_context(record) if record else None


async def lock_approvals(
    connection: asyncpg.Connection, ids: Sequence[uuid.UUID]
) -> dict[uuid.UUID, ApprovalWithContext]:
    """Those that exist, which no other transaction changes until this one ends."""
    records = await connection.fetch(LOCK, list(map(str, ids)))
    return {record["id"]: in_context(record) for record in records}


async def read_submitted(connection: asyncpg.Connection, approval_id: uuid.UUID) -> Submitted:
    """The parts of an approval that were stored as they came."""
    record = await connection.fetchrow(READ_SUBMITTED, approval_id)
    return Submitted(*(msgspec.Raw(text.encode()) for text in record))


async def read_waiting(connection: asyncpg.Connection) -> Waiting:
    """The number of approvals that wait for a decision, and since when the oldest does."""
    record = await connection.fetchrow(READ_WAITING)
    return Waiting(record["number"], record["oldest"])


async def save_decided(
    connection: asyncpg.Connection, approvals: Sequence[Approval], steps: Sequence[Step]
) -> None:
    """Save decided approvals and the steps of their history."""
    await save_approvals(connection, approvals)
    await add_histories(connection, steps)


async def save_approvals(connection: asyncpg.Connection, approvals: Sequence[Approval]) -> None:
    """Store the columns that change after the submission."""
    rows = [{name: getattr(approval, name) for name in CHANGEABLE} for approval in approvals]
    await connection.execute(SAVE, encode_json(rows).decode())


def in_context(record: asyncpg.Record) -> ApprovalWithContext:
    """Decode a row of an approval with the name and the manager of its person."""
    return ApprovalWithContext(
        approval=APPROVALS.decode(record),
        person_name=record["person_name"],
        manager=manager_of(record),
    )
