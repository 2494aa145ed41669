"""What approvals tells the other services of decisions, and what it does with what they tell.

entries tells of submissions, profile of people. Their feeds have no common order, and need none:
no row is written by both, and what follows from both is worked out when it is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import TypeVar
from uuid import UUID

import asyncpg
import msgspec

from libs.feed import Event, publish
from libs.feed.applying import Handlers
from libs.feed.wire import Delivery
from libs.rules.calendar import Week
from services.approvals import model
from services.approvals.chain import StepKind, add_step
from services.approvals.model import (
    Approval,
    Delegation,
    State,
)
from services.approvals.store import approvals as store
from services.approvals.store.people import Person, save_person
from services.approvals.store.projects import add_approved_projects

StructT = TypeVar("StructT", bound=msgspec.Struct)


class SubmittedEntry(msgspec.Struct, frozen=True):
    """An entry, as far as the flags ask; all of it is kept."""

    source: str


class Submitted(msgspec.Struct, frozen=True):
    submission_id: UUID
    person: str
    week: str
    total_minutes: int
    by_day: dict[date, int]
    by_project: dict[str, int]
    entries: list[SubmittedEntry]
    submitted_at: datetime


class Ended(msgspec.Struct, frozen=True):
    """`timesheet.withdrawn`, `decision.void`."""

    submission_id: UUID
    person: str


class Decided(msgspec.Struct, frozen=True):
    """`timesheet.approved`, `timesheet.rejected`."""

    submission_id: UUID
    decided_by: str
    reason: str | None = None


class Reopened(msgspec.Struct, frozen=True):
    submission_id: UUID
    reason: str
    reopened_by: str


class Delegated(msgspec.Struct, frozen=True, rename={"since": "from", "until": "to"}):
    person: str
    since: date
    until: date


class PersonChanged(msgspec.Struct, frozen=True):
    person: str
    name: str
    manager: str | None
    active: bool
    target_minutes: int
    delegate: Delegated | None
    version: int


async def publish_decided(connection: asyncpg.Connection, approval: Approval) -> None:
    """The decision that the approval holds by now."""
    decided_at = approval.decided_at
    if decided_at is None:
        raise ValueError("only what is decided is told of")
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


async def on_submitted(connection: asyncpg.Connection, event: Delivery) -> None:
    told = _told(event, Submitted)
    by_day = {day: minutes for day, minutes in told.by_day.items() if minutes}
    received = Approval(
        id=told.submission_id,
        person=told.person,
        week=Week.parse(told.week),
        total_minutes=told.total_minutes,
        by_day=by_day,
        by_project=told.by_project,
        submitted_at=told.submitted_at,
        flags=(),
    )
    past = await store.read_past(connection, received)
    flags = model.lasting_flags(
        by_day,
        told.by_project.keys(),
        {entry.source for entry in told.entries},
        approved_projects=past.approved_projects,
        resubmitted=past.submitted_before,
    )
    approval, step = add_step(
        replace(received, flags=flags), StepKind.SUBMITTED, told.submitted_at, told.person
    )
    await store.receive_approval(connection, approval, event.data["entries"], step)


async def on_withdrawn(connection: asyncpg.Connection, event: Delivery) -> None:
    ended = _told(event, Ended)
    await _change(connection, event, ended, model.withdraw, StepKind.WITHDRAWN, ended.person)


async def on_void(connection: asyncpg.Connection, event: Delivery) -> None:
    """The person's withdrawal came before the decision."""
    ended = _told(event, Ended)
    await _change(connection, event, ended, model.void, StepKind.VOID, ended.person)


async def on_approved(connection: asyncpg.Connection, event: Delivery) -> None:
    approval = await _confirm(connection, event, State.APPROVED)
    if approval is not None:
        await add_approved_projects(connection, approval.person, approval.by_project)


async def on_rejected(connection: asyncpg.Connection, event: Delivery) -> None:
    await _confirm(connection, event, State.REJECTED)


async def on_reopened(connection: asyncpg.Connection, event: Delivery) -> None:
    told = _told(event, Reopened)
    actor, reason = told.reopened_by, told.reason
    await _change(connection, event, told, model.reopen, StepKind.REOPENED, actor, reason)


async def on_person_changed(connection: asyncpg.Connection, event: Delivery) -> None:
    told = _told(event, PersonChanged)
    stands_in = told.delegate
    person = Person(
        person=told.person,
        name=told.name,
        manager=told.manager,
        active=told.active,
        target_minutes=told.target_minutes,
        delegation=(
            Delegation(stands_in.person, stands_in.since, stands_in.until) if stands_in else None
        ),
        version=told.version,
    )
    await save_person(connection, person, Week.of(event.time.astimezone(UTC).date()).monday)


HANDLERS: Mapping[str, Handlers] = {
    "entries": {
        "timesheet.submitted": on_submitted,
        "timesheet.withdrawn": on_withdrawn,
        "timesheet.approved": on_approved,
        "timesheet.rejected": on_rejected,
        "timesheet.reopened": on_reopened,
        "decision.void": on_void,
    },
    "profile": {"person.changed": on_person_changed},
}


async def _change(
    connection: asyncpg.Connection,
    event: Delivery,
    told: Ended | Reopened,
    rule: Callable[[Approval], Approval],
    kind: StepKind,
    actor: str,
    reason: str | None = None,
) -> None:
    """Change the approval by the rule, and its history where that changes anything."""
    case = await store.lock_case(connection, told.submission_id)
    if case is None:
        return
    changed = rule(case.approval)
    if changed != case.approval:
        await store.save_approval(
            connection, *add_step(changed, kind, event.time, actor, reason=reason)
        )


async def _confirm(
    connection: asyncpg.Connection,
    event: Delivery,
    outcome: State,
) -> Approval | None:
    """Take the decision as entries has it; returns the approval where that is news."""
    told = _told(event, Decided)
    case = await store.lock_case(connection, told.submission_id)
    if case is None:
        return None
    present = case.approval
    confirmed = model.confirm(present, outcome, told.decided_by, event.time, told.reason)
    if confirmed == present:
        return None
    if (confirmed.state, confirmed.decided_by) == (present.state, present.decided_by):
        await store.save_approval(connection, confirmed)
        return confirmed
    adopted, step = add_step(
        confirmed, StepKind(outcome.value), event.time, told.decided_by, reason=told.reason
    )
    await store.save_approval(connection, adopted, step)
    return adopted


def _told(event: Delivery, kind: type[StructT]) -> StructT:
    """What the event says; raises msgspec's ValidationError for what is no such event."""
    return msgspec.convert(event.data, kind, str_keys=True)
