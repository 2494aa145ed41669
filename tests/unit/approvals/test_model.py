"""The rules of approvals, without a database."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.rules.calendar import Week
from libs.rules.errors import NotVisible, WrongState
from services.approvals import model
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
    PeriodClosed,
    SelfApproval,
    State,
    SubmittedFacts,
    Today,
)

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
TODAY = Today.at(NOON)
MONDAY = date(2026, 11, 16)
TUESDAY, SATURDAY = date(2026, 11, 17), date(2026, 11, 21)
AWAY = Delegation("marco", date(2026, 11, 20), date(2026, 11, 30))
MAYA = Manager("maya", delegation=AWAY)
APPROVAL = Approval(
    id=uuid.UUID(int=1),
    person="erin",
    week=Week(MONDAY),
    total_minutes=2400,
    by_day={MONDAY: 2400},
    by_project={"A": 2400},
    submitted_at=NOON,
    flags=(),
)
APPROVE, REJECT = DecisionRequest(Decision.APPROVE), DecisionRequest(Decision.REJECT, "no")
BY_MAYA = Authority(DecisionRole.MANAGER)


def decided(request: DecisionRequest = APPROVE) -> Approval:
    return model.decide(APPROVAL, request, "maya", BY_MAYA, NOON)


def check(approval: Approval, authority: Authority | None, person: str) -> Authority:
    return model.check_decidable(approval, APPROVE, authority, person, None)


def confirmed(outcome: State = State.APPROVED) -> Approval:
    return model.confirm(APPROVAL, outcome, "maya", NOON, None)


def test_the_manager_and_the_delegate_decide() -> None:
    assert model.authority_of("erin", MAYA, Caller("maya"), TODAY) == Authority(
        DecisionRole.MANAGER
    )
    stands_in = model.authority_of("erin", MAYA, Caller("marco"), TODAY)
    assert stands_in == Authority(DecisionRole.DELEGATE, acting_for="maya")
    assert model.authority_of("erin", MAYA, Caller("carl"), TODAY) is None


def test_an_administrator_decides_as_manager_or_delegate_where_they_are_one() -> None:
    for person, why in (
        ("maya", DecisionRole.MANAGER),
        ("marco", DecisionRole.DELEGATE),
        ("ada", DecisionRole.ADMINISTRATOR),
    ):
        authority = model.authority_of("erin", MAYA, Caller(person, administers=True), TODAY)
        assert authority is not None
        assert authority.why is why


@pytest.mark.parametrize(
    "manager", [None, Manager("erin", delegation=AWAY), replace(MAYA, active=False)]
)
def test_without_a_manager_it_is_the_administrators_and_nobody_elses(
    manager: Manager | None,
) -> None:
    assert model.approver_of("erin", manager) is None
    for person in ("maya", "marco", "carl"):
        assert model.authority_of("erin", manager, Caller(person), TODAY) is None
    ada = model.authority_of("erin", manager, Caller("ada", administers=True), TODAY)
    assert ada == Authority(DecisionRole.UNASSIGNED)


names = st.sampled_from(["erin", "maya", "marco"])
delegations = st.builds(Delegation, names, st.just(AWAY.since), st.just(AWAY.until), st.booleans())
managers = st.builds(Manager, names, st.booleans(), st.none() | delegations)


@given(managers=st.none() | managers, person=names, administers=st.booleans())
def test_nobody_ever_decides_their_own_week(
    managers: Manager | None, person: str, administers: bool
) -> None:
    assert model.authority_of(person, managers, Caller(person, administers), TODAY) is None


@given(manager=st.none() | managers, person=names)
def test_somebody_who_is_nobodys_manager_or_delegate_never_decides(
    manager: Manager | None, person: str
) -> None:
    assert model.authority_of(person, manager, Caller("nora"), TODAY) is None


@given(manager=st.none() | managers, person=names)
def test_an_administrator_can_always_decide_so_that_no_week_is_stuck(
    manager: Manager | None, person: str
) -> None:
    assert model.authority_of(person, manager, Caller("ada", administers=True), TODAY) is not None


@pytest.mark.parametrize(
    ("since", "until", "holds"),
    [(23, 23, True), (24, 24, True), (25, 30, False), (20, 22, False), (20, 30, True)],
)
def test_a_delegation_holds_on_its_days_anywhere_on_earth(
    since: int, until: int, holds: bool
) -> None:
    delegation = Delegation("marco", date(2026, 11, since), date(2026, 11, until))
    manager = replace(MAYA, delegation=delegation)
    assert (model.authority_of("erin", manager, Caller("marco"), TODAY) is not None) is holds


def test_a_delegate_who_is_inactive_stands_in_for_nobody() -> None:
    manager = replace(MAYA, delegation=replace(AWAY, active=False))
    assert model.authority_of("erin", manager, Caller("marco"), TODAY) is None


def test_it_is_two_days_on_earth_but_for_one_hour() -> None:
    assert Today(date(2026, 11, 23), date(2026, 11, 24)) == TODAY
    tokyo = NOON.astimezone(timezone(timedelta(hours=9)))
    assert Today.at(tokyo) == TODAY
    eleven = Today.at(NOON.replace(hour=11))
    assert (eleven.first, eleven.last) == (date(2026, 11, 22), date(2026, 11, 24))


def test_the_last_week_is_the_newest_that_is_over_in_every_time_zone() -> None:
    assert str(TODAY.last_week) == "2026-W47"
    assert str(Today.at(NOON.replace(hour=11)).last_week) == "2026-W46"


# A submission without any flag.
CLEAN = SubmittedFacts(
    by_day={MONDAY: 480},
    projects=frozenset({"A"}),
    sources=frozenset({"app"}),
    target_minutes=480,
    submitted_at=NOON,
    approved_projects=frozenset({"A"}),
)


def facts(**changes: Any) -> SubmittedFacts:
    """A submission that is on target."""
    changed = replace(CLEAN, **changes)
    target = changes.get("target_minutes", sum(changed.by_day.values()))
    return replace(changed, target_minutes=target)


B = frozenset({"B"})
NOTHING: frozenset[str] = frozenset()


@pytest.mark.parametrize(
    ("submission", "expected"),
    [
        (facts(), ()),
        (facts(by_day={}, projects=NOTHING, sources=NOTHING), ()),
        (facts(by_day={MONDAY: 600, TUESDAY: 600}), ()),
        (facts(by_day={MONDAY: 601}), (Flag.OVER_10_HOURS,)),
        (facts(by_day={SATURDAY: 1}), (Flag.WEEKEND,)),
        (facts(by_day={date(2026, 11, 22): 1}), (Flag.WEEKEND,)),
        (facts(projects=frozenset({"A", "B"})), (Flag.NEW_PROJECT,)),
        (facts(approved_projects=NOTHING), (Flag.NEW_PROJECT,)),
        (facts(sources=frozenset({"app", "batch:nightly"})), (Flag.UPLOADED,)),
        (facts(resubmitted=True), (Flag.RESUBMITTED,)),
        (facts(holidays={MONDAY}), (Flag.HOLIDAY,)),
        (facts(holidays={TUESDAY}), ()),
        (facts(target_minutes=600), (Flag.OFF_TARGET,)),
        (facts(target_minutes=None), ()),
        (facts(by_day={MONDAY: 1}, target_minutes=0), (Flag.OFF_TARGET,)),
        (facts(by_somebody_else=True), (Flag.SUBMITTED_FOR,)),
        (facts(billable_differs=True), (Flag.BILLABLE_DIFFERS,)),
        (facts(by_day={date(2026, 11, 24): 60}), ()),
        (facts(by_day={date(2026, 11, 25): 60}), (Flag.NOT_YET_WORKED,)),
        (
            facts(resubmitted=True, projects=B, by_day={SATURDAY: 700}),
            (Flag.OVER_10_HOURS, Flag.WEEKEND, Flag.NEW_PROJECT, Flag.RESUBMITTED),
        ),
    ],
)
def test_flags_name_what_an_approver_should_look_at(
    submission: SubmittedFacts, expected: tuple[Flag, ...]
) -> None:
    assert model.flags_of(submission) == expected


@pytest.mark.parametrize(
    ("total", "target", "off"),
    [
        (2400, 2400, False),
        (2640, 2400, False),
        (2160, 2400, False),
        (2641, 2400, True),
        (2159, 2400, True),
        (0, 0, False),
        (1, 0, True),
        (0, 2400, True),
    ],
)
def test_a_week_is_off_target_by_more_than_a_tenth(total: int, target: int, off: bool) -> None:
    assert model.is_off_target(total, target) is off


def test_a_week_with_a_closed_day_is_approved_and_not_rejected() -> None:
    for day in (MONDAY, MONDAY + timedelta(30)):
        assert model.check_decidable(APPROVAL, APPROVE, BY_MAYA, "maya", day) is BY_MAYA
        with pytest.raises(PeriodClosed, match="Move the period back first"):
            model.check_decidable(APPROVAL, REJECT, BY_MAYA, "maya", day)
    before = MONDAY - timedelta(1)
    assert model.check_decidable(APPROVAL, REJECT, BY_MAYA, "maya", before) is BY_MAYA


def test_only_a_pending_week_is_decided() -> None:
    assert check(APPROVAL, BY_MAYA, "maya") is BY_MAYA
    for other in (decided(), decided(REJECT), model.withdraw(APPROVAL)):
        with pytest.raises(WrongState) as refusal:
            check(other, BY_MAYA, "maya")
        assert refusal.value.state is other.state


def test_ones_own_week_is_refused_and_somebody_elses_is_not_there() -> None:
    with pytest.raises(SelfApproval):
        check(APPROVAL, None, "erin")
    with pytest.raises(NotVisible):
        check(APPROVAL, None, "carl")


def test_a_former_approver_sees_the_decision_but_cannot_decide_again() -> None:
    model.check_visible(decided(), None, "maya")
    with pytest.raises(WrongState):
        check(decided(), None, "maya")
    with pytest.raises(NotVisible):
        model.check_visible(decided(), None, "carl")


def test_a_decision_is_repeated_by_the_same_person_in_the_same_words() -> None:
    rejected = decided(REJECT)
    assert model.is_repeated(rejected, REJECT, "maya")
    assert not model.is_repeated(rejected, REJECT, "ada")
    assert not model.is_repeated(rejected, replace(REJECT, reason="other"), "maya")
    assert not model.is_repeated(rejected, APPROVE, "maya")
    assert not model.is_repeated(APPROVAL, APPROVE, "maya")
    assert not model.is_repeated(model.void(rejected), REJECT, "maya")


def test_a_decision_says_who_when_why_and_in_whose_place() -> None:
    authority = Authority(DecisionRole.DELEGATE, "maya")
    approved = model.decide(APPROVAL, APPROVE, "marco", authority, NOON)
    assert (approved.state, approved.decided_by, approved.decided_at) == (
        State.APPROVED,
        "marco",
        NOON,
    )
    assert (approved.why, approved.acting_for) == (DecisionRole.DELEGATE, "maya")
    assert not approved.confirmed


# The table of the model's docstring, column by column.
EVENTS: dict[str, Callable[[Approval], Approval]] = {
    "withdrawn": model.withdraw,
    "approved": lambda approval: model.confirm(approval, State.APPROVED, "maya", NOON, None),
    "rejected": lambda approval: model.confirm(approval, State.REJECTED, "maya", NOON, "no"),
    "void": model.void,
    "reopened": model.reopen,
}


@pytest.mark.parametrize(
    ("before", "states"),
    [
        (APPROVAL, ("withdrawn", "approved", "rejected", "withdrawn", "pending")),
        (decided(), ("approved", "approved", "rejected", "withdrawn", "approved")),
        (decided(REJECT), ("rejected", "approved", "rejected", "withdrawn", "rejected")),
        (confirmed(), ("approved", "approved", "approved", "approved", "approved")),
        (confirmed(State.REJECTED), ("rejected",) * 5),
        (model.withdraw(APPROVAL), ("withdrawn",) * 5),
        (model.void(decided()), ("withdrawn",) * 5),
    ],
    ids=["pending", "approved", "rejected", "confirmed", "confirmed no", "withdrawn", "void"],
)
def test_events_of_entries_lead_to_the_states_of_the_table(
    before: Approval, states: tuple[str, ...]
) -> None:
    for (name, tell), state in zip(EVENTS.items(), states, strict=True):
        after = tell(before)
        assert after.state == state, name
        assert tell(after) == after, f"{name} told twice"


def test_what_entries_applied_is_confirmed_and_stands() -> None:
    once = model.confirm(decided(), State.APPROVED, "maya", NOON, None)
    assert once == decided()._replace(confirmed=True)
    assert model.void(once) == once
    assert model.withdraw(once) == once


def test_a_decision_that_only_entries_knows_is_taken_as_it_is_there() -> None:
    later = NOON + timedelta(hours=1)
    taken = model.confirm(decided(), State.REJECTED, "ada", later, "no")
    assert (taken.state, taken.decided_by, taken.decided_at, taken.reason) == (
        State.REJECTED,
        "ada",
        later,
        "no",
    )
    assert (taken.why, taken.acting_for, taken.confirmed) == (None, None, True)


def test_a_reopened_approval_stays_approved() -> None:
    reopened = model.reopen(decided())
    assert (reopened.state, reopened.reopened, reopened.confirmed) == (State.APPROVED, True, True)


def test_a_week_is_written_as_its_iso_year_and_number() -> None:
    assert str(Week.of(date(2027, 1, 3))) == "2026-W53"
    assert Week.parse("2026-W47").days == tuple(date(2026, 11, day) for day in range(16, 23))
    for text in ("2025-W53", "2026-W54", "2026-48", "W48", "9999-W52"):
        with pytest.raises(ValueError, match="week"):
            Week.parse(text)
