"""The rules of approvals, as pure functions: who decides a week, what becomes of it, what
deserves a look.

Who decides. Nobody decides a week of their own, in whatever role. Else it is the person's
manager; who stands in for that manager today; an administrator. A manager who is inactive or the
person itself counts as none: then the week waits with the administrators. A delegation holds
while it is one of its days anywhere on earth. store/people.py finds the same people by an index;
a test keeps the two equal.

What becomes of a decision. Deciding (here) and withdrawing (in entries) can cross, and entries
decides: what it commits first stands. Of one submission it tells `submitted`, and then either
`withdrawn` (and `decision.void`, should a decision still arrive) or `approved` or `rejected`.

    told by entries       pending          decided, not confirmed   confirmed           withdrawn
    timesheet.submitted   -                -                        -                   -
    timesheet.withdrawn   withdrawn        - (void will follow)     -                   -
    timesheet.approved    approved [1]     confirmed, approved [2]  -                   -
    timesheet.rejected    rejected [1]     confirmed, rejected [2]  -                   -
    decision.void         withdrawn        withdrawn                - [3]               -
    timesheet.reopened    -                reopened, if approved    reopened, if it is  -

So whatever the order of the two commits and of the two feeds:
    withdrawn, told here, decided     the decision is refused with 409
    withdrawn, decided, told here     it stays decided until void is told, then it is withdrawn
    decided, withdrawn, told there    the same
    decided, told there, withdrawn    entries refuses to withdraw; approved or rejected is told
A submission that nobody told of is passed over: what it was is in entries, and a decision on one
that has ended is void. "-" changes nothing, so that an event told twice or late does no harm.
[1] the decision is not here because this database is an older copy of itself; [2] as entries has
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

MAX_DECISIONS = 100
OVERDUE_WEEKS = 4
LONG_DAY_MINUTES = 10 * 60
OFF_TARGET_PERCENT = 10
SATURDAY = 5


class State(StrEnum):
    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


class Decision(StrEnum):
    APPROVE = "approve"
    REJECT = "reject"

    @property
    def outcome(self) -> State:
        return State.APPROVED if self is Decision.APPROVE else State.REJECTED


class Why(StrEnum):
    """Why a week lies with somebody. `UNASSIGNED`: with the administrators, as with nobody else."""

    MANAGER = "manager"
    DELEGATE = "delegate"
    ADMINISTRATOR = "administrator"
    UNASSIGNED = "unassigned"


class Flag(StrEnum):
    """What deserves a look, in the order in which it is told."""

    OVER_10_HOURS = "over_10_hours"
    WEEKEND = "weekend"
    OFF_TARGET = "off_target"
    NEW_PROJECT = "new_project"
    UPLOADED = "uploaded"
    RESUBMITTED = "resubmitted"


@dataclass(frozen=True, slots=True)
class Today:
    """The first and the last of the days that it is at one moment somewhere on earth."""

    first: date
    last: date

    @classmethod
    def at(cls, now: datetime) -> Self:
        return cls(earliest_today(now), latest_today(now))

    @property
    def overdue_weeks(self) -> tuple[Week, ...]:
        """The last weeks that are over everywhere, oldest first."""
        present = Week.of(self.first)
        return tuple(present.plus(-back) for back in range(OVERDUE_WEEKS, 0, -1))


@dataclass(frozen=True, slots=True)
class Delegation:
    """Who stands in for a manager, from the first to the last day."""

    person: str
    since: date
    until: date
    active: bool = True


@dataclass(frozen=True, slots=True)
class Manager:
    """Whom a person names as manager. One whom profile never told of is taken to be active."""

    person: str
    active: bool = True
    delegation: Delegation | None = None


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and whether as an administrator too."""

    person: str
    administers: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """Why somebody decides a week, and in whose place."""

    why: Why
    acting_for: str | None = None


class Approval(NamedTuple):
    """A submission and what became of it; `id` is that of the submission.

    `by_day` holds the days above 0. `flags` are those that never change: whether the week is off
    target follows from `target_minutes`, which is fixed when the week is decided.
    `confirmed`: entries has applied the decision. `why` and `acting_for` are the decider's.
    `steps` and `head` are the length and the digest of the history (chain.py).
    """

    # A tuple: a frozen dataclass takes four times as long to make and to change, several times
    # for each event that is taken in.

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
    why: Why | None = None
    target_minutes: int | None = None
    confirmed: bool = False
    reopened: bool = False
    steps: int = 0
    head: str = ""
    version: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    decision: Decision
    reason: str | None = None


