"""The rules of entries and weeks, without a database."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from libs.rules.calendar import Week
from libs.rules.violations import RuleBroken
from services.entries import model
from services.entries.model import (
    Draft,
    Entry,
    Locked,
    LockReason,
    State,
    Surroundings,
    Timesheet,
    WrongState,
)

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
MONDAY = date(2026, 11, 23)
DRAFT = Draft(date=MONDAY, project="APOLLO", minutes=60)
FREE = Surroundings(state=State.OPEN, closed_through=None, day_minutes=0, project_active=True)
ENTRY = Entry(
    id=uuid.uuid4(),
    person="auth0|erin",
    date=MONDAY,
    project="APOLLO",
    task=None,
    minutes=60,
    note="",
    billable=True,
    source="app",
    external_id=None,
    version=1,
    created_at=NOON,
    updated_at=NOON,
)
SHEET = Timesheet("auth0|erin", Week(MONDAY))
SUBMISSION = uuid.uuid4()


def broken(draft: Draft, around: Surroundings, replaced: Entry | None = None) -> set[str]:
    try:
        model.check_draft(draft, around, NOON, replaced)
    except RuleBroken as refusal:
        return {violation.code for violation in refusal.violations}
    return set()


def test_a_week_is_written_as_its_iso_year_and_number() -> None:
    assert str(Week.of(date(2026, 11, 29))) == "2026-W48"
    assert Week.parse("2026-W48").days == tuple(date(2026, 11, day) for day in range(23, 30))


@pytest.mark.parametrize(
    ("day", "week"),
    [
        (date(2026, 12, 31), "2026-W53"),
        (date(2027, 1, 3), "2026-W53"),
        (date(2027, 1, 4), "2027-W01"),
        (date(2024, 12, 30), "2025-W01"),
        (date(2021, 1, 1), "2020-W53"),
    ],
)
def test_weeks_at_the_end_of_a_year_belong_to_the_year_of_their_thursday(
    day: date, week: str
) -> None:
    assert str(Week.of(day)) == week
    assert day in Week.parse(week).days


@pytest.mark.parametrize(
    "text", ["2025-W53", "2026-W00", "2026-W54", "2026-48", "W48", "2026-W4", "26-W48", "9999-W52"]
)
def test_what_is_no_week_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="week"):
        Week.parse(text)


def test_a_day_takes_its_last_minute_and_not_one_more() -> None:
    assert broken(replace(DRAFT, minutes=40), replace(FREE, day_minutes=1400)) == set()
    assert broken(replace(DRAFT, minutes=41), replace(FREE, day_minutes=1400)) == {"day_full"}


def test_an_entry_that_is_replaced_does_not_count_against_itself() -> None:
    full = replace(FREE, day_minutes=1440)
    assert broken(DRAFT, full, replaced=ENTRY) == set()
    assert broken(replace(DRAFT, minutes=61), full, replaced=ENTRY) == {"day_full"}


def test_an_entry_that_comes_from_another_day_counts_in_full() -> None:
    tuesday = ENTRY._replace(date=date(2026, 11, 24))
    assert broken(DRAFT, replace(FREE, day_minutes=1440), replaced=tuesday) == {"day_full"}


def test_31_days_ahead_are_allowed_wherever_the_day_begins_first() -> None:
    assert broken(replace(DRAFT, date=date(2026, 12, 25)), FREE) == set()
    assert broken(replace(DRAFT, date=date(2026, 12, 26)), FREE) == {"too_far_ahead"}


def test_the_closed_period_takes_no_entry() -> None:
    closed = replace(FREE, closed_through=MONDAY)
    assert broken(DRAFT, closed) == {"closed"}
    assert broken(replace(DRAFT, date=date(2026, 11, 24)), closed) == set()


def test_a_project_must_exist_and_be_active() -> None:
    assert broken(DRAFT, replace(FREE, project_active=None)) == {"unknown_project"}
    assert broken(DRAFT, replace(FREE, project_active=False)) == {"inactive_project"}


def test_an_entry_of_a_project_that_ended_can_still_be_mended() -> None:
    ended = replace(FREE, project_active=False, day_minutes=60)
    assert broken(replace(DRAFT, minutes=30), ended, replaced=ENTRY) == set()


def test_all_that_is_wrong_is_told_at_once() -> None:
    around = Surroundings(State.OPEN, MONDAY, 1440, None)
    assert broken(DRAFT, around) == {"closed", "unknown_project", "day_full"}


@pytest.mark.parametrize("state", [State.SUBMITTED, State.APPROVED])
def test_a_week_that_is_not_open_takes_no_entry(state: State) -> None:
    with pytest.raises(Locked) as refusal:
        model.check_draft(DRAFT, replace(FREE, state=state), NOON)
    assert refusal.value.lock.reason == state.value


def test_a_lock_names_its_nearest_reason_and_what_would_unlock_it() -> None:
    assert model.lock_of(MONDAY, State.OPEN, None) is None
    for state, closed, reason in [
        (State.SUBMITTED, None, LockReason.SUBMITTED),
        (State.APPROVED, MONDAY, LockReason.APPROVED),
        (State.OPEN, MONDAY, LockReason.CLOSED),
    ]:
        lock = model.lock_of(MONDAY, state, closed)
        assert lock is not None
        assert lock.reason is reason
        assert lock.unlock.endswith(".")


def test_a_week_goes_from_open_to_submitted_and_back() -> None:
    submitted = model.submit(SHEET, SUBMISSION, NOON)
    assert (submitted.state, submitted.submission_id) == (State.SUBMITTED, SUBMISSION)
    withdrawn = model.withdraw(submitted)
    assert (withdrawn.state, withdrawn.submission_id) == (State.OPEN, None)


def test_submitting_anew_forgets_the_reason_of_the_rejection() -> None:
    assert model.submit(SHEET._replace(reason="wrong project"), SUBMISSION, NOON).reason is None


def test_a_week_that_has_begun_somewhere_can_be_submitted_and_the_next_one_cannot() -> None:
    next_week = SHEET._replace(week=SHEET.week.plus(1))
    with pytest.raises(WrongState, match="begun"):
        model.submit(next_week, SUBMISSION, NOON)
    sunday_in_kiribati = datetime(2026, 11, 29, 10, 0, tzinfo=UTC)
    assert model.submit(next_week, SUBMISSION, sunday_in_kiribati).state is State.SUBMITTED


@pytest.mark.parametrize("state", [State.SUBMITTED, State.APPROVED])
def test_only_an_open_week_is_submitted(state: State) -> None:
    with pytest.raises(WrongState):
        model.submit(SHEET._replace(state=state), SUBMISSION, NOON)


@pytest.mark.parametrize("state", [State.OPEN, State.APPROVED])
def test_only_a_submitted_week_is_withdrawn(state: State) -> None:
    with pytest.raises(WrongState):
        model.withdraw(SHEET._replace(state=state))


@pytest.mark.parametrize("state", [State.OPEN, State.SUBMITTED])
def test_only_an_approved_week_is_reopened_and_keeps_the_reason(state: State) -> None:
    approved = SHEET._replace(state=State.APPROVED, submission_id=SUBMISSION)
    assert model.reopen(approved, "wrong rate").reason == "wrong rate"
    with pytest.raises(WrongState):
        model.reopen(SHEET._replace(state=state), "wrong rate")


def test_a_copy_has_the_same_id_whenever_it_is_made() -> None:
    week = Week.parse("2026-W49")
    assert model.copied_id(ENTRY.id, week) == model.copied_id(ENTRY.id, week)
    assert model.copied_id(ENTRY.id, week) != model.copied_id(ENTRY.id, week.plus(1))
    assert model.copied_draft(ENTRY, Week(MONDAY), week).date == date(2026, 11, 30)


def test_opening_a_closed_day_again_takes_a_reason() -> None:
    model.check_closing(MONDAY, None, None)
    model.check_closing(date(2026, 11, 24), MONDAY, None)
    model.check_closing(None, MONDAY, "late invoice")
    for earlier in (None, date(2026, 11, 22)):
        with pytest.raises(RuleBroken):
            model.check_closing(earlier, MONDAY, None)


def test_the_same_draft_says_what_the_entry_says() -> None:
    assert ENTRY.says(DRAFT)
    assert ENTRY.says(replace(DRAFT, billable=True))
    assert not ENTRY.says(replace(DRAFT, billable=False))
    assert not ENTRY.says(replace(DRAFT, note="x"))
