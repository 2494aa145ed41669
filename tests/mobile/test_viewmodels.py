"""The contents and actions of the screens, without a screen."""

from __future__ import annotations

import string
from datetime import date, timedelta

import pytest

from mobile.core.changes import ChangeKind, Failure
from mobile.core.rules import LOCKS, ApprovalState, Scope, State
from mobile.core.sending import PROFILE
from mobile.core.timesheet import RULES
from mobile.core.views import Sync
from mobile.core.weeks import Week
from mobile.core.wire import Timesheet
from mobile.text import LANGUAGES, Strings
from mobile.viewmodels.entry_form import CHIPS, EntryForm
from mobile.viewmodels.problems import ProblemsModel, Resolution
from mobile.viewmodels.timer import TimerModel, rounded_minutes
from tests.mobile.device import MONDAY, THIS, draft
from tests.mobile.offline_app import OfflineApp, approval


async def test_two_taps_and_save_make_an_entry(app: OfflineApp) -> None:
    form = app.form()
    form.choose_project(form.recent[0].code)
    form.choose_minutes(CHIPS[2])

    assert form.save()
    [row] = app.week.rows(MONDAY)
    assert (row.title, row.customer, row.entry.draft.minutes) == ("Apollo", "Big Company", 60)
    assert row.entry.sync is Sync.WAITING


async def test_errors_stand_under_the_field_they_concern(app: OfflineApp) -> None:
    form = app.form()
    form.type_duration("soon")
    assert not form.save()
    assert set(form.errors) == {"project", "minutes"}

    form.choose_project("APOLLO")
    form.type_duration("1:30")
    assert form.errors == {}
    form.choose_date(MONDAY + timedelta(days=99))
    assert not form.save()
    assert set(form.errors) == {"date"}


@pytest.mark.parametrize(
    ("typed", "step", "shown"),
    [
        *(("", 15, "0:15"), ("1:30", 15, "1:45"), ("1:32", 15, "1:45"), ("1:32", -15, "1:30")),
        *(("0:15", -15, "0:15"), ("24:00", 15, "24:00"), ("1.5", -15, "1:15")),
    ],
)
async def test_plus_and_minus_go_by_quarters(
    app: OfflineApp, typed: str, step: int, shown: str
) -> None:
    form = app.form()
    form.type_duration(typed)
    form.add_minutes(step)

    assert form.duration == shown


async def test_projects_are_found_by_name_code_and_customer(app: OfflineApp) -> None:
    form = app.form()
    for typed in ("apo", "big", "APOLLO", "company apollo", " Apollo "):
        assert form.find(typed)[0].code == "APOLLO", typed
    assert form.find("nothing like it") == []


async def test_a_locked_entry_opens_read_only_and_says_why(app: OfflineApp) -> None:
    entry = app.device.known()
    app.device.store.put_timesheets([Timesheet("2026-W48", State.APPROVED, 2)], with_entries=True)
    form = EntryForm.of_entry(app.workspace, app.clock, entry.id)

    assert form is not None
    assert form.read_only
    assert form.lock is not None
    assert not form.can_delete


async def test_a_deletion_is_undone_from_the_snackbar(app: OfflineApp) -> None:
    entry = app.device.known()
    model = app.week
    model.delete(entry.id)
    assert model.rows(MONDAY) == []

    undo = app.said[-1].undo
    assert undo is not None
    undo()
    assert [row.entry.id for row in model.rows(MONDAY)] == [entry.id]


async def test_a_copy_goes_to_the_chosen_day_and_is_confirmed(app: OfflineApp) -> None:
    entry = app.device.known()
    tuesday = MONDAY + timedelta(days=1)
    app.week.duplicate(entry.id, tuesday)

    [row] = app.week.rows(tuesday)
    assert (row.entry.draft.note, row.entry.id != entry.id) == ("before", True)
    assert app.said[-1].arguments == {"day": tuesday}


async def test_submitting_asks_about_what_is_missing(app: OfflineApp) -> None:
    app.device.known(minutes=480)
    app.device.store.set(RULES, {"target_minutes": 2400})
    model = app.week

    assert (model.met, model.view.doubts) == (False, (4, 1920))
    model.submit()
    assert (model.view.state, model.can_add, model.can_withdraw) == (State.SUBMITTED, False, True)
    model.withdraw()
    assert model.can_add


async def test_a_week_that_was_never_read_is_fetched(app: OfflineApp) -> None:
    model = app.week
    model.shift(-40)

    assert not model.view.known
    assert model.week in app.workspace.engine._requested_weeks


