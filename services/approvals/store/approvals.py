"""Approvals: receiving, reading, listing, changing."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import asyncpg
import msgspec

from libs.rules.calendar import Week
from libs.rules.limits import DEFAULT_TARGET_MINUTES
from libs.web.responses import encode_json
from services.approvals.chain import Step
from services.approvals.model import (
    OFF_TARGET_PERCENT,
    Approval,
    Caller,
    Flag,
    Manager,
    State,
    Today,
    Why,
)
from services.approvals.store.history import add_history
from services.approvals.store.people import (
    COLUMNS_OF_MANAGER,
    MANAGED,
    manager_of,
    team_of,
)

COLUMNS_OF_APPROVAL = """
    approval.id, approval.person, approval.monday, approval.total_minutes, approval.by_day,
    approval.by_project, approval.submitted_at, approval.flags, approval.state,
    approval.decided_by, approval.decided_at, approval.reason, approval.acting_for,
    approval.why, approval.target_minutes, approval.confirmed, approval.reopened,
    approval.steps, approval.head, approval.version
"""

CASE = f"""
    SELECT {COLUMNS_OF_APPROVAL}, person.name, person.target_minutes, {COLUMNS_OF_MANAGER}
    FROM approvals AS approval
    LEFT JOIN people AS person ON person.person = approval.person
    {MANAGED}
"""

READ = f"{CASE} WHERE approval.id = $1"

READ_FOR_CHANGE = f"{READ} FOR UPDATE OF approval"

READ_ENTRIES = "SELECT entries::text FROM approvals WHERE id = $1"

READ_ALL = f"""
    SELECT {COLUMNS_OF_APPROVAL}
    FROM approvals AS approval
    WHERE approval.id > $1
    ORDER BY approval.id
    LIMIT $2
"""

READ_WAITING = """
    SELECT count(*) AS number, min(submitted_at) AS oldest FROM approvals WHERE state = 'pending'
"""

# The id and all that is not as it was submitted.
CHANGEABLE = (
    *("id", "state", "decided_by", "decided_at", "reason", "acting_for", "why"),
    *("target_minutes", "confirmed", "reopened", "steps", "head", "version"),
)

# Rows as one JSON text: this many columns of as many kinds would each be an array.
SAVE = """
    UPDATE approvals
    SET state = saved.state, decided_by = saved.decided_by, decided_at = saved.decided_at,
        reason = saved.reason, acting_for = saved.acting_for, why = saved.why,
        target_minutes = saved.target_minutes, confirmed = saved.confirmed,
        reopened = saved.reopened, steps = saved.steps, head = saved.head, version = saved.version
    FROM json_populate_recordset(NULL::approvals, $1) AS saved
    WHERE approvals.id = saved.id
"""

TARGET = f"coalesce(approval.target_minutes, person.target_minutes, {DEFAULT_TARGET_MINUTES})"
OFF_TARGET = f"(abs(approval.total_minutes - {TARGET}) * 100 > {TARGET} * {OFF_TARGET_PERCENT})"

# The oldest of each person of the team, and the oldest that the caller decided: few rows of each
# are read, however long the past is.
LIST_OF_TEAM = """
    SELECT oldest.*
    FROM team CROSS JOIN LATERAL (
        SELECT approval.id, approval.submitted_at
        FROM approvals AS approval
        LEFT JOIN people AS person ON person.person = approval.person
        WHERE approval.person = team.person AND {conditions}
        ORDER BY approval.submitted_at, approval.id
        LIMIT {limit}
    ) AS oldest
"""
LIST_OF_DECIDED = """
    SELECT approval.id, approval.submitted_at
    FROM approvals AS approval
    LEFT JOIN people AS person ON person.person = approval.person
    WHERE approval.decided_by = $1 AND {conditions}
    ORDER BY approval.submitted_at, approval.id
    LIMIT {limit}
"""
LIST_OF_EVERYBODY = """
    SELECT approval.id, approval.submitted_at
    FROM approvals AS approval
    LEFT JOIN people AS person ON person.person = approval.person
    WHERE approval.person <> $1 AND {conditions}
    ORDER BY approval.submitted_at, approval.id
    LIMIT {limit}
"""
LIST = f"""
    {CASE}
    WHERE approval.id IN (
        SELECT id FROM ({{found}}) AS found ORDER BY submitted_at, id LIMIT {{limit}}
    )
    ORDER BY approval.submitted_at, approval.id
"""


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many wait for a decision, and since when the oldest does."""

    number: int
    oldest: datetime | None


@dataclass(frozen=True, slots=True)
class Case:
    """An approval, and what says at this moment who decides it and what it is measured by."""

    approval: Approval
    person_name: str | None
    target_minutes: int
    manager: Manager | None


@dataclass(frozen=True, slots=True)
class ApprovalFilter:
    """What a list asks for, after the key (`submitted_at`, `id`).

    `flags`: () is for those without any, None for whichever.
    """

    caller: Caller
    today: Today
    submitted_at: datetime
    id: uuid.UUID
    limit: int
    state: State | None = None
    person: str | None = None
    week: Week | None = None
    flags: tuple[Flag, ...] | None = None


async def read_case(connection: asyncpg.Connection, approval_id: uuid.UUID) -> Case | None:
    record = await connection.fetchrow(READ, approval_id)
    return _case(record) if record else None


