"""The rules of approvals: authority over a week, the outcome of a decision, the flags of a week.
Pure functions, no I/O.

Authority. A person never decides their own week, whatever their role. Otherwise it is the person's
manager; the manager's delegate, today; an administrator. A manager who is unknown, inactive or the
person itself counts as none: then only administrators can decide, and the week is unassigned. A
delegation holds while one of its days is today in some time zone. store/people.py finds the same
people by an index; a test compares the two.

Outcome. Deciding (here) and withdrawing (in entries) can cross, and entries
decides: what it commits first stands. For one submission it publishes `submitted`, then either
`withdrawn` (and `decision.void`, if a decision arrives later) or `approved` or `rejected`.

    event of entries      pending          decided, not confirmed   confirmed           withdrawn
    timesheet.submitted   -                -                        -                   -
    timesheet.withdrawn   withdrawn        - (void will follow)     -                   -
    timesheet.approved    approved [1]     confirmed, approved [2]  -                   -
    timesheet.rejected    rejected [1]     confirmed, rejected [2]  -                   -
    decision.void         withdrawn        withdrawn                - [3]               -
    timesheet.reopened    -                reopened, if approved    reopened, if it is  -

So whatever the order of the two commits and of the two feeds:
    withdrawn, received, decided      the decision is refused with 409
    withdrawn, decided, received      it stays decided until void is received, then it is withdrawn
    decided, withdrawn, received      the same
    decided, received, withdrawn      entries refuses to withdraw; publishes approved or rejected
An event of an unknown submission is skipped: its state is in entries, and a decision on a
submission that has ended is void. "-" changes nothing, so repeated or late events are harmless.
[1] the decision is missing because this database is an older copy of itself; [2] as entries has
it, for the same reason; [3] a second decision on a week that was decided before.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Set
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple, Self

from libs.rules.calendar import Week, earliest_today, latest_today
from libs.rules.errors import NotAllowed, NotVisible, WrongState

MAX_DECISIONS = 100
LONG_DAY_MINUTES = 10 * 60
OFF_TARGET_PERCENT = 10
SATURDAY = 5


class State(StrEnum):
    """The state of an approval."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


class Decision(StrEnum):
    """An approver's decision."""

    APPROVE = "approve"
    REJECT = "reject"

    @property
    def outcome(self) -> State:
        """The state that the decision leads to."""
        return State.APPROVED if self is Decision.APPROVE else State.REJECTED


class DecisionRole(StrEnum):
    """As what somebody decides a week. `UNASSIGNED`: an administrator, for want of a manager."""

    MANAGER = "manager"
    DELEGATE = "delegate"
    ADMINISTRATOR = "administrator"
    UNASSIGNED = "unassigned"


class Flag(StrEnum):
    """Things an approver should look at, in the order shown."""

    OVER_10_HOURS = "over_10_hours"
    WEEKEND = "weekend"
    HOLIDAY = "holiday"
    OFF_TARGET = "off_target"
    NEW_PROJECT = "new_project"
    UPLOADED = "uploaded"
    RESUBMITTED = "resubmitted"
    SUBMITTED_FOR = "submitted_for"
    BILLABLE_DIFFERS = "billable_differs"
    NOT_YET_WORKED = "not_yet_worked"


@dataclass(frozen=True, slots=True)
class Today:
    """The earliest and the latest date of one moment over all time zones."""

    first: date
    last: date

    @classmethod
    def at(cls, now: datetime) -> Self:
        """The days that are "today" somewhere on Earth at `now`."""
        return cls(earliest_today(now), latest_today(now))

    @property
    def last_week(self) -> Week:
        """The newest week that is over in every time zone."""
        return Week.of(self.first).plus(-1)


@dataclass(frozen=True, slots=True)
class Delegation:
    """The delegate of a manager, from the first to the last day."""

    person: str
    since: date
    until: date
    active: bool = True


@dataclass(frozen=True, slots=True)
class Manager:
    """The manager of a person. `active` is False too for one whom profile has not published."""

    person: str
    active: bool = True
    delegation: Delegation | None = None


