"""The database and the model name the same deciders, in any company."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import asyncpg
import msgspec
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from libs.rules.calendar import Week
from services.approvals.chain import StepKind, add_step
from services.approvals.model import (
    Approval,
    Authority,
    Caller,
    Decision,
    DecisionRequest,
    DecisionRole,
    Delegation,
    Flag,
    Manager,
    State,
    Today,
    approver_of,
    authority_of,
    decide,
)
from services.approvals.store.approvals import Submitted
from services.approvals.store.lists import ApprovalFilter, list_approvals
from services.approvals.store.overdue import OverdueFilter, count_overdue, list_overdue
from services.approvals.store.people import Person, save_people
from services.approvals.store.submissions import SubmissionBatch

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
TODAY = Today.at(NOON)
MONDAY = date(2026, 11, 16)
SINCE = MONDAY - timedelta(weeks=9)
NAMES = ("ann", "ben", "cleo")
FLAGS_OF = {
    0: (),
    539: (Flag.OFF_TARGET,),
    540: (),
    660: (Flag.OVER_10_HOURS,),
    661: (Flag.OVER_10_HOURS, Flag.OFF_TARGET),
    2400: (Flag.OVER_10_HOURS,),
}

names = st.sampled_from(NAMES)
# The days before, on and after those that it is somewhere on earth.
days = st.sampled_from([date(2026, 11, day) for day in (22, 23, 24, 25)])


@dataclass(frozen=True, slots=True)
class Company:
    """The people published by profile, and of each name the total of a week and who decided it."""

    people: tuple[Person, ...]
    totals: dict[str, int]
    deciders: dict[str, str]

    def manager_of(self, name: str) -> Manager | None:
        known = {person.person: person for person in self.people}
        if name not in known or known[name].manager is None:
            return None
        manager = known.get(known[name].manager or "")
        if manager is None:
            return Manager(known[name].manager or "", active=False)
        delegation = manager.delegation
        if delegation is not None:
            delegate = known.get(delegation.person)
            delegation = replace(delegation, active=delegate is not None and delegate.active)
        return Manager(manager.person, manager.active, delegation)


@st.composite
def delegations(draw: st.DrawFn) -> Delegation:
    since, until = sorted((draw(days), draw(days)))
    return Delegation(draw(names), since, until)


@st.composite
def companies(draw: st.DrawFn) -> Company:
    people = tuple(
        Person(
            person=name,
            name=name.title(),
            manager=draw(names) if draw(st.integers(0, 7)) else None,
            active=draw(st.integers(0, 4)) > 0,
            target_minutes=draw(st.sampled_from([0, 600, 2400])),
            delegation=draw(delegations()) if draw(st.integers(0, 3)) else None,
            since=SINCE,
            version=1,
        )
        for name in NAMES
        if draw(st.integers(0, 7)) > 0
    )
    totals = {name: draw(st.sampled_from([0, 539, 540, 660, 661, 2400])) for name in NAMES}
    deciders = {
        name: decider for name in NAMES if draw(st.booleans()) and (decider := draw(names)) != name
    }
    return Company(people, totals, deciders)


def known(name: str, manager: str | None, **fields: Any) -> Person:
    person = Person(name, name.title(), manager, True, 2400, None, SINCE, 1)
    return replace(person, **fields)


AWAY = Delegation("cleo", date(2026, 11, 20), date(2026, 11, 27))
TOTALS = dict.fromkeys(NAMES, 2400)
WITH_AN_INACTIVE_DELEGATE = Company(
    (known("ann", "ben"), known("ben", None, delegation=AWAY), known("cleo", None, active=False)),
    TOTALS,
    {},
)
WITH_A_MANAGER_OF_THEMSELVES = Company((known("ben", "ben", delegation=AWAY),), TOTALS, {})
WITH_AN_UNKNOWN_MANAGER = Company((known("ann", "ben"),), TOTALS, {})


def approvals_of(company: Company) -> Iterator[Approval]:
    for number, (name, total) in enumerate(company.totals.items()):
        received = Approval(
            id=uuid.uuid5(uuid.NAMESPACE_OID, name),
            person=name,
            week=Week(MONDAY),
            total_minutes=total,
            by_day={MONDAY: total} if total else {},
            by_project={"A": total} if total else {},
            submitted_at=NOON + timedelta(seconds=number),
            flags=FLAGS_OF[total],
        )
        approval, _ = add_step(received, StepKind.SUBMITTED, received.submitted_at, name)
        if decider := company.deciders.get(name):
            request, authority = DecisionRequest(Decision.APPROVE), Authority(DecisionRole.MANAGER)
            approval = decide(approval, request, decider, authority, NOON)
        yield approval


async def store_approvals(connection: asyncpg.Connection, company: Company) -> list[Approval]:
    approvals = list(approvals_of(company))
    batch = await SubmissionBatch.load(connection, set(), set())
    nothing = msgspec.Raw(b"[]")
    for approval in approvals:
        _, step = add_step(
            approval._replace(steps=0, head=""), StepKind.SUBMITTED, NOON, approval.person
        )
        batch.receive(approval, Submitted(nothing, nothing, nothing), step)
    await batch.save(connection)
    return approvals


FORTY_EXAMPLES = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@asynccontextmanager
async def rolled_back(connection: asyncpg.Connection) -> AsyncIterator[None]:
    """A transaction of which nothing stays."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        yield
    finally:
        await transaction.rollback()