class OwnWeek(Exception):
    """Nobody decides a week of their own."""

    def __init__(self) -> None:
        super().__init__("Nobody decides a week of their own.")


class NotYours(Exception):
    """The week is none that the caller may see."""


class WrongState(Exception):
    """The week is not pending any more."""

    def __init__(self, state: State) -> None:
        super().__init__(f"The week cannot be decided: it is {state} already.")
        self.state = state


def approver_of(person: str, manager: Manager | None) -> str | None:
    """Who decides the person's weeks unless somebody stands in; None: the administrators."""
    if manager is None or not manager.active or manager.person == person:
        return None
    return manager.person


def standing_of(
    person: str, manager: Manager | None, caller: Caller, today: Today
) -> Standing | None:
    """Why the caller may decide the person's weeks, or None."""
    if caller.person == person:
        return None
    approver = approver_of(person, manager)
    if approver == caller.person:
        return Standing(Why.MANAGER)
    if manager is not None and approver is not None and _delegate(manager, today) == caller.person:
        return Standing(Why.DELEGATE, acting_for=approver)
    if not caller.administers:
        return None
    return Standing(Why.UNASSIGNED if approver is None else Why.ADMINISTRATOR)


def _delegate(manager: Manager, today: Today) -> str | None:
    delegation = manager.delegation
    if delegation is None or not delegation.active:
        return None
    holds = delegation.since <= today.last and delegation.until >= today.first
    return delegation.person if holds else None


def lasting_flags(
    by_day: Mapping[date, int],
    projects: Set[str],
    sources: Set[str],
    *,
    approved_projects: Set[str],
    resubmitted: bool,
) -> tuple[Flag, ...]:
    """The flags of a submission that do not depend on what its person is to work.

    A project is new until a week with it was approved for this person.
    """
    holds = {
        Flag.OVER_10_HOURS: max(by_day.values(), default=0) > LONG_DAY_MINUTES,
        Flag.WEEKEND: any(day.weekday() >= SATURDAY for day in by_day),
        Flag.NEW_PROJECT: not projects <= approved_projects,
        Flag.UPLOADED: any(source.startswith("batch:") for source in sources),
        Flag.RESUBMITTED: resubmitted,
    }
    return tuple(flag for flag in Flag if holds.get(flag))


def is_off_target(total_minutes: int, target_minutes: int) -> bool:
    """More than a tenth above or below."""
    return abs(total_minutes - target_minutes) * 100 > target_minutes * OFF_TARGET_PERCENT


def flags_of(approval: Approval, target_minutes: int) -> tuple[Flag, ...]:
    """All flags; `target_minutes` is the present target, for a week that is not decided."""
    target = target_minutes if approval.target_minutes is None else approval.target_minutes
    off = is_off_target(approval.total_minutes, target)
    held = {*approval.flags, *([Flag.OFF_TARGET] if off else [])}
    return tuple(flag for flag in Flag if flag in held)


def is_repeated(approval: Approval, verdict: Verdict, person: str) -> bool:
    """Whether the person has said just this already, so that nothing has to change."""
    said = (approval.state, approval.decided_by, approval.reason)
    return said == (verdict.decision.outcome, person, verdict.reason)


def check_visible(approval: Approval, standing: Standing | None, person: str) -> None:
    """Raises `NotYours` where the person neither may decide it nor did; so for their own."""
    if standing is None and approval.decided_by != person:
        raise NotYours


def check_decidable(approval: Approval, standing: Standing | None, person: str) -> Standing:
    """Raises `OwnWeek`, `NotYours` or `WrongState` where the person cannot decide this now."""
    if approval.person == person:
        raise OwnWeek
    check_visible(approval, standing, person)
    if standing is None or approval.state is not State.PENDING:
        raise WrongState(approval.state)
    return standing


def decide(
    approval: Approval,
    verdict: Verdict,
    person: str,
    standing: Standing,
    now: datetime,
    target_minutes: int,
) -> Approval:
    return approval._replace(
        state=verdict.decision.outcome,
        decided_by=person,
        decided_at=now,
        reason=verdict.reason,
        acting_for=standing.acting_for,
        why=standing.why,
        target_minutes=target_minutes,
    )


def withdraw(approval: Approval) -> Approval:
    if approval.state is not State.PENDING:
        return approval
    return approval._replace(state=State.WITHDRAWN)


def void(approval: Approval) -> Approval:
    """What was decided stays to be read beside the state."""
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
    """The approval stands, and its history tells that the week was opened again."""
    if approval.state is not State.APPROVED:
        return approval
    return approval._replace(confirmed=True, reopened=True)
