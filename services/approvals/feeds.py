"""Applies the events of entries and profile in approvals.

The two feeds have no common order, and need none: no row is written by both, and what depends on
both is computed when it is read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from libs.feed.applying import Handlers
from libs.feed.wire import Delivery, data_as
from libs.rules.calendar import Week
from libs.service.admission import record_access_of
from services.approvals import model
from services.approvals.chain import StepKind, add_step
from services.approvals.model import Approval, Delegation, State, SubmittedFacts
from services.approvals.store import approvals as store
from services.approvals.store.overdue import LeftOpenWeek, delete_left_open, save_left_open
from services.approvals.store.people import Person, read_targets, save_people
from services.approvals.store.period import save_closed_through
from services.approvals.store.submissions import SubmissionBatch
from services.approvals.store.weeks_off import save_weeks_off


class SubmittedEntry(msgspec.Struct, frozen=True):
    """The fields of an entry on which flags depend.

    `project_billable` is the project's default on that day; older events lack it. Events without
    notes are for partners: storing one would lose them, so it becomes a dead letter.
    """

    source: str
    note: str
    billable: bool | None = None
    project_billable: bool | None = None

    @property
    def billable_differs(self) -> bool:
        """Whether the entry and its project say different things; unknown is no difference."""
        known = self.billable is not None and self.project_billable is not None
        return known and self.billable != self.project_billable


class Submitted(msgspec.Struct, frozen=True):
    """The data of `timesheet.submitted`."""

    submission_id: UUID
    person: str
    week: str
    total_minutes: int
    by_day: dict[date, int]
    by_project: dict[str, int]
    entries: msgspec.Raw
    """Stored as they are, like `absences` and `holidays`, the names of holidays by day."""
    submitted_at: datetime
    target_minutes: int | msgspec.UnsetType | None = msgspec.UNSET
    submitted_by: str | None = None
    absences: msgspec.Raw = msgspec.Raw(b"[]")
    holidays: msgspec.Raw = msgspec.Raw(b"{}")

    @property
    def parts(self) -> store.Submitted:
        """The parts that are stored as they came."""
        return store.Submitted(self.entries, self.absences, self.holidays)

    @property
    def submitter(self) -> str:
        """The `sub` that submitted the week: the person, or somebody for them."""
        return self.submitted_by or self.person

    @property
    def days_off(self) -> set[date]:
        """The days that are holidays."""
        return set(msgspec.json.decode(self.holidays, type=dict[date, str]))


class Ended(msgspec.Struct, frozen=True):
    """`timesheet.withdrawn`, `decision.void`."""

    submission_id: UUID
    person: str


class Decided(msgspec.Struct, frozen=True):
    """`timesheet.approved`, `timesheet.rejected`."""

    submission_id: UUID
    decided_by: str
    reason: str | None = None


class PeriodChanged(msgspec.Struct, frozen=True):
    """The data of `period.changed`."""

    closed_through: date | None


class LeftOpen(msgspec.Struct, frozen=True):
    """The data of `timesheet.left_open`: a week of a leaver that was never submitted."""

    person: str
    week: str
    total_minutes: int


class AbsenceChanged(msgspec.Struct, frozen=True):
    """`off`: whether holidays and absences leave nothing to work in the week."""

    person: str
    week: str
    off: bool


class Reopened(msgspec.Struct, frozen=True):
    """The data of `timesheet.reopened`."""

    submission_id: UUID
    reason: str
    reopened_by: str


class Delegated(msgspec.Struct, frozen=True, rename={"since": "from", "until": "to"}):
    """The delegate that a person appointed, and the days it is for."""

    person: str
    since: date
    until: date


class PersonChanged(msgspec.Struct, frozen=True):
    """The data of `person.changed`: the person as they are now."""

    person: str
    name: str
    manager: str | None
    active: bool
    target_minutes: int | None
    delegate: Delegated | None
    version: int
    since: date | None = None
    until: date | None = None
    email: str | None = None
    locale: str | None = None
    time_zone: str | None = None
    reminders: bool | None = None


async def on_timesheets(connection: asyncpg.Connection, events: Sequence[Delivery]) -> None:
    """Load the submissions of the events, apply them one by one, save the result."""
    decoded = [data_as(_TIMESHEETS[event.type][0], event) for event in events]
    submitted = [data for data in decoded if isinstance(data, Submitted)]
    weeks = {(data.person, Week.parse(data.week)) for data in submitted}
    ids = {data.submission_id for data in decoded}
    batch = await SubmissionBatch.load(connection, ids, weeks)
    await _load_targets(connection, batch, submitted)
    for event, data in zip(events, decoded, strict=True):
        apply = _TIMESHEETS[event.type][1]
        apply(batch, event, data)
    await batch.save(connection)
    if weeks:
        await delete_left_open(connection, weeks)


async def _load_targets(
    connection: asyncpg.Connection, batch: SubmissionBatch, submitted: Sequence[Submitted]
) -> None:
    """Events of the release before have no target: their weeks are measured by the present one."""
    people = {data.person for data in submitted if data.target_minutes is msgspec.UNSET}
    if people:
        batch.targets |= await read_targets(connection, people)


async def on_period(connection: asyncpg.Connection, events: Sequence[Delivery]) -> None:
    """Keep the day through which everything is closed."""
    newest = data_as(PeriodChanged, events[-1])
    await save_closed_through(connection, newest.closed_through)


async def on_left_open(connection: asyncpg.Connection, events: Sequence[Delivery]) -> None:
    """Keep the weeks that leavers left open."""
    decoded = [data_as(LeftOpen, event) for event in events]
    weeks = [
        LeftOpenWeek(data.person, Week.parse(data.week), data.total_minutes) for data in decoded
    ]
    await save_left_open(connection, weeks)


async def on_absences(connection: asyncpg.Connection, events: Sequence[Delivery]) -> None:
    """Store which weeks people are off; of several events of a week the last counts."""
    changed = [data_as(AbsenceChanged, event) for event in events]
    weeks = {(data.person, Week.parse(data.week)): data.off for data in changed}
    await save_weeks_off(connection, weeks)


async def on_people(connection: asyncpg.Connection, events: Sequence[Delivery]) -> None:
    """Keep the people as they are now, and who may come in."""
    await save_people(connection, [_person(event) for event in events])
    await record_access_of(connection, events)


def _receive(batch: SubmissionBatch, _event: Delivery, data: Submitted) -> None:
    """Add the submission, unless it is known."""
    if data.submission_id in batch.approvals:
        return
    week = Week.parse(data.week)
    past = batch.weeks[data.person, week]
    facts = _facts_of(batch, data, past.first_submitted)
    received = Approval(
        id=data.submission_id,
        person=data.person,
        week=week,
        total_minutes=data.total_minutes,
        by_day=facts.by_day,
        by_project=data.by_project,
        submitted_at=data.submitted_at,
        submitted_by=data.submitter,
        target_minutes=facts.target_minutes,
        flags=model.flags_of(facts),
        previous_reason=past.last_reason,
    )
    approval, step = add_step(received, StepKind.SUBMITTED, data.submitted_at, data.submitter)
    batch.receive(approval, data.parts, step)


def _facts_of(
    batch: SubmissionBatch, data: Submitted, first_submitted: datetime | None
) -> SubmittedFacts:
    entries = msgspec.json.decode(data.entries, type=list[SubmittedEntry])
    target = data.target_minutes
    return SubmittedFacts(
        by_day={day: minutes for day, minutes in data.by_day.items() if minutes},
        projects=data.by_project.keys(),
        sources={entry.source for entry in entries},
        target_minutes=batch.targets.get(data.person) if target is msgspec.UNSET else target,
        submitted_at=data.submitted_at,
        holidays=data.days_off,
        approved_projects=batch.approved_projects[data.person],
        resubmitted=first_submitted is not None and first_submitted < data.submitted_at,
        by_somebody_else=data.submitter != data.person,
        billable_differs=any(entry.billable_differs for entry in entries),
    )


def _withdraw(batch: SubmissionBatch, event: Delivery, data: Ended) -> None:
    _change(batch, event, data, model.withdraw, StepKind.WITHDRAWN, data.person)


def _void(batch: SubmissionBatch, event: Delivery, data: Ended) -> None:
    """The person withdrew before the decision."""
    _change(batch, event, data, model.void, StepKind.VOID, data.person)


def _reopen(batch: SubmissionBatch, event: Delivery, data: Reopened) -> None:
    actor, reason = data.reopened_by, data.reason
    _change(batch, event, data, model.reopen, StepKind.REOPENED, actor, reason)


def _change(
    batch: SubmissionBatch,
    event: Delivery,
    data: Ended | Reopened,
    rule: Callable[[Approval], Approval],
    kind: StepKind,
    actor: str,
    reason: str | None = None,
) -> None:
    """Change the approval by the rule, and its history if that changes anything."""
    present = batch.approvals.get(data.submission_id)
    if present is None:
        return
    changed = rule(present)
    if changed != present:
        batch.change(*add_step(changed, kind, event.time, actor, reason=reason))


def _approve(batch: SubmissionBatch, event: Delivery, data: Decided) -> None:
    approval = _confirm(batch, event, data, State.APPROVED)
    if approval is not None:
        batch.approve_projects(approval.person, approval.by_project)


def _reject(batch: SubmissionBatch, event: Delivery, data: Decided) -> None:
    _confirm(batch, event, data, State.REJECTED)


def _confirm(
    batch: SubmissionBatch, event: Delivery, data: Decided, outcome: State
) -> Approval | None:
    """Apply the decision as entries has it. Returns the approval if it changed."""
    present = batch.approvals.get(data.submission_id)
    if present is None:
        return None
    confirmed = model.confirm(present, outcome, data.decided_by, event.time, data.reason)
    if confirmed == present:
        return None
    if (confirmed.state, confirmed.decided_by) == (present.state, present.decided_by):
        batch.change(confirmed)
        return confirmed
    adopted, step = add_step(
        confirmed, StepKind(outcome.value), event.time, data.decided_by, reason=data.reason
    )
    batch.change(adopted, step)
    return adopted


def _person(event: Delivery) -> Person:
    data = data_as(PersonChanged, event)
    delegate = data.delegate
    return Person(
        person=data.person,
        name=data.name,
        manager=data.manager,
        active=data.active,
        target_minutes=data.target_minutes,
        delegation=(
            Delegation(delegate.person, delegate.since, delegate.until) if delegate else None
        ),
        since=Week.of(event.time.astimezone(UTC).date()).monday,
        version=data.version,
        first_day=data.since,
        last_day=data.until,
        email=data.email,
        locale=data.locale,
        time_zone=data.time_zone,
        reminders=data.reminders,
    )


_TIMESHEETS: Mapping[str, tuple[type[Any], Callable[[SubmissionBatch, Delivery, Any], None]]] = {
    "timesheet.submitted": (Submitted, _receive),
    "timesheet.withdrawn": (Ended, _withdraw),
    "timesheet.approved": (Decided, _approve),
    "timesheet.rejected": (Decided, _reject),
    "timesheet.reopened": (Reopened, _reopen),
    "decision.void": (Ended, _void),
}

HANDLERS: Mapping[str, Handlers] = {
    "entries": {
        **dict.fromkeys(_TIMESHEETS, on_timesheets),
        "timesheet.left_open": on_left_open,
        "period.changed": on_period,
        "absence.changed": on_absences,
    },
    "profile": {"person.changed": on_people},
}