@dataclass(frozen=True, slots=True)
class Caller:
    """The person who calls, and whether they are an administrator."""

    person: str
    administers: bool = False


@dataclass(frozen=True, slots=True)
class Authority:
    """As what somebody may decide a week, and for whom."""

    why: DecisionRole
    acting_for: str | None = None


class Approval(NamedTuple):
    """A submission and its outcome; `id` is that of the submission.

    `by_day` holds the days above 0. `target_minutes` is what the week is measured by since it was
    submitted; None: the person had no target. `previous_reason` is why the submission before was
    rejected. `confirmed`: entries has applied the decision. `why` and `acting_for` are those of
    the decision. `steps` and `head` are the length and the digest of the history (chain.py).
    """

    # A tuple: a frozen dataclass takes four times as long to create and to change, which happens
    # several times for each event.

    id: uuid.UUID
    person: str
    week: Week
    total_minutes: int
    by_day: Mapping[date, int]
    by_project: Mapping[str, int]
    submitted_at: datetime
    flags: tuple[Flag, ...]
    state: State = State.PENDING
    decided_by: str | None = None
    decided_at: datetime | None = None
    reason: str | None = None
    acting_for: str | None = None
    why: DecisionRole | None = None
    submitted_by: str | None = None
    target_minutes: int | None = None
    previous_reason: str | None = None
    confirmed: bool = False
    reopened: bool = False
    steps: int = 0
    head: str = ""
    version: int = 0


@dataclass(frozen=True, slots=True)
class DecisionRequest:
    """A decision as requested; a rejection has a reason."""

    decision: Decision
    reason: str | None = None


class SelfApproval(NotAllowed):
    """A person decides their own week."""

    def __init__(self) -> None:
        super().__init__("You can't approve your own timesheet.")


class PeriodClosed(Exception):
    """A week with a day in the closed period is rejected."""

    def __init__(self, closed_through: date) -> None:
        super().__init__(
            f"The period through {closed_through} is closed, so this week can't be rejected. "
            "Move the period back first."
        )


def approver_of(person: str, manager: Manager | None) -> str | None:
    """The person who decides the weeks, delegates aside; None: administrators only."""
    if manager is None or not manager.active or manager.person == person:
        return None
    return manager.person


def authority_of(
    person: str, manager: Manager | None, caller: Caller, today: Today
) -> Authority | None:
    """As what the caller may decide the person's weeks; None: they may not."""
    if caller.person == person:
        return None
    approver = approver_of(person, manager)
    if approver == caller.person:
        return Authority(DecisionRole.MANAGER)
    if manager is not None and approver is not None and _delegate(manager, today) == caller.person:
        return Authority(DecisionRole.DELEGATE, acting_for=approver)
    if not caller.administers:
        return None
    role = DecisionRole.UNASSIGNED if approver is None else DecisionRole.ADMINISTRATOR
    return Authority(role)


def _delegate(manager: Manager, today: Today) -> str | None:
    delegation = manager.delegation
    if delegation is None or not delegation.active:
        return None
    holds = delegation.since <= today.last and delegation.until >= today.first
    return delegation.person if holds else None


@dataclass(frozen=True, slots=True)
class SubmittedFacts:
    """The facts that the flags of a submission depend on.

    A project is new until a week with it was approved for this person. `holidays` are those of
    the person's calendar and of the company.
    """

    by_day: Mapping[date, int]
    projects: Set[str]
    sources: Set[str]
    target_minutes: int | None
    submitted_at: datetime
    holidays: Set[date] = frozenset()
    approved_projects: Set[str] = frozenset()
    resubmitted: bool = False
    by_somebody_else: bool = False
    billable_differs: bool = False


