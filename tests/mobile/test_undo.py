"""Every undo is bound to what it undoes, and nothing typed is lost."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import timedelta

import httpx
import pytest

from mobile.core.changes import ChangeKind, Failure
from mobile.core.database import StoreFull
from mobile.core.drafts import Drafts, Favourite
from mobile.core.rules import Scope, State
from mobile.core.timesheet import RULES
from mobile.core.wire import Project, Timesheet
from mobile.viewmodels.entry_form import EntryForm
from mobile.viewmodels.timer import TimerModel
from tests.mobile.device import MONDAY, PROJECTS, THIS, Device, draft
from tests.mobile.offline_app import OfflineApp, approval
from tests.mobile.support import Fault, Network
from tests.mobile.test_local_store import fill_disk, free_disk
from tests.support.client import Caller

LAST = THIS.plus(-1)
LEARNING = Project("LEARN", "Learning", "ExampleCo", billable=False)


def undo_last(app: OfflineApp) -> None:
    undo = app.said[-1].undo
    assert undo is not None
    undo()


async def test_undo_of_a_submission_concerns_that_week_whatever_is_on_the_screen(
    app: OfflineApp,
) -> None:
    submitted = Timesheet(str(LAST), State.SUBMITTED, 2)
    app.device.store.put_timesheets([submitted], with_entries=True)
    model = app.week
    model.submit()
    model.shift(-1)
    undo_last(app)

    assert app.device.timesheet.week(LAST).state is State.SUBMITTED
    assert app.device.timesheet.week(THIS).state is State.OPEN
    assert app.device.outbox.all() == []


async def test_undo_while_the_week_is_still_read_sends_nothing(
    device: Device, erin: Caller, network: Network
) -> None:
    device.timesheet.submit(THIS)
    network.seen.clear()

    def undo(request: httpx.Request) -> None:
        if request.url.path.endswith("/2026-W48"):
            device.timesheet.withdraw(THIS)

    network.before = undo
    await device.engine().sync()

    assert [path for method, path in network.seen if method == "POST"] == []
    assert (await erin.get("/v1/timesheets/2026-W48")).json["state"] == "open"
    assert device.outbox.all() == []


async def test_a_withdrawal_is_undone_by_submitting_again(app: OfflineApp) -> None:
    app.device.store.put_timesheets([Timesheet(str(THIS), State.SUBMITTED, 2)], with_entries=True)
    model = app.week
    model.withdraw()
    assert model.view.state is State.OPEN
    undo_last(app)

    assert model.view.state is State.SUBMITTED
    assert app.device.outbox.all() == []


async def test_deletions_in_a_row_are_undone_together(app: OfflineApp) -> None:
    first = app.device.known().id
    second = app.device.known(id="22222222-2222-4222-8222-222222222222").id
    model = app.week
    model.delete(first)
    model.delete(second)
    assert app.said[-1].arguments == {"count": 2}
    undo_last(app)

    assert {row.entry.id for row in model.rows(MONDAY)} == {first, second}


async def test_a_copy_to_a_day_and_a_copied_week_can_be_undone(app: OfflineApp) -> None:
    entry = app.device.known(date=LAST.monday)
    model = app.week
    model.duplicate(entry.id, MONDAY + timedelta(days=1))
    undo_last(app)
    assert model.view.total_minutes == 0
    assert app.device.outbox.all() == []

    model.copy_last_week()
    assert model.view.total_minutes == 60
    undo_last(app)
    assert model.view.total_minutes == 0


async def test_undoing_a_copy_that_was_sent_deletes_it(device: Device, erin: Caller) -> None:
    made = device.timesheet.save(draft())
    await device.engine().sync()
    device.timesheet.take_back([made])
    await device.engine().sync()

    assert (await erin.get(f"/v1/entries/{made}")).status == 404


async def test_a_discarded_problem_can_be_brought_back(app: OfflineApp) -> None:
    app.device.timesheet.save(draft())
    [change] = app.device.outbox.all()
    app.device.outbox.set_failure(change.seq, Failure(409, "no"))
    model = app.problems()
    model.drop(change.seq)
    assert model.problems == []
    undo_last(app)

    assert [problem.seq for problem in model.problems] == [change.seq]


async def test_a_hold_ends_when_the_clock_is_set_back_or_far_forward(app: OfflineApp) -> None:
    app.device.store.put_approval(approval(1), detailed=False)
    app.clock.move(days=1)
    app.approvals().approve("approval-1")
    app.clock.move(days=-1)

    change = app.device.outbox.next(app.clock.now().timestamp())
    assert change is not None
    assert change.kind is ChangeKind.DECIDE


async def test_billable_follows_the_project_until_the_person_decides(app: OfflineApp) -> None:
    app.device.store.replace_projects([*PROJECTS, LEARNING])
    entry = app.device.known()
    form = EntryForm.of_entry(app.workspace, app.clock, entry.id)
    assert form is not None
    assert form.is_billable
    form.choose_project("LEARN")
    assert (form.is_billable, form.follows_project) == (False, True)
    assert form.save()
    [change] = app.device.outbox.all()
    assert change.body["billable"] is None

    again = EntryForm.of_entry(app.workspace, app.clock, entry.id)
    assert again is not None
    again.set_billable(True)
    assert again.save()
    assert app.device.outbox.all()[-1].body["billable"] is True


async def test_a_repeated_entry_follows_its_project_too(app: OfflineApp) -> None:
    app.device.store.replace_projects([*PROJECTS, LEARNING])
    usual, unusual = app.device.known(), "33333333-3333-4333-8333-333333333333"
    app.device.known(id=unusual, billable=False)
    for entry_id in (usual.id, unusual):
        app.week.repeat_today(entry_id)

    assert [change.body["billable"] for change in app.device.outbox.all()] == [None, False]


async def test_what_is_typed_is_a_draft_until_it_is_saved_or_discarded(app: OfflineApp) -> None:
    form = app.form()
    form.type_note("half a sen")
    form.type_duration("1:")

    # The app was killed; the next start finds it.
    [row] = app.week.draft_rows(MONDAY)
    again = EntryForm.of_draft(app.workspace, app.clock, row.draft)
    assert (again.note, again.duration, again.project) == ("half a sen", "1:", None)
    again.choose_project("APOLLO")
    again.choose_minutes(90)
    assert again.save()
    assert Drafts(app.device.store).all() == []
    assert app.week.view.total_minutes == 90


async def test_editing_an_entry_goes_on_with_its_draft(app: OfflineApp) -> None:
    entry = app.device.known()
    form = EntryForm.of_entry(app.workspace, app.clock, entry.id)
    assert form is not None
    form.type_note("better")
    again = EntryForm.of_entry(app.workspace, app.clock, entry.id)
    assert again is not None
    assert again.note == "better"
    again.discard()

    third = EntryForm.of_entry(app.workspace, app.clock, entry.id)
    assert third is not None
    assert third.note == "before"


async def test_a_discarded_draft_can_be_brought_back(app: OfflineApp) -> None:
    app.form().type_note("kept")
    model = app.week
    model.drop_draft(model.drafts[0].id)
    assert model.drafts == []
    undo_last(app)

    assert [each.note for each in model.drafts] == ["kept"]


def fill_up(device: Device, size: int) -> None:
    """Until nothing of this size fits any more."""
    with contextlib.suppress(StoreFull):
        for number in range(100):
            device.store.set(f"filler {size} {number}", "x" * size)


async def test_a_full_device_is_reported_under_the_field_and_nothing_is_half_saved(
    app: OfflineApp,
) -> None:
    timer = TimerModel(app.workspace, app.clock)
    timer.choose_project("APOLLO")
    timer.start()
    app.clock.move(minutes=30)
    form = timer.stop()
    form.type_note("x" * 1900)
    fill_disk(app.device.database)
    for size in (3000, 1000, 300, 100, 30):
        fill_up(app.device, size)
    form.note = "ü" * 1990

    assert not form.save()
    assert form.errors["minutes"].code == "full"
    assert app.device.outbox.all() == []
    assert TimerModel(app.workspace, app.clock).running

    free_disk(app.device.database)
    assert form.save()
    assert not TimerModel(app.workspace, app.clock).running


async def test_favourites_fill_the_form(app: OfflineApp) -> None:
    form = app.form(project="ZEUS", note="weekly call")
    form.toggle_favourite()
    assert form.is_favourite
    other = app.form()
    other.choose_favourite(other.favourites[0])
    assert (other.project, other.note) == ("ZEUS", "weekly call")
    for number in range(11):
        app.form(project="ZEUS", note=str(number)).toggle_favourite()

    assert len(app.form().favourites) == 10
    assert Favourite("ZEUS", note="weekly call") not in app.form().favourites


async def test_a_clock_set_back_does_not_shorten_the_timer(app: OfflineApp) -> None:
    timer = TimerModel(app.workspace, app.clock)
    timer.start()
    app.clock.move(hours=2)
    app.clock.set_wall_clock(hours=-3)

    assert timer.seconds == 2 * 3600
    assert timer.move_start(-30)
    assert timer.seconds == 2 * 3600 + 1800
    assert not timer.move_start(600)


async def test_a_forgotten_timer_is_remarked(app: OfflineApp) -> None:
    timer = TimerModel(app.workspace, app.clock)
    timer.start()
    assert not timer.is_long
    app.clock.move(hours=10, seconds=1)

    assert timer.is_long


@pytest.mark.parametrize(("chosen_before", "shown"), [(9, -3), (11, 0)])
async def test_the_new_day_is_shown_after_a_weekend_unless_another_was_just_chosen(
    app: OfflineApp, chosen_before: int, shown: int
) -> None:
    model = app.week
    app.clock.move(minutes=-chosen_before)
    model.choose(MONDAY - timedelta(days=3))
    app.clock.move(minutes=chosen_before)
    model.resume()

    assert model.day == MONDAY + timedelta(days=shown)


async def test_the_next_entry_after_a_weekend_is_for_today(app: OfflineApp) -> None:
    app.clock.move(days=-3)
    model = app.week
    assert str(model.week) == "2026-W47"
    app.clock.move(days=3)
    model.refresh()

    assert (model.day, str(model.week)) == (MONDAY, "2026-W48")


async def test_rejected_and_missing_weeks_are_announced_oldest_first(app: OfflineApp) -> None:
    app.device.store.set(RULES, {"target_minutes": 2400})
    weeks = [
        Timesheet("2026-W44", State.APPROVED, 1, total_minutes=2400),
        Timesheet("2026-W45", State.OPEN, 1, target_minutes=2400),
        Timesheet("2026-W46", State.OPEN, 1, reason="wrong project", total_minutes=60),
        Timesheet("2026-W47", State.SUBMITTED, 1, total_minutes=60),
    ]
    app.device.store.put_timesheets(weeks, with_entries=False)

    assert [(str(each.week), each.kind, each.reason) for each in app.week.notices] == [
        ("2026-W45", "not_submitted", ""),
        ("2026-W46", "rejected", "wrong project"),
    ]


async def test_a_target_of_zero_is_zero_and_none_is_none(app: OfflineApp) -> None:
    zero = Timesheet(str(THIS), State.OPEN, 1, target_minutes=0)
    app.device.store.put_timesheets([zero], with_entries=True)
    assert app.week.view.target_minutes == 0
    assert app.week.view.doubts == (0, 0)

    app.device.store.set("profile", {"target_minutes": 0})
    assert app.profile().target_minutes == 0
    app.device.store.set("profile", {})
    assert app.profile().target_minutes is None


async def test_only_the_answer_to_the_last_search_is_shown(app: OfflineApp) -> None:
    app.allow(*Scope)
    profile, queries = app.profile(), []

    async def people(query: str) -> list[object]:
        queries.append(query)
        return []

    app.workspace.engine.services.people = people  # type: ignore[method-assign]
    for typed in ("c", "ch", "chl"):
        profile.search_people(typed)
    for _ in range(3):
        await asyncio.sleep(0)
    await app.clock.pass_time(seconds=1)
    for _ in range(5):
        await asyncio.sleep(0)

    assert queries == ["chl"]


async def test_pressing_undo_too_late_says_so(device: Device, network: Network) -> None:
    network.fault = lambda _request: Fault.NONE
    made = device.timesheet.save(draft())
    await device.engine().sync()
    seq = device.timesheet.delete(made)
    device.clock.move(seconds=6)
    await device.engine().sync()

    assert not device.outbox.cancel(seq)