async def lock_case(connection: asyncpg.Connection, approval_id: uuid.UUID) -> Case | None:
    """The approval, which nobody else changes until the transaction ends."""
    record = await connection.fetchrow(READ_FOR_CHANGE, approval_id)
    return _case(record) if record else None


async def read_entries(connection: asyncpg.Connection, approval_id: uuid.UUID) -> msgspec.Raw:
    """The entries as they were submitted, in JSON."""
    return msgspec.Raw((await connection.fetchval(READ_ENTRIES, approval_id)).encode())


async def read_waiting(connection: asyncpg.Connection) -> Waiting:
    return Waiting(*await connection.fetchrow(READ_WAITING))


async def read_all_approvals(
    connection: asyncpg.Connection, at_once: int = 500
) -> AsyncIterator[list[Approval]]:
    """In the order of their ids, some at a time."""
    last = uuid.UUID(int=0)
    while records := await connection.fetch(READ_ALL, last, at_once):
        page = [approval_of(record) for record in records]
        yield page
        last = page[-1].id


async def list_cases(connection: asyncpg.Connection, wanted: ApprovalFilter) -> list[Case]:
    """Oldest submission first."""
    statement, arguments = list_statement(wanted)
    return [_case(record) for record in await connection.fetch(statement, *arguments)]


def list_statement(wanted: ApprovalFilter) -> tuple[str, list[Any]]:
    """A statement of just the conditions asked for, so that an index fits it; its arguments."""
    team, arguments = "", [wanted.caller.person]
    if not wanted.caller.administers:
        team, arguments = team_of(wanted.caller, wanted.today)

    def parameter(value: Any) -> str:
        arguments.append(value)
        return f"${len(arguments)}"

    limit = parameter(wanted.limit)
    key = f"({parameter(wanted.submitted_at)}, {parameter(wanted.id)})"
    conditions = [f"(approval.submitted_at, approval.id) > {key}"]
    monday = wanted.week.monday if wanted.week else None
    for column, value in (("state", wanted.state), ("person", wanted.person), ("monday", monday)):
        if value is not None:
            conditions.append(f"approval.{column} = {parameter(value)}")
    if wanted.flags is not None:
        conditions.append(_flags_condition(wanted.flags, parameter))
    found = " UNION ".join(
        f"({part.format(conditions=' AND '.join(conditions), limit=limit)})"
        for part in _parts(wanted)
    )
    return team + LIST.format(found=found, limit=limit), arguments


def _parts(wanted: ApprovalFilter) -> tuple[str, ...]:
    if wanted.caller.administers:
        return (LIST_OF_EVERYBODY,)
    if wanted.state is State.PENDING:
        return (LIST_OF_TEAM,)
    return (LIST_OF_TEAM, LIST_OF_DECIDED)


def _flags_condition(flags: tuple[Flag, ...], parameter: Callable[[Any], str]) -> str:
    if not flags:
        return f"cardinality(approval.flags) = 0 AND NOT {OFF_TARGET}"
    off_target = [OFF_TARGET] if Flag.OFF_TARGET in flags else []
    others = [flag for flag in flags if flag is not Flag.OFF_TARGET]
    return " AND ".join([*off_target, f"approval.flags @> {parameter(others)}::text[]"])


async def save_approval(connection: asyncpg.Connection, approval: Approval, step: Step) -> None:
    await save_approvals(connection, [approval])
    await add_history(connection, step)


async def save_approvals(connection: asyncpg.Connection, approvals: Sequence[Approval]) -> None:
    """Store what is not as it was submitted."""
    values = map(changeable_values_of, approvals)
    rows = [dict(zip(CHANGEABLE, row, strict=True)) for row in values]
    await connection.execute(SAVE, encode_json(rows).decode())


def changeable_values_of(approval: Approval) -> tuple[Any, ...]:
    """In the order of `CHANGEABLE`."""
    return (
        approval.id,
        approval.state,
        approval.decided_by,
        approval.decided_at,
        approval.reason,
        approval.acting_for,
        approval.why,
        approval.target_minutes,
        approval.confirmed,
        approval.reopened,
        approval.steps,
        approval.head,
        approval.version,
    )


def approval_of(record: asyncpg.Record) -> Approval:
    """The approval in the first twenty columns, in the order of `COLUMNS_OF_APPROVAL`."""
    return Approval(
        id=record[0],
        person=record[1],
        week=Week(record[2]),
        total_minutes=record[3],
        by_day=msgspec.json.decode(record[4], type=dict[date, int]),
        by_project=msgspec.json.decode(record[5], type=dict[str, int]),
        submitted_at=record[6],
        flags=tuple(map(Flag, record[7])),
        state=State(record[8]),
        decided_by=record[9],
        decided_at=record[10],
        reason=record[11],
        acting_for=record[12],
        why=Why(record[13]) if record[13] else None,
        target_minutes=record[14],
        confirmed=record[15],
        reopened=record[16],
        steps=record[17],
        head=record[18],
        version=record[19],
    )


def _case(record: asyncpg.Record) -> Case:
    return Case(
        approval=approval_of(record),
        person_name=record[20],
        target_minutes=DEFAULT_TARGET_MINUTES if record[21] is None else record[21],
        manager=manager_of(record[22:]),
    )