def flags_of(facts: SubmittedFacts) -> tuple[Flag, ...]:
    """The flags of a submission, which never change."""
    by_day = facts.by_day
    holds = {
        Flag.OVER_10_HOURS: max(by_day.values(), default=0) > LONG_DAY_MINUTES,
        Flag.WEEKEND: any(day.weekday() >= SATURDAY for day in by_day),
        Flag.HOLIDAY: not facts.holidays.isdisjoint(by_day),
        Flag.OFF_TARGET: is_off_target(sum(by_day.values()), facts.target_minutes),
        Flag.NEW_PROJECT: not facts.projects <= facts.approved_projects,
        Flag.UPLOADED: any(source.startswith("batch:") for source in facts.sources),
        Flag.RESUBMITTED: facts.resubmitted,
        Flag.SUBMITTED_FOR: facts.by_somebody_else,
        Flag.BILLABLE_DIFFERS: facts.billable_differs,
        Flag.NOT_YET_WORKED: max(by_day, default=date.min) > latest_today(facts.submitted_at),
    }
    return tuple(flag for flag in Flag if holds[flag])


def is_off_target(total_minutes: int, target_minutes: int | None) -> bool:
    """More than a tenth above or below the target; never without one."""
    if target_minutes is None:
        return False
    return abs(total_minutes - target_minutes) * 100 > target_minutes * OFF_TARGET_PERCENT


def is_repeated(approval: Approval, request: DecisionRequest, person: str) -> bool:
    """Whether the person has decided just this before, so that nothing has to change."""
    present = (approval.state, approval.decided_by, approval.reason)
    return present == (request.decision.outcome, person, request.reason)


def check_visible(approval: Approval, authority: Authority | None, person: str) -> None:
    """Raises `NotVisible` if the person neither may decide nor decided it; so for their own."""
    if authority is None and approval.decided_by != person:
        raise NotVisible


def check_decidable(
    approval: Approval,
    request: DecisionRequest,
    authority: Authority | None,
    person: str,
    closed_through: date | None,
) -> Authority:
    """The authority by which the person decides this now.

    Raises `SelfApproval`, `NotVisible`, `WrongState` or `PeriodClosed`.
    """
    if approval.person == person:
        raise SelfApproval
    check_visible(approval, authority, person)
    if authority is None or approval.state is not State.PENDING:
        detail = f"The week can't be decided: it is {approval.state} already."
        raise WrongState(detail, approval.state)
    rejects = request.decision is Decision.REJECT
    if rejects and closed_through is not None and approval.week.monday <= closed_through:
        raise PeriodClosed(closed_through)
    return authority


def decide(
    approval: Approval,
    request: DecisionRequest,
    person: str,
    authority: Authority,
    now: datetime,
) -> Approval:
    """The approval as decided by `person`. Whether they may is checked before."""
    return approval._replace(
        state=request.decision.outcome,
        decided_by=person,
        decided_at=now,
        reason=request.reason,
        acting_for=authority.acting_for,
        why=authority.why,
    )


def withdraw(approval: Approval) -> Approval:
    """The approval after its submission was withdrawn; a decided one stays decided."""
    if approval.state is not State.PENDING:
        return approval
    return approval._replace(state=State.WITHDRAWN)


def void(approval: Approval) -> Approval:
    """The decision stays readable beside the state."""
    if approval.confirmed:
        return approval
    return approval._replace(state=State.WITHDRAWN)


def confirm(
    approval: Approval,
    outcome: State,
    decided_by: str,
    decided_at: datetime,
    reason: str | None,
) -> Approval:
    """The decision as entries applied it."""
    if approval.confirmed or approval.state is State.WITHDRAWN:
        return approval
    if (approval.state, approval.decided_by) == (outcome, decided_by):
        return approval._replace(confirmed=True)
    return approval._replace(
        state=outcome,
        decided_by=decided_by,
        decided_at=decided_at,
        reason=reason,
        acting_for=None,
        why=None,
        confirmed=True,
    )


def reopen(approval: Approval) -> Approval:
    """The approval stays; its history shows that the week was opened again."""
    if approval.state is not State.APPROVED:
        return approval
    return approval._replace(confirmed=True, reopened=True)
