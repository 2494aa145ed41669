"""What approvals tells the other services of decisions, and what it does with what they tell.

entries tells of submissions, profile of people. Their feeds have no common order, and need none:
no row is written by both, and what follows from both is worked out when it is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from libs.feed import Event, publish
from libs.feed.applying import Handlers
from libs.feed.wire import Delivery, data_as
from libs.rules.calendar import Week
from libs.service.admission import record_access_of
from services.approvals import model
from services.approvals.chain import StepKind, add_step
from services.approvals.model import Approval, Delegation, State
from services.approvals.store.dossier import Dossier, open_dossier, save_dossier
from services.approvals.store.people import Person, save_people


class SubmittedEntry(msgspec.Struct, frozen=True):
    """An entry, as far as the flags ask."""

    source: str


class Submitted(msgspec.Struct, frozen=True):
    submission_id: UUID
    person: str
    week: str
    total_minutes: int
    by_day: dict[date, int]
    by_project: dict[str, int]
    entries: msgspec.Raw
    """Kept as they are."""
    submitted_at: datetime

    @property
    def sources(self) -> set[str]:
        """Where the entries come from."""
        entries = msgspec.json.decode(self.entries, type=list[SubmittedEntry])
        return {entry.source for entry in entries}


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


async def on_timesheets(connection: asyncpg.Connection, events: Sequence[Delivery]) -> None:
    """Read what they are about, work it out event by event, write what came of it."""
    told = [data_as(_TIMESHEETS[event.type][0], event) for event in events]
    weeks = {(one.person, Week.parse(one.week)) for one in told if isinstance(one, Submitted)}
    dossier = await open_dossier(connection, {one.submission_id for one in told}, weeks)
    for event, one in zip(events, told, strict=True):
        take = _TIMESHEETS[event.type][1]
        take(dossier, event, one)
    await save_dossier(connection, dossier)


async def on_people(connection: asyncpg.Connection, events: Sequence[Delivery]) -> None:
    await save_people(connection, [_person(event) for event in events])
    await record_access_of(connection, events)


def _receive(dossier: Dossier, _event: Delivery, told: Submitted) -> None:
    """Nothing happens where the submission is known."""
    if told.submission_id in dossier.approvals:
        return
    by_day = {day: minutes for day, minutes in told.by_day.items() if minutes}
    week = Week.parse(told.week)
    first_submitted = dossier.first_submitted.get((told.person, week), told.submitted_at)
    received = Approval(
        id=told.submission_id,
        person=told.person,
        week=week,
        total_minutes=told.total_minutes,
        by_day=by_day,
        by_project=told.by_project,
        submitted_at=told.submitted_at,
        flags=model.lasting_flags(
            by_day,
            told.by_project.keys(),
            told.sources,
            approved_projects=dossier.approved_projects[told.person],
            resubmitted=first_submitted < told.submitted_at,
        ),
    )
    approval, step = add_step(received, StepKind.SUBMITTED, told.submitted_at, told.person)
    dossier.receive(approval, told.entries, step)


def _withdraw(dossier: Dossier, event: Delivery, told: Ended) -> None:
    _change(dossier, event, told, model.withdraw, StepKind.WITHDRAWN, told.person)


def _void(dossier: Dossier, event: Delivery, told: Ended) -> None:
    """The person's withdrawal came before the decision."""
    _change(dossier, event, told, model.void, StepKind.VOID, told.person)


def _reopen(dossier: Dossier, event: Delivery, told: Reopened) -> None:
    actor, reason = told.reopened_by, told.reason
    _change(dossier, event, told, model.reopen, StepKind.REOPENED, actor, reason)


def _change(
    dossier: Dossier,
    event: Delivery,
    told: Ended | Reopened,
    rule: Callable[[Approval], Approval],
    kind: StepKind,
    actor: str,
    reason: str | None = None,
) -> None:
    """Change the approval by the rule, and its history where that changes anything."""
    present = dossier.approvals.get(told.submission_id)
    if present is None:
        return
    changed = rule(present)
    if changed != present:
        dossier.change(*add_step(changed, kind, event.time, actor, reason=reason))


def _approve(dossier: Dossier, event: Delivery, told: Decided) -> None:
    approval = _confirm(dossier, event, told, State.APPROVED)
    if approval is not None:
        dossier.approve_projects(approval.person, approval.by_project)


def _reject(dossier: Dossier, event: Delivery, told: Decided) -> None:
    _confirm(dossier, event, told, State.REJECTED)


def _confirm(dossier: Dossier, event: Delivery, told: Decided, outcome: State) -> Approval | None:
    """Take the decision as entries has it; returns the approval where that is news."""
    present = dossier.approvals.get(told.submission_id)
    if present is None:
        return None
    confirmed = model.confirm(present, outcome, told.decided_by, event.time, told.reason)
    if confirmed == present:
        return None
    if (confirmed.state, confirmed.decided_by) == (present.state, present.decided_by):
        dossier.change(confirmed)
        return confirmed
    adopted, step = add_step(
        confirmed, StepKind(outcome.value), event.time, told.decided_by, reason=told.reason
    )
    dossier.change(adopted, step)
    return adopted


def _person(event: Delivery) -> Person:
    told = data_as(PersonChanged, event)
    stands_in = told.delegate
    return Person(
        person=told.person,
        name=told.name,
        manager=told.manager,
        active=told.active,
        target_minutes=told.target_minutes,
        delegation=(
            Delegation(stands_in.person, stands_in.since, stands_in.until) if stands_in else None
        ),
        since=Week.of(event.time.astimezone(UTC).date()).monday,
        version=told.version,
    )


_TIMESHEETS: Mapping[str, tuple[type[Any], Callable[[Dossier, Delivery, Any], None]]] = {
    "timesheet.submitted": (Submitted, _receive),
    "timesheet.withdrawn": (Ended, _withdraw),
    "timesheet.approved": (Decided, _approve),
    "timesheet.rejected": (Decided, _reject),
    "timesheet.reopened": (Reopened, _reopen),
    "decision.void": (Ended, _void),
}

HANDLERS: Mapping[str, Handlers] = {
    "entries": dict.fromkeys(_TIMESHEETS, on_timesheets),
    "profile": {"person.changed": on_people},
}