async def test_nobody_writes_without_the_scope(app: OfflineApp) -> None:
    app.allow(Scope.READ_TIMESHEETS)

    assert not app.week.can_add
    assert not app.week.can_submit
    assert app.form().read_only


async def test_the_timer_runs_on_across_a_restart(app: OfflineApp) -> None:
    timer = TimerModel(app.workspace, app.clock)
    timer.choose_project("ZEUS")
    timer.type_note("talking")
    timer.start()
    app.clock.move(minutes=47, seconds=20)

    again = TimerModel(app.workspace, app.clock)
    assert (again.running, again.seconds) == (True, 47 * 60 + 20)
    form = again.stop()
    assert (form.project, form.note, form.minutes, form.date) == ("ZEUS", "talking", 45, MONDAY)
    assert form.save()
    assert again.seconds == 0
    assert not TimerModel(app.workspace, app.clock).running


async def test_a_timer_belongs_to_the_day_it_was_started_on(app: OfflineApp) -> None:
    timer = TimerModel(app.workspace, app.clock)
    timer.start()
    app.clock.move(hours=13)

    assert timer.stop().date == MONDAY


@pytest.mark.parametrize(
    ("seconds", "minutes"), [(0, 5), (149, 5), (450, 10), (60 * 60, 60), (40 * 3600, 1440)]
)
def test_the_timer_rounds_as_it_says(seconds: float, minutes: int) -> None:
    assert rounded_minutes(seconds) == minutes


async def test_a_decision_can_be_undone_until_it_is_sent(app: OfflineApp) -> None:
    app.device.store.put_approval(approval(1), detailed=False)
    model = app.approvals()
    model.approve("approval-1")
    assert (model.pending, [item.waiting for item in model.decided]) == ([], [True])
    assert app.device.outbox.next(app.clock.now().timestamp()) is None

    undo = app.said[-1].undo
    assert undo is not None
    undo()
    assert len(model.pending) == 1
    assert app.device.outbox.all() == []

    model.approve("approval-1")
    app.clock.move(seconds=6)
    change = app.device.outbox.next(app.clock.now().timestamp())
    assert change is not None
    assert (change.kind, change.body) == (ChangeKind.DECIDE, {"decision": "approve"})


async def test_undoing_several_decisions_undoes_each(app: OfflineApp) -> None:
    for number in range(3):
        app.device.store.put_approval(approval(number), detailed=False)
    model = app.approvals()
    model.approve_clean()
    undo = app.said[-1].undo
    assert undo is not None
    undo()

    assert len(model.pending) == 3


async def test_the_clean_ones_are_approved_at_once_and_the_others_wait(app: OfflineApp) -> None:
    app.device.store.put_approval(approval(1), detailed=False)
    app.device.store.put_approval(approval(2, flags=["weekend"]), detailed=False)
    model = app.approvals()
    model.approve_clean()

    assert [item.approval.id for item in model.pending] == ["approval-2"]


async def test_a_rejection_needs_a_reason_and_remembers_it(app: OfflineApp) -> None:
    app.device.store.put_approval(approval(1), detailed=False)
    model = app.approvals()

    assert not model.reject("approval-1", "  ")
    assert model.reject("approval-1", "wrong project")
    assert model.reasons() == ["wrong project"]
    [item] = model.decided
    assert (item.approval.state, item.approval.reason) == (ApprovalState.REJECTED, "wrong project")


async def test_the_profile_shows_delegators_and_the_last_day(app: OfflineApp) -> None:
    place = {"person": "auth0|maya", "name": "Maya", "from": "2026-11-20", "to": "2026-11-30"}
    app.device.store.set(PROFILE, {"delegated_by": [place]})
    for number, whose in ((1, "auth0|maya"), (2, None)):
        body = approval(number, why="delegate", acting_for=whose)
        app.device.store.put_approval(body, detailed=False)
    model = app.approvals()
    found = [model.stands_in_for(item.approval) for item in model.pending]

    assert [(each.name, each.until) for each in found if each] == [("Maya", date(2026, 11, 30))]


async def test_a_conflict_is_kept_until_the_person_decides(app: OfflineApp) -> None:
    entry = app.device.known()
    app.device.timesheet.save(draft(note="mine"), entry.id)
    theirs = {"date": str(MONDAY), "project": "ZEUS", "minutes": 5, "version": 7, "note": "theirs"}
    [change] = app.device.outbox.all()
    app.device.outbox.set_failure(change.seq, Failure(412, "changed", current=theirs))
    model = ProblemsModel(app.workspace, app.clock)

    [problem] = model.problems
    assert problem.mine is not None
    assert problem.theirs is not None
    assert (problem.mine.note, problem.theirs.note) == ("mine", "theirs")
    assert problem.resolutions == (Resolution.KEEP_MINE, Resolution.TAKE_THEIRS, Resolution.EDIT)

    model.keep_mine(problem.seq)
    [change] = app.device.outbox.all()
    assert (change.base, change.failure) == (7, None)


