"""The history of approvals, which is append-only."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from functools import cache
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

_EVENTS = {event.value: event for event in StepKind}
_ROLES = {role.value: role for role in DecisionRole} | {None: None}
_minutes = msgspec.json.Decoder(dict[str, int]).decode


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
    return [step_of(record) for record in await connection.fetch(READ, approval_id)]


def step_of(record: asyncpg.Record) -> Step:
    """The step in a record that has `COLUMNS`, in their order."""
    key, number, person, monday, event, at, actor, acting_for, why, *rest = record
    reason, total_minutes, by_day, by_project, previous = rest
    # By position, in the order of the fields: by name it takes twice as long.
    return Step(
        key,
        person,
        _week(monday),
        number,
        _EVENTS[event],
        at,
        actor,
        acting_for,
        _ROLES[why],
        reason,
        total_minutes,
        _minutes(by_day),
        _minutes(by_project),
        previous,
    )


@cache
def _week(monday: date) -> str:
    return str(Week(monday))
