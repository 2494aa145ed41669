"""The rules of entries and weeks, without a database."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from libs.rules.calendar import Week
from libs.rules.errors import WrongState
from libs.rules.violations import RuleBroken
from services.entries import model
from services.entries.model import (
    Draft,
    Entry,
    EntryContext,
    Locked,
    LockReason,
    ProjectRules,
    State,
    Timesheet,
)

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
MONDAY = date(2026, 11, 23)
DRAFT = Draft(date=MONDAY, project="APOLLO", minutes=60)
FREE = EntryContext(
    state=State.OPEN, closed_through=None, day_minutes=0, project=ProjectRules(active=True)
)
ENDED = ProjectRules(active=False)
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


def broken(draft: Draft, context: EntryContext, replaced: Entry | None = None) -> set[str]:
    try:
        model.check_draft(draft, context, NOON, replaced)
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
    assert broken(DRAFT, replace(FREE, project=None)) == {"unknown_project"}
    assert broken(DRAFT, replace(FREE, project=ENDED)) == {"inactive_project"}


def test_an_entry_of_a_project_that_ended_can_still_be_mended() -> None:
    ended = replace(FREE, project=ENDED, day_minutes=60)
    assert broken(replace(DRAFT, minutes=30), ended, replaced=ENTRY) == set()


def test_all_errors_are_reported_at_once() -> None:
    context = EntryContext(State.OPEN, MONDAY, 1440, None)
    assert broken(DRAFT, context) == {"closed", "unknown_project", "day_full"}


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


def test_resubmitting_clears_the_reason_of_the_rejection() -> None:
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
    sunday = date(2026, 11, 22)
    model.check_closing(sunday, None, None, NOON)
    model.check_closing(sunday, date(2026, 11, 21), None, NOON)
    model.check_closing(None, sunday, "late invoice", NOON)
    for earlier in (None, date(2026, 11, 21)):
        with pytest.raises(RuleBroken):
            model.check_closing(earlier, sunday, None, NOON)


def test_a_period_is_closed_through_yesterday_at_the_latest() -> None:
    with pytest.raises(RuleBroken, match="2026-11-22"):
        model.check_closing(MONDAY, None, "payroll", NOON)


def test_an_entry_matches_the_draft_that_would_change_nothing() -> None:
    assert ENTRY.matches(DRAFT)
    assert ENTRY.matches(replace(DRAFT, billable=True))
    assert not ENTRY.matches(replace(DRAFT, billable=False))
    assert not ENTRY.matches(replace(DRAFT, note="x"))
    assert ENTRY._replace(task="").matches(DRAFT)


def test_an_entry_of_an_ended_project_neither_grows_nor_moves() -> None:
    ended = replace(FREE, project=ENDED, day_minutes=60)
    tuesday = date(2026, 11, 24)
    assert broken(replace(DRAFT, note="x"), ended, replaced=ENTRY) == set()
    assert broken(replace(DRAFT, minutes=61), ended, replaced=ENTRY) == {"inactive_project"}
    assert broken(replace(DRAFT, date=tuesday), ended, replaced=ENTRY) == {"inactive_project"}


def test_a_project_can_require_a_note() -> None:
    strict = replace(FREE, project=ProjectRules(active=True, note_required=True))
    assert broken(DRAFT, strict) == {"note_required"}
    assert broken(replace(DRAFT, note="x"), strict) == set()


def test_billable_is_the_projects_default_unless_it_is_named() -> None:
    internal = replace(FREE, project=ProjectRules(active=True, billable=False))
    assert model.with_billable(DRAFT, internal).billable is False
    assert model.with_billable(replace(DRAFT, billable=True), internal).billable is True
    assert model.patched(ENTRY, {"minutes": 5}).billable is True
    assert model.patched(ENTRY, {"project": "ZEUS"}).billable is None
    assert model.patched(ENTRY, {"project": "APOLLO"}).billable is True
    assert model.patched(ENTRY, {"project": "ZEUS", "billable": True}).billable is True
    assert model.patched(ENTRY, {"billable": None}).billable is None


def test_a_week_with_a_closed_day_is_not_reopened() -> None:
    approved = SHEET._replace(state=State.APPROVED, submission_id=SUBMISSION)
    with pytest.raises(Locked, match="Move it back first") as refusal:
        model.reopen(approved, "wrong rate", MONDAY)
    assert refusal.value.lock.reason is LockReason.CLOSED
    assert model.reopen(approved, "wrong rate", date(2026, 11, 22)).state is State.OPEN


def test_a_week_that_is_approved_after_its_days_were_closed_is_late() -> None:
    submitted = model.submit(SHEET, SUBMISSION, NOON)
    for closed_through, late in [(None, False), (date(2026, 11, 22), False), (MONDAY, True)]:
        approved = model.decide(
            submitted, SUBMISSION, None, approved=True, closed_through=closed_through
        )
        assert approved is not None
        assert approved.late is late
