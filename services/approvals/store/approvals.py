"""Approvals: reading, listing, changing."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg
import msgspec

from libs.postgres.records import RecordType
from libs.rules.calendar import Week
from libs.web.responses import encode_json
from services.approvals.chain import Step
from services.approvals.model import (
    Approval,
    Caller,
    DecisionRole,
    Flag,
    Manager,
    State,
    Today,
)
from services.approvals.store.history import add_histories
from services.approvals.store.people import (
    COLUMNS_OF_MANAGER,
    MANAGED,
    manager_of,
    team_of,
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

# The role shown: the decider's, or else the present caller's. {caller}, {first} and {last} are
# parameters. `authority_of` of the model says the same.
ROLE = """
    CASE
        WHEN approval.decided_by IS NOT NULL THEN approval.why
        WHEN manager.active IS NOT TRUE OR person.manager = approval.person THEN 'unassigned'
        WHEN person.manager = {caller} THEN 'manager'
        WHEN manager.delegate = {caller} AND delegate.active
            AND manager.delegate_from <= {last}::date AND manager.delegate_to >= {first}::date
            THEN 'delegate'
        ELSE 'administrator'
    END
"""

# The oldest of each person of the team, and the oldest that the caller decided: few rows of each
# are read, however long the past is.
LIST_OF_TEAM = """
    SELECT oldest.*
    FROM team CROSS JOIN LATERAL (
        SELECT approval.id, approval.submitted_at
        FROM approvals AS approval
        {joined}
        WHERE approval.person = team.person AND {conditions}
        ORDER BY approval.submitted_at, approval.id
        LIMIT {limit}
    ) AS oldest
"""
LIST_OF_DECIDED = """
    SELECT approval.id, approval.submitted_at
    FROM approvals AS approval
    {joined}
    WHERE approval.decided_by = $1 AND {conditions}
    ORDER BY approval.submitted_at, approval.id
    LIMIT {limit}
"""
LIST_OF_EVERYBODY = """
    SELECT approval.id, approval.submitted_at
    FROM approvals AS approval
    {joined}
    WHERE approval.person <> $1 AND {conditions}
    ORDER BY approval.submitted_at, approval.id
    LIMIT {limit}
"""
# Only a filter by role needs the people.
PEOPLE_OF_ROLE = f"""
    LEFT JOIN people AS person ON person.person = approval.person
    {MANAGED}
"""
LIST = f"""
    {IN_CONTEXT}
    WHERE approval.id IN (
        SELECT id FROM ({{found}}) AS found ORDER BY submitted_at, id LIMIT {{limit}}
    )
    ORDER BY approval.submitted_at, approval.id
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


@dataclass(frozen=True, slots=True)
class ApprovalFilter:
    """Which approvals, after the key (`submitted_at`, `id`).

    `flags`: () is for those without any, None for all.
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
    why: DecisionRole | None = None


async def read_approval(
    connection: asyncpg.Connection, approval_id: uuid.UUID
) -> ApprovalWithContext | None:
    """The approval with its context, or None."""
    record = await connection.fetchrow(READ, approval_id)
    return _in_context(record) if record else None


async def lock_approvals(
    connection: asyncpg.Connection, ids: Sequence[uuid.UUID]
) -> dict[uuid.UUID, ApprovalWithContext]:
    """Those that exist, which no other transaction changes until this one ends."""
    records = await connection.fetch(LOCK, list(map(str, ids)))
    return {record["id"]: _in_context(record) for record in records}


async def read_submitted(connection: asyncpg.Connection, approval_id: uuid.UUID) -> Submitted:
    """The parts of an approval that were stored as they came."""
    record = await connection.fetchrow(READ_SUBMITTED, approval_id)
    return Submitted(*(msgspec.Raw(text.encode()) for text in record))


async def read_waiting(connection: asyncpg.Connection) -> Waiting:
    """The number of approvals that wait for a decision, and since when the oldest does."""
    record = await connection.fetchrow(READ_WAITING)
    return Waiting(record["number"], record["oldest"])


async def list_approvals(
    connection: asyncpg.Connection, filter_: ApprovalFilter
) -> list[ApprovalWithContext]:
    """Oldest submission first."""
    statement, arguments = list_statement(filter_)
    return [_in_context(record) for record in await connection.fetch(statement, *arguments)]


def list_statement(filter_: ApprovalFilter) -> tuple[str, list[Any]]:
    """A statement with only the conditions of the filter, so that an index fits; its arguments."""
    team, arguments = "", [filter_.caller.person]
    if not filter_.caller.administers:
        team, arguments = team_of(filter_.caller, filter_.today)

    def parameter(value: Any) -> str:
        arguments.append(value)
        return f"${len(arguments)}"

    limit = parameter(filter_.limit)
    conditions = " AND ".join(_conditions(filter_, parameter))
    joined = "" if filter_.why is None else PEOPLE_OF_ROLE
    found = " UNION ".join(
        f"({part.format(joined=joined, conditions=conditions, limit=limit)})"
        for part in _parts(filter_)
    )
    return team + LIST.format(found=found, limit=limit), arguments


def _conditions(filter_: ApprovalFilter, parameter: Callable[[Any], str]) -> list[str]:
    key = f"({parameter(filter_.submitted_at)}, {parameter(filter_.id)})"
    conditions = [f"(approval.submitted_at, approval.id) > {key}"]
    monday = filter_.week.monday if filter_.week else None
    for column, value in (("state", filter_.state), ("person", filter_.person), ("monday", monday)):
        if value is not None:
            conditions.append(f"approval.{column} = {parameter(value)}")
    if filter_.flags == ():
        conditions.append("cardinality(approval.flags) = 0")
    elif filter_.flags:
        # Literals, because each flag has a partial index.
        conditions += [f"approval.flags @> '{{{flag.value}}}'::text[]" for flag in filter_.flags]
    if filter_.why is not None:
        today = filter_.today
        role = ROLE.format(caller="$1", first=parameter(today.first), last=parameter(today.last))
        conditions.append(f"({role}) = {parameter(filter_.why)}")
    return conditions


def _parts(filter_: ApprovalFilter) -> tuple[str, ...]:
    if filter_.caller.administers:
        return (LIST_OF_EVERYBODY,)
    if filter_.state is State.PENDING:
        return (LIST_OF_TEAM,)
    return (LIST_OF_TEAM, LIST_OF_DECIDED)


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


def _in_context(record: asyncpg.Record) -> ApprovalWithContext:
    return ApprovalWithContext(
        approval=APPROVALS.decode(record),
        person_name=record["person_name"],
        manager=manager_of(record),
    )
