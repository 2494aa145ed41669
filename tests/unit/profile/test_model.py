"""The rules of people, without a database."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from libs.rules.limits import DEFAULT_TARGET_MINUTES
from libs.rules.violations import RuleBroken
from services.profile import model
from services.profile.model import (
    Claims,
    Delegation,
    Draft,
    Kind,
    Person,
    Surroundings,
)

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
TODAY = date(2026, 11, 23)
SUB = "auth0|erin"
TOKEN = Claims("Erin Employee", "erin@exampleco.com", 1000)
DRAFT = Draft("Erin Employee", "erin@exampleco.com", manager="auth0|maya")
FREE = Surroundings(managers={}, names={}, email_owner=None, id_owners={})
MAYA = Person("auth0|maya", "Maya Manager")
MONTH = Delegation("auth0|maya", TODAY, date(2026, 12, 22))


def later(claims: Claims = TOKEN, **said: Any) -> Claims:
    return replace(claims, expires_at=claims.expires_at + 60, **said)


def broken(draft: Draft, around: Surroundings) -> set[tuple[str, str]]:
    try:
        model.check_draft(SUB, draft, around)
    except RuleBroken as refusal:
        return {(violation.field, violation.code) for violation in refusal.violations}
    return set()


def refused(delegation: Delegation, delegate: Person | None = MAYA) -> set[tuple[str, str]]:
    try:
        model.check_delegation(SUB, delegation, delegate, NOON)
    except RuleBroken as refusal:
        return {(violation.field, violation.code) for violation in refusal.violations}
    return set()


def test_a_newcomer_has_what_the_token_says() -> None:
    erin = model.newcomer(SUB, TOKEN)
    assert (erin.name, erin.email, erin.version) == ("Erin Employee", "erin@exampleco.com", 0)
    assert (erin.kind, erin.active, erin.target_minutes) == (Kind.EMPLOYEE, True, 2400)
    assert model.newcomer(SUB, TOKEN, email_taken=True).email is None
    assert model.newcomer(SUB, Claims(None, "e@x")).name == "e@x"
    assert model.newcomer(SUB, Claims()).name == SUB


def test_the_same_claims_change_nothing() -> None:
    erin = model.newcomer(SUB, TOKEN)
    assert model.follow(erin, TOKEN) is erin
    assert model.follow(erin, later()) is erin
    assert model.follow(erin, later(name=None, email=None)) is erin


def test_a_profile_follows_a_later_token() -> None:
    erin = model.newcomer(SUB, TOKEN)
    followed = model.follow(erin, later(name="Erin Married", email="m@exampleco.com"))
    assert (followed.name, followed.email) == ("Erin Married", "m@exampleco.com")
    assert followed.claims == Claims("Erin Married", "m@exampleco.com", 1060)


def test_what_one_token_leaves_out_the_next_one_is_compared_with_all_the_same() -> None:
    erin = model.newcomer(SUB, TOKEN)
    moved = model.follow(erin, later(name=None, email="m@exampleco.com"))
    assert (moved.name, moved.claims.name) == ("Erin Employee", "Erin Employee")
    married = model.follow(moved, later(moved.claims, name="Erin Married"))
    assert married.name == "Erin Married"


def test_an_older_token_tells_nothing_new() -> None:
    erin = model.follow(model.newcomer(SUB, TOKEN), later(name="Erin Married"))
    assert model.follow(erin, TOKEN) is erin
    assert model.follow(erin, replace(later(), name="Another")) is erin


def test_what_was_written_by_hand_stays() -> None:
    erin = replace(model.newcomer(SUB, TOKEN), name="Erin E.", email="hand@exampleco.com")
    followed = model.follow(erin, later(name="Erin Married", email="m@exampleco.com"))
    assert (followed.name, followed.email) == ("Erin E.", "hand@exampleco.com")
    again = replace(followed, name="Erin Married")
    assert model.follow(again, later(followed.claims, name="Third")).name == "Third"


def test_an_email_is_by_the_token_whatever_its_case_and_filled_where_there_is_none() -> None:
    erin = replace(model.newcomer(SUB, TOKEN), email="ERIN@exampleco.com")
    assert model.follow(erin, later(email="m@exampleco.com")).email == "m@exampleco.com"
    nobody = Person(SUB, "Erin")
    assert model.follow(nobody, TOKEN).email == "erin@exampleco.com"
    assert model.follow(nobody, TOKEN).name == "Erin"


def test_an_email_that_is_taken_is_not_followed_but_remembered() -> None:
    erin = model.newcomer(SUB, TOKEN)
    followed = model.follow(erin, later(email="m@exampleco.com"), email_taken=True)
    assert followed.email == "erin@exampleco.com"
    assert followed.claims.email == "m@exampleco.com"


def test_a_draft_replaces_all_but_what_the_person_decides() -> None:
    erin = Person(
        SUB,
        "E.",
        employer="ExampleCo",
        uploaders=("batch",),
        external_ids={"harvest": "1"},
        target_minutes=1920,
        locale="de",
        delegate=MONTH,
        claims=TOKEN,
        version=7,
    )
    drafted = model.drafted(SUB, DRAFT, erin)
    assert (drafted.name, drafted.manager, drafted.employer) == (DRAFT.name, DRAFT.manager, None)
    assert (drafted.uploaders, drafted.external_ids) == ((), {})
    assert (drafted.target_minutes, drafted.locale, drafted.version) == (1920, "de", 7)
    assert (drafted.delegate, drafted.claims) == (MONTH, TOKEN)
    assert model.drafted(SUB, DRAFT, drafted) == drafted
    assert model.drafted(SUB, replace(DRAFT, target_minutes=0), erin).target_minutes == 0
    assert model.drafted(SUB, DRAFT, None).target_minutes == DEFAULT_TARGET_MINUTES


@pytest.mark.parametrize(
    ("person", "manager", "managers", "circle"),
    [
        ("a", None, {}, ()),
        ("a", "b", {}, ()),
        ("a", "b", {"b": None}, ()),
        ("a", "b", {"b": "c", "c": "d"}, ()),
        ("a", "a", {}, ("a",)),
        ("a", "b", {"b": "a"}, ("a", "b")),
        ("a", "b", {"b": "c", "c": "d", "d": "a"}, ("a", "b", "c", "d")),
        # Whom another circle lies above is not part of it, and the way still ends.
        ("a", "b", {"b": "c", "c": "b"}, ()),
        ("a", "b", {"b": "b"}, ()),
    ],
)
def test_a_circle_is_found_wherever_it_closes(
    person: str, manager: str | None, managers: dict[str, str | None], circle: tuple[str, ...]
) -> None:
    assert model.find_circle(person, manager, managers) == circle


def test_a_chain_of_any_length_is_followed_to_its_end() -> None:
    managers: dict[str, str | None] = {str(number): str(number + 1) for number in range(50_000)}
    assert model.find_circle("x", "0", managers) == ()
    assert len(model.find_circle("x", "0", {**managers, "50000": "x"})) == 50_002


def test_a_circle_is_told_in_words_and_nobody_is_their_own_manager() -> None:
    around = replace(
        FREE,
        managers={"auth0|maya": "auth0|ada", "auth0|ada": SUB},
        names={"auth0|maya": "Maya", "auth0|ada": "Ada"},
    )
    with pytest.raises(RuleBroken) as refusal:
        model.check_draft(SUB, DRAFT, around)
    assert str(refusal.value) == (
        "This closes a circle: Erin Employee reports to Maya, who reports to Ada, "
        "who reports to Erin Employee."
    )
    assert broken(replace(DRAFT, manager=SUB), FREE) == {("manager", "own_manager")}
    assert broken(replace(DRAFT, manager=None), around) == set()


def test_an_email_is_taken_only_among_the_active() -> None:
    taken = replace(FREE, email_owner="Emil")
    assert broken(DRAFT, taken) == {("email", "taken")}
    assert broken(replace(DRAFT, active=False), taken) == set()


def test_each_external_id_that_is_taken_is_told() -> None:
    draft = replace(DRAFT, external_ids={"harvest": "1", "toggl": "2"})
    taken = replace(FREE, id_owners={"harvest": "Emil", "toggl": "Ella"})
    assert broken(draft, taken) == {
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


def test_only_somebody_else_who_is_there_stands_in() -> None:
    assert refused(replace(MONTH, person=SUB)) == {("person", "oneself")}
    assert refused(MONTH, None) == {("person", "unknown_person")}
    assert refused(MONTH, replace(MAYA, active=False)) == {("person", "inactive_person")}
    both = replace(MONTH, until=date(2026, 11, 1))
    assert refused(both, None) == {("person", "unknown_person"), ("to", "order")}


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Erin", "erin"),
        ("Žofia ÅNGSTRÖM", "zofia angstrom"),
        ("Straße", "strasse"),
        ("e\u0301", "e"),
        ("İstanbul", "istanbul"),
        ("漢字", "漢字"),
    ],
)
def test_case_and_accents_are_folded(text: str, folded: str) -> None:
    assert model.folded(text) == folded


def test_somebody_is_found_by_the_words_of_name_and_email() -> None:
    assert model.search_words("Erin O'Hara-Smith", "Erin.Smith@ExampleCo.com") == (
        "erin",
        "erin.smith@exampleco.com",
        "hara",
        "o",
        "smith",
    )
    assert model.search_words("---", None) == ()


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("", ()),
        ("  ", ()),
        ("'&|!", ()),
        ("Erin smith ERIN", ("erin", "smith")),
        ("o'hara", ("o", "hara")),
        ("Erin.Smith@Ex", ("erin.smith@ex",)),
        ("erin@", ("erin",)),
        ("@exampleco", ("exampleco",)),
    ],
)
def test_a_question_is_taken_apart_like_a_name(query: str, words: tuple[str, ...]) -> None:
    assert model.wanted_words(query) == words


def test_what_a_cursor_holds_of_a_name_has_an_end() -> None:
    assert len(model.sort_key("ß" * 200)) == model.SORTED_LENGTH