async def test_a_problem_is_mended_in_its_old_place(app: OfflineApp) -> None:
    app.device.timesheet.save(draft(project="ZEUS"))
    app.device.timesheet.save(draft())
    first, second = app.device.outbox.all()
    errors = (("project", "The project ZEUS is no longer active."),)
    app.device.outbox.set_failure(first.seq, Failure(422, "wrong", errors=errors))
    model = ProblemsModel(app.workspace, app.clock)
    assert model.problems[0].detail == errors[0][1]

    form = model.edit(first.seq, lambda _day: None)
    assert form is not None
    form.choose_project("APOLLO")
    assert form.save()

    mended, kept = app.device.outbox.all()
    assert (mended.seq, mended.body["project"], mended.failure) == (first.seq, "APOLLO", None)
    assert kept.seq == second.seq
    assert model.problems == []


async def test_dropping_leaves_what_the_server_has(app: OfflineApp) -> None:
    entry = app.device.known()
    app.device.timesheet.save(draft(minutes=5), entry.id)
    [change] = app.device.outbox.all()
    app.device.outbox.set_failure(change.seq, Failure(409, "no", lock_reason="approved"))
    model = ProblemsModel(app.workspace, app.clock)
    assert model.problems[0].resolutions == (Resolution.RETRY, Resolution.DROP)
    model.drop(change.seq)

    assert [row.entry.draft.minutes for row in app.week.rows(MONDAY)] == [60]


@pytest.mark.parametrize(
    ("typed", "minutes"), [("40", 2400), ("38:30", 2310), ("38.5", 2310), ("38,5 h", 2310)]
)
async def test_a_weekly_target_is_read_as_hours(app: OfflineApp, typed: str, minutes: int) -> None:
    profile = app.profile()
    assert profile.set_target(typed)
    assert profile.target_minutes == minutes


@pytest.mark.parametrize("typed", ["", "a", "-1", "169", "38:60", "1.2.3"])
async def test_what_is_no_weekly_target_is_refused(app: OfflineApp, typed: str) -> None:
    assert not app.profile().set_target(typed)


async def test_the_profile_shows_what_the_device_stores(app: OfflineApp) -> None:
    app.device.known()
    app.device.timesheet.save(draft())

    stored = app.profile().stored
    assert (stored.entries, stored.waiting, stored.problems) == (1, 1, 0)


async def test_a_new_delegate_shows_at_once(app: OfflineApp) -> None:
    profile = app.profile()
    assert profile.set_delegate("auth0|maya", "Maya", MONDAY, MONDAY + timedelta(days=7))
    assert profile.delegate is not None
    assert profile.delegate.name == "Maya"
    assert not profile.set_delegate("auth0|erin", "Erin", MONDAY, MONDAY)
    assert not profile.set_delegate("auth0|maya", "Maya", MONDAY, MONDAY - timedelta(days=1))
    profile.clear_delegate()
    assert profile.delegate is None


def test_every_language_has_the_same_words() -> None:
    english = LANGUAGES["en"]
    for language, strings in LANGUAGES.items():
        assert set(strings) == set(english), language
        for key, text in strings.items():
            if not key.startswith("rule."):
                assert _fields(text) == _fields(english[key]), (language, key)


def _fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_english_lock_reasons_match_the_server() -> None:
    for reason, lock in LOCKS.items():
        assert Strings("en")(f"lock.{reason}").endswith(lock.unlock)


def test_dates_are_written_as_the_language_does() -> None:
    day = date(2026, 11, 19)
    assert Strings("en").day(day) == "Thursday 19 November"
    assert Strings("de_AT.UTF-8").day(day) == "Donnerstag, 19. November"
    assert Strings("fr").week(THIS.plus(-1)) == "16\u201322 Nov · week 47"
    assert Strings("en").week(THIS.plus(1)) == "30 Nov\u20136 Dec · week 49"
    assert Strings("en")("week.copied", count=1) == "1 entry copied"


def test_an_abbreviated_month_ends_a_sentence_with_one_stop() -> None:
    german = Strings("de")
    until = german.short_day(date(2026, 11, 30))

    assert german("why.delegate_until", name="Monika", until=until).endswith("bis 30. Nov.")
    assert german.week(Week.of(date(2026, 10, 27))) == "26. Okt.\u20131. Nov. · KW 44"
