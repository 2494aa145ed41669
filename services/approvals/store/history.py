"""The history of approvals, which is append-only."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from libs.rules.calendar import Week
from libs.web.responses import encode_json
from services.approvals.chain import Step, StepKind
from services.approvals.model import DecisionRole

COLUMNS_OF_STEP = (
    *("submission_id", "number", "person", "monday", "event", "at", "actor", "acting_for"),
    *("why", "reason", "total_minutes", "by_day", "by_project", "previous"),
)
COLUMNS = ", ".join(COLUMNS_OF_STEP)

ADD = f"""
    INSERT INTO history ({COLUMNS})
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
"""

READ = f"SELECT {COLUMNS} FROM history WHERE submission_id = $1 ORDER BY number"

READ_MANY = f"""
    SELECT {COLUMNS} FROM history
    WHERE submission_id = ANY ($1::text[]::uuid[])
    ORDER BY submission_id, number
"""


async def add_history(connection: asyncpg.Connection, step: Step) -> None:
    """Append a row to the history."""
    await connection.execute(ADD, *_values_of(step))


async def add_histories(connection: asyncpg.Connection, steps: Iterable[Step]) -> None:
    """Append rows to the history."""
    await connection.copy_records_to_table(
        "history", records=map(_values_of, steps), columns=COLUMNS_OF_STEP
    )


def _values_of(step: Step) -> tuple[Any, ...]:
    """In the order of `COLUMNS_OF_STEP`."""
    return (
        step.submission_id,
        step.number,
        step.person,
        Week.parse(step.week).monday,
        step.event,
        step.at,
        step.actor,
        step.acting_for,
        step.why,
        step.reason,
        step.total_minutes,
        encode_json(step.by_day).decode(),
        encode_json(step.by_project).decode(),
        step.previous,
    )


async def read_history(connection: asyncpg.Connection, approval_id: UUID) -> list[Step]:
    """The history of one approval, oldest first."""
    return [_step(record) for record in await connection.fetch(READ, approval_id)]


async def read_histories(
    connection: asyncpg.Connection, approval_ids: list[UUID]
) -> dict[UUID, list[Step]]:
    """The history of each of these approvals, oldest first."""
    histories: dict[UUID, list[Step]] = {approval_id: [] for approval_id in approval_ids}
    for record in await connection.fetch(READ_MANY, list(map(str, approval_ids))):
        histories[record["submission_id"]].append(_step(record))
    return histories


def _step(record: asyncpg.Record) -> Step:
    return Step(
        submission_id=record["submission_id"],
        person=record["person"],
        week=str(Week(record["monday"])),
        number=record["number"],
        event=StepKind(record["event"]),
        at=record["at"],
        actor=record["actor"],
        acting_for=record["acting_for"],
        why=DecisionRole(record["why"]) if record["why"] else None,
        reason=record["reason"],
        total_minutes=record["total_minutes"],
        by_day=msgspec.json.decode(record["by_day"], type=dict[str, int]),
        by_project=msgspec.json.decode(record["by_project"], type=dict[str, int]),
        previous=record["previous"],
    )
