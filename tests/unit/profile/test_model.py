"""The rules of people, without a database."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from libs.rules.errors import NotVisible
from libs.rules.violations import RuleBroken
from services.profile import model
from services.profile.model import (
    Claims,
    Contract,
    Delegation,
    Kind,
    Person,
    PersonContext,
)

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
TODAY = date(2026, 11, 23)
SUB = "auth0|erin"
TOKEN = Claims("Erin Employee", "erin@exampleco.com", 1000)
ERIN = Person(SUB, "Erin Employee", "erin@exampleco.com", manager="auth0|maya")
FREE = PersonContext(
    managers={"auth0|maya": None},
    names={"auth0|maya": "Maya"},
    email_owner=None,
    id_owners={},
)
MAYA = Person("auth0|maya", "Maya Manager")
MONTH = Delegation("auth0|maya", TODAY, date(2026, 12, 22))


def later(claims: Claims = TOKEN, **fields: Any) -> Claims:
    return replace(claims, issued_at=claims.issued_at + 60, **fields)


def broken(
    person: Person, context: PersonContext, before: Person | None = None
) -> set[tuple[str, str]]:
    try:
        model.check_person(person, before, context, NOON)
    except RuleBroken as refusal:
        return {(violation.field, violation.code) for violation in refusal.violations}
    return set()


def refused(delegation: Delegation, delegate: Person | None = MAYA) -> set[tuple[str, str]]:
    try:
        model.check_delegation(SUB, delegation, delegate, NOON)
    except RuleBroken as refusal:
        return {(violation.field, violation.code) for violation in refusal.violations}
    return set()


def test_a_new_person_has_the_claims_of_the_token() -> None:
    erin = model.new_person(SUB, TOKEN)
    assert (erin.name, erin.email, erin.version) == ("Erin Employee", "erin@exampleco.com", 0)
    assert (erin.kind, erin.active, erin.target_minutes) == (Kind.EMPLOYEE, True, None)
    assert model.new_person(SUB, TOKEN, email_taken=True).email is None
    assert model.new_person(SUB, Claims(None, "e@x")).name == "e@x"
    assert model.new_person(SUB, Claims()).name == SUB


def test_the_same_claims_change_nothing() -> None:
    erin = model.new_person(SUB, TOKEN)
    assert model.follow_token(erin, TOKEN) is erin
    for claims in (later(), later(name=None, email=None)):
        followed = model.follow_token(erin, claims)
        assert replace(followed, claims=TOKEN) == erin
        assert followed.claims == later()


def test_a_profile_follows_a_later_token() -> None:
    erin = model.new_person(SUB, TOKEN)
    followed = model.follow_token(erin, later(name="Erin Married", email="m@exampleco.com"))
    assert (followed.name, followed.email) == ("Erin Married", "m@exampleco.com")
    assert followed.claims == Claims("Erin Married", "m@exampleco.com", 1060)


def test_what_one_token_leaves_out_the_next_one_is_compared_with_all_the_same() -> None:
    erin = model.new_person(SUB, TOKEN)
    moved = model.follow_token(erin, later(name=None, email="m@exampleco.com"))
    assert (moved.name, moved.claims.name) == ("Erin Employee", "Erin Employee")
    married = model.follow_token(moved, later(moved.claims, name="Erin Married"))
    assert married.name == "Erin Married"


def test_an_older_token_changes_nothing() -> None:
    erin = model.follow_token(model.new_person(SUB, TOKEN), later(name="Erin Married"))
    assert model.follow_token(erin, TOKEN) is erin
    assert model.follow_token(erin, replace(later(), name="Another")) is erin


def test_what_was_written_by_hand_stays() -> None:
    erin = replace(model.new_person(SUB, TOKEN), name="Erin E.", email="hand@exampleco.com")
    followed = model.follow_token(erin, later(name="Erin Married", email="m@exampleco.com"))
    assert (followed.name, followed.email) == ("Erin E.", "hand@exampleco.com")
    again = replace(followed, name="Erin Married")
    assert model.follow_token(again, later(followed.claims, name="Third")).name == "Third"


def test_an_email_is_by_the_token_whatever_its_case_and_filled_where_there_is_none() -> None:
    erin = replace(model.new_person(SUB, TOKEN), email="ERIN@exampleco.com")
    assert model.follow_token(erin, later(email="m@exampleco.com")).email == "m@exampleco.com"
    nobody = Person(SUB, "Erin")
    assert model.follow_token(nobody, TOKEN).email == "erin@exampleco.com"
    assert model.follow_token(nobody, TOKEN).name == "Erin"


def test_an_email_that_is_taken_is_not_followed_but_remembered() -> None:
    erin = model.new_person(SUB, TOKEN)
    followed = model.follow_token(erin, later(email="m@exampleco.com"), email_taken=True)
    assert followed.email == "erin@exampleco.com"
    assert followed.claims.email == "m@exampleco.com"


def test_a_manager_has_to_be_in_the_directory_unless_they_were_set_before() -> None:
    stranger = replace(ERIN, manager="auth0|gone")
    assert broken(stranger, FREE) == {("manager", "unknown_person")}
    assert broken(stranger, FREE, before=ERIN) == {("manager", "unknown_person")}
    assert broken(stranger, FREE, before=replace(stranger, name="E.")) == set()


def test_reserved_subs_cannot_be_created() -> None:
    assert broken(Person("feed", "Feed"), FREE) == {("sub", "reserved")}
    assert broken(Person("feed", "Feed"), FREE, before=Person("feed", "F")) == set()
    assert broken(Person("auth0|feed", "Feed"), FREE) == set()


def test_a_person_leaves_no_earlier_than_they_join() -> None:
    joined = replace(ERIN, since=TODAY, until=TODAY)
    assert broken(joined, FREE) == set()
    assert broken(replace(joined, until=TODAY - timedelta(1)), FREE) == {("until", "order")}
    assert broken(replace(ERIN, until=TODAY), FREE) == set()


def test_tokens_are_not_revoked_in_the_future() -> None:
    assert broken(replace(ERIN, revoked_before=NOON), FREE) == set()
    future = replace(ERIN, revoked_before=NOON + timedelta(minutes=2))
    assert broken(future, FREE) == {("revoked_before", "future")}
    assert broken(replace(future, name="E."), FREE, before=future) == set()


FULL = Contract(date(2026, 1, 1), (480, 480, 480, 480, 480, 0, 0), "DE-BY")
HALF = Contract(date(2026, 12, 1), (240, 240, 240, 240, 240, 0, 0))


def test_a_contract_holds_until_the_next_one() -> None:
    erin = replace(ERIN, contracts=(FULL, HALF), target_minutes=60)
    assert erin.contract_on(date(2025, 12, 31)) is None
    assert erin.contract_on(date(2026, 1, 1)) == FULL
    assert erin.contract_on(date(2026, 11, 30)) == FULL
    assert erin.contract_on(date(2026, 12, 1)) == HALF
    assert [erin.target_on(day) for day in (date(2025, 1, 1), TODAY, date(2027, 1, 1))] == [
        60,
        2400,
        1200,
    ]


def test_no_target_is_neither_zero_nor_forty_hours() -> None:
    assert ERIN.target_on(TODAY) is None
    assert replace(ERIN, target_minutes=0).target_on(TODAY) == 0


def test_contracts_are_kept_by_their_first_day() -> None:
    contracts = model.with_contract((HALF,), FULL)
    assert contracts == (FULL, HALF)
    assert model.with_contract(contracts, replace(FULL, calendar=None)) == (
        replace(FULL, calendar=None),
        HALF,
    )
    assert model.without_contract(contracts, HALF.valid_from) == (FULL,)
    with pytest.raises(NotVisible):
        model.without_contract(contracts, TODAY)


def test_a_contract_takes_the_target_out_of_the_persons_hands() -> None:
    model.check_target(ERIN, 1200, TODAY)
    employed = replace(ERIN, contracts=(FULL,))
    model.check_target(employed, 2400, TODAY)
    with pytest.raises(RuleBroken, match="Your contract sets the target"):
        model.check_target(employed, 1200, TODAY)
    with pytest.raises(RuleBroken):
        model.check_target(replace(ERIN, contracts=(HALF,)), 1200, TODAY)


@pytest.mark.parametrize(
    ("person", "manager", "managers", "cycle"),
    [
        ("a", None, {}, ()),
        ("a", "b", {}, ()),
        ("a", "b", {"b": None}, ()),
        ("a", "b", {"b": "c", "c": "d"}, ()),
        ("a", "a", {}, ("a",)),
        ("a", "b", {"b": "a"}, ("a", "b")),
        ("a", "b", {"b": "c", "c": "d", "d": "a"}, ("a", "b", "c", "d")),
        # A person below another cycle is not part of it, and the search still ends.
        ("a", "b", {"b": "c", "c": "b"}, ()),
        ("a", "b", {"b": "b"}, ()),
    ],
)
def test_a_cycle_is_found_at_any_length(
    person: str, manager: str | None, managers: dict[str, str | None], cycle: tuple[str, ...]
) -> None:
    assert model.find_cycle(person, manager, managers) == cycle


def test_a_chain_of_any_length_is_followed_to_its_end() -> None:
    managers: dict[str, str | None] = {str(number): str(number + 1) for number in range(50_000)}
    assert model.find_cycle("x", "0", managers) == ()
    assert len(model.find_cycle("x", "0", {**managers, "50000": "x"})) == 50_002


def test_a_cycle_is_named_and_a_person_is_not_their_own_manager() -> None:
    context = replace(
        FREE,
        managers={"auth0|maya": "auth0|ada", "auth0|ada": SUB},
        names={"auth0|maya": "Maya", "auth0|ada": "Ada", SUB: "Erin"},
    )
    with pytest.raises(RuleBroken) as refusal:
        model.check_person(ERIN, None, context, NOON)
    assert str(refusal.value) == (
        "This creates a cycle: Erin Employee reports to Maya, who reports to Ada, "
        "who reports to Erin Employee."
    )
    assert broken(replace(ERIN, manager=SUB), FREE) == {("manager", "own_manager")}
    assert broken(replace(ERIN, manager=None), context) == set()


def test_an_email_is_taken_only_among_the_active() -> None:
    taken = replace(FREE, email_owner="Emil")
    assert broken(ERIN, taken) == {("email", "taken")}
    assert broken(replace(ERIN, active=False), taken) == set()


def test_each_taken_external_id_is_reported() -> None:
    person = replace(ERIN, external_ids={"harvest": "1", "toggl": "2"})
    taken = replace(FREE, id_owners={"harvest": "Emil", "toggl": "Ella"})
    assert broken(replace(person, active=False), taken) == set()
    assert broken(person, taken) == {
        ("external_ids/harvest", "taken"),
        ("external_ids/toggl", "taken"),
    }


def test_a_delegation_of_any_days_but_those_that_are_over() -> None:
    assert refused(MONTH) == set()
    assert refused(replace(MONTH, since=TODAY, until=TODAY)) == set()
    assert refused(replace(MONTH, since=date(2026, 1, 1), until=TODAY)) == set()
    assert refused(replace(MONTH, since=TODAY, until=TODAY - timedelta(1))) == {("to", "order")}
    before = replace(MONTH, since=date(2026, 11, 1), until=date(2026, 11, 22))
    assert refused(before) == {("to", "past")}


def test_a_delegation_lasts_a_leap_year_and_not_a_day_more() -> None:
    year = replace(MONTH, until=TODAY + timedelta(365))
    assert (year.days, refused(year)) == (366, set())
    assert refused(replace(year, until=TODAY + timedelta(366))) == {("to", "too_long")}


def test_a_day_is_over_when_it_is_over_everywhere() -> None:
    today = replace(MONTH, until=TODAY)
    midnight_in_the_last_zone = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
    assert not today.has_ended(midnight_in_the_last_zone - timedelta(seconds=1))
    assert today.has_ended(midnight_in_the_last_zone)
    erin = replace(MAYA, delegate=today)
    assert erin.delegate_at(NOON) == today
    assert erin.delegate_at(midnight_in_the_last_zone) is None


def test_a_delegate_is_another_active_person() -> None:
    assert refused(replace(MONTH, person=SUB)) == {("person", "oneself")}
    assert refused(MONTH, None) == {("person", "unknown_person")}
    assert refused(MONTH, replace(MAYA, active=False)) == {("person", "inactive_person")}
    employee = replace(MAYA, claims=Claims(scopes=("read:timesheets",)))
    assert refused(MONTH, employee) == {("person", "cannot_approve")}
    assert refused(MONTH, replace(MAYA, claims=Claims(scopes=("approve:timesheets",)))) == set()
    both = replace(MONTH, until=date(2026, 11, 1))
    assert refused(both, None) == {("person", "unknown_person"), ("to", "order")}