@given(company=companies())
@example(company=WITH_AN_INACTIVE_DELEGATE)
@example(company=WITH_A_MANAGER_OF_THEMSELVES)
@example(company=WITH_AN_UNKNOWN_MANAGER)
@FORTY_EXAMPLES
async def test_a_list_holds_just_what_the_model_lets_the_caller_see(
    connection: asyncpg.Connection, company: Company
) -> None:
    async with rolled_back(connection):
        await save_people(connection, company.people)
        approvals = await store_approvals(connection, company)
        for caller in [Caller(name, manages) for name in NAMES for manages in (False, True)]:
            await check_list(connection, company, approvals, caller)
            await check_missing(connection, company, caller)


@given(before=companies(), after=companies())
@example(
    before=Company((), TOTALS, {}),
    after=Company((known("ann", "ben"), known("ben", "cleo"), known("cleo", None)), TOTALS, {}),
)
@FORTY_EXAMPLES
async def test_the_unassigned_are_known_whatever_is_published_first(
    connection: asyncpg.Connection, before: Company, after: Company
) -> None:
    async with rolled_back(connection):
        await save_people(connection, [replace(person, version=0) for person in before.people])
        await store_approvals(connection, after)
        await save_people(connection, after.people)
        people = {person.person: person for person in (*before.people, *after.people)}
        now = replace(after, people=tuple(people.values()))
        records = await connection.fetch("SELECT person FROM unassigned_people ORDER BY person")
        assert [record["person"] for record in records] == [
            name for name in NAMES if approver_of(name, now.manager_of(name)) is None
        ]


async def test_those_whom_two_feeds_name_at_once_are_looked_up_again(
    connection: asyncpg.Connection,
) -> None:
    """A submission sees no person, whom the other feed publishes meanwhile."""
    async with rolled_back(connection):
        company = Company((known("ann", "ben"), known("ben", "ann")), TOTALS, {})
        await save_people(connection, company.people)
        await store_approvals(connection, company)
        await connection.execute("INSERT INTO unassigned_people VALUES ('ann')")
        unassigned = ApprovalFilter(
            Caller("max", administers=True), TODAY, 200, why=DecisionRole.UNASSIGNED
        )
        found = await list_approvals(connection, unassigned)
        assert [row.approval.person for row in found] == ["cleo"]


async def check_list(
    connection: asyncpg.Connection, company: Company, approvals: list[Approval], caller: Caller
) -> None:
    filters = ApprovalFilter(caller, TODAY, limit=200)
    visible = [
        approval
        for approval in approvals
        if authority_of(approval.person, company.manager_of(approval.person), caller, TODAY)
        or approval.decided_by == caller.person
    ]
    for state, flags in (
        (None, None),
        (State.PENDING, ()),
        (None, (Flag.OFF_TARGET,)),
        (State.APPROVED, (Flag.OVER_10_HOURS,)),
    ):
        found = await list_approvals(connection, replace(filters, state=state, flags=flags))
        assert [row.approval.id for row in found] == [
            approval.id
            for approval in visible
            if state in (None, approval.state) and has_flags(flags, approval.flags)
        ]
        for row in found:
            assert row.manager == company.manager_of(row.approval.person)
    for role in DecisionRole:
        found = await list_approvals(connection, replace(filters, why=role))
        assert [row.approval.id for row in found] == [
            approval.id for approval in visible if role_of(company, approval, caller) is role
        ]
    found = await list_approvals(connection, replace(filters, person=NAMES[0]))
    assert [row.approval.id for row in found] == [
        approval.id for approval in visible if approval.person == NAMES[0]
    ]
    for number, last in enumerate([None, *visible[:-1]]):
        key = (last.submitted_at, last.id) if last else None
        found = await list_approvals(connection, replace(filters, limit=1, after=key))
        expected = visible[number : number + 1]
        assert [row.approval.id for row in found] == [approval.id for approval in expected]


def role_of(company: Company, approval: Approval, caller: Caller) -> DecisionRole | None:
    """The role that the API shows."""
    if approval.decided_by is not None:
        return approval.why
    authority = authority_of(approval.person, company.manager_of(approval.person), caller, TODAY)
    return authority.why if authority else None


def has_flags(filters: tuple[Flag, ...] | None, flags: tuple[Flag, ...]) -> bool:
    if filters == ():
        return not flags
    return filters is None or set(filters) <= set(flags)


async def check_missing(connection: asyncpg.Connection, company: Company, caller: Caller) -> None:
    week = Week(MONDAY).plus(-1)
    filters = OverdueFilter(caller, TODAY, week, week, date.min, "", limit=200)
    missing = await list_overdue(connection, filters)
    assert [row.person for row in missing] == [
        person.person
        for person in company.people
        if person.active
        and authority_of(person.person, company.manager_of(person.person), caller, TODAY)
    ]
    # Of the ten weeks since they are known everybody submitted the last.
    assert await count_overdue(connection, caller, TODAY) == 9 * len(missing)
