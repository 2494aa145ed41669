"""The person's weeks offline: what they see is what they did, over what the server said."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from mobile.core.changes import ChangeKind, Failure
from mobile.core.database import Database, WrongPerson, database_path
from mobile.core.rules import LockReason, State
from mobile.core.timesheet import RULES, Invalid, Locked
from mobile.core.views import Sync
from mobile.core.wire import Timesheet
from tests.mobile.device import MONDAY, PROJECTS, THIS, Device, draft
from tests.mobile.support import AppClock

TROUBLE = Failure(409, "no")


@pytest.fixture
def device(database: Database, app_clock: AppClock) -> Device:
    made = Device(database, app_clock)
    made.store.replace_projects(PROJECTS)
    return made


def seen(device: Device) -> list[tuple[int, str, Sync]]:
    week = device.timesheet.week(THIS)
    return [
        (line.draft.minutes, line.draft.note, line.sync)
        for day in week.days
        for line in day.entries
    ]


def test_what_was_logged_offline_is_there_at_once(device: Device) -> None:
    device.timesheet.save(draft(minutes=90, note="  a note "))

    assert seen(device) == [(90, "a note", Sync.WAITING)]
    assert device.timesheet.week(THIS).total_minutes == 90
    assert device.timesheet.week(THIS).days[0].minutes == 90


def test_an_edit_lies_over_the_servers_entry(device: Device) -> None:
    entry = device.known()
    device.timesheet.save(draft(minutes=30, note="after"), entry.id)

    assert seen(device) == [(30, "after", Sync.WAITING)]
    assert device.outbox.all()[0].base == 3


def test_saving_the_same_again_is_no_change(device: Device) -> None:
    entry = device.known()
    device.timesheet.save(draft(note="before", billable=True), entry.id)

    assert device.outbox.all() == []


def test_an_entry_moved_to_another_week_leaves_this_one(device: Device) -> None:
    entry = device.known()
    device.timesheet.save(draft(date=MONDAY - timedelta(days=3)), entry.id)

    assert seen(device) == []
    assert device.timesheet.week(THIS.plus(-1)).days[4].minutes == 60
    assert device.outbox.all()[0].weeks == ("2026-W47", "2026-W48")


def test_a_deletion_can_be_undone_until_it_is_sent(device: Device) -> None:
    entry = device.known()
    seq = device.timesheet.delete(entry.id)
    assert seen(device) == []
    assert device.outbox.next(device.clock.now().timestamp()) is None

    assert device.outbox.cancel(seq)
    assert seen(device) == [(60, "before", Sync.SYNCED)]

    seq = device.timesheet.delete(entry.id)
    device.clock.move(seconds=6)
    change = device.outbox.next(device.clock.now().timestamp())
    assert change is not None
    device.outbox.mark_tried(seq)
    assert not device.outbox.cancel(seq)


def test_what_the_server_refused_is_still_seen_and_marked(device: Device) -> None:
    entry = device.known()
    device.timesheet.save(draft(minutes=30), entry.id)
    device.outbox.set_failure(device.outbox.all()[0].seq, TROUBLE)
    assert seen(device) == [(30, "", Sync.FAILED)]

    device.outbox.drop(device.outbox.all()[0])
    assert seen(device) == [(60, "before", Sync.SYNCED)]


def test_an_entry_whose_deletion_was_refused_is_not_gone(device: Device) -> None:
    entry = device.known()
    device.outbox.set_failure(device.timesheet.delete(entry.id), TROUBLE)

    assert seen(device) == [(60, "before", Sync.FAILED)]


def test_a_submitted_week_is_locked_at_once_in_the_servers_words(device: Device) -> None:
    entry = device.known()
    device.timesheet.submit(THIS)
    week = device.timesheet.week(THIS)

    assert (week.state, week.waiting) == (State.SUBMITTED, True)
    assert week.lock is not None
    assert week.lock.unlock == "Withdraw the week, or wait until it is decided."
    with pytest.raises(Locked):
        device.timesheet.save(draft(minutes=5), entry.id)
    with pytest.raises(Locked):
        device.timesheet.save(draft(minutes=5))
    with pytest.raises(Locked):
        device.timesheet.delete(entry.id)


def test_a_submission_that_was_never_sent_is_simply_taken_back(device: Device) -> None:
    device.timesheet.submit(THIS)
    device.timesheet.withdraw(THIS)

    assert device.outbox.all() == []
    assert device.timesheet.week(THIS).state is State.OPEN


def test_a_submission_that_may_have_arrived_is_withdrawn_after_it(device: Device) -> None:
    device.timesheet.submit(THIS)
    device.outbox.mark_tried(device.outbox.all()[0].seq)
    device.timesheet.withdraw(THIS)

    assert [change.kind for change in device.outbox.all()] == [
        ChangeKind.SUBMIT,
        ChangeKind.WITHDRAW,
    ]


def test_closed_days_are_locked_and_the_others_are_not(device: Device) -> None:
    device.store.set(RULES, {"closed_through": "2026-11-24"})
    week = device.timesheet.week(THIS)

    reasons = [day.lock.reason if day.lock else None for day in week.days]
    assert reasons[:3] == [LockReason.CLOSED, LockReason.CLOSED, None]
    assert week.lock is None
    with pytest.raises(Invalid) as refused:
        device.timesheet.save(draft())
    assert refused.value.violations[0].message == "The period through 2026-11-24 is closed."


def test_a_day_has_twenty_four_hours_whatever_is_waiting(device: Device) -> None:
    device.known(minutes=600)
    first = device.timesheet.save(draft(minutes=600))

    with pytest.raises(Invalid) as refused:
        device.timesheet.save(draft(minutes=241))
    assert refused.value.violations[0].code == "day_full"
    device.timesheet.save(draft(minutes=840), first)


def test_a_rejected_week_shows_the_reason_until_it_is_resubmitted(device: Device) -> None:
    device.store.put_timesheets(
        [Timesheet("2026-W48", State.OPEN, 4, reason="wrong project", target_minutes=1920)],
        with_entries=True,
    )
    assert device.timesheet.week(THIS).reason == "wrong project"
    assert device.timesheet.week(THIS).target_minutes == 1920

    device.timesheet.submit(THIS)
    assert device.timesheet.week(THIS).reason is None


def test_copying_a_week_twice_makes_no_doubles(device: Device) -> None:
    device.known(date=MONDAY - timedelta(days=7))
    assert len(device.timesheet.copy_week(THIS.plus(-1), THIS)) == 1
    assert device.timesheet.copy_week(THIS.plus(-1), THIS) == []

    assert seen(device) == [(60, "before", Sync.WAITING)]


def test_what_waits_survives_a_kill(tmp_path: Path, app_clock: AppClock) -> None:
    device = Device(Database(tmp_path / "erin.db", "auth0|erin"), app_clock)
    device.store.replace_projects(PROJECTS)
    device.timesheet.save(draft(minutes=25))
    device = device.restart()

    assert seen(device) == [(25, "", Sync.WAITING)]
    device.database.close()


def test_nobody_opens_the_store_of_another(tmp_path: Path) -> None:
    path = tmp_path / "one.db"
    Database(path, "auth0|erin").close()

    with pytest.raises(WrongPerson):
        Database(path, "auth0|maya")
    assert database_path(tmp_path, "i", "auth0|erin") != database_path(tmp_path, "i", "auth0|maya")
    assert "erin" not in str(database_path(tmp_path, "i", "auth0|erin").name)
    assert path.stat().st_mode & 0o077 == 0


def test_wiping_leaves_nothing(tmp_path: Path, app_clock: AppClock) -> None:
    database = Database(tmp_path / "store" / "one.db", "auth0|erin")
    device = Device(database, app_clock)
    device.store.replace_projects(PROJECTS)
    device.timesheet.save(draft(note="a secret note"))
    database.wipe()

    assert list((tmp_path / "store").iterdir()) == []


def test_what_rests_on_a_change_in_trouble_waits_and_nothing_else_does(device: Device) -> None:
    now = device.clock.now().timestamp()
    mine = device.known()
    device.timesheet.save(draft(minutes=10), mine.id)
    device.timesheet.save(draft(minutes=20), mine.id)
    other = device.timesheet.save(draft(minutes=30))
    device.timesheet.submit(THIS)
    first, second, third, fourth = device.outbox.all()

    device.outbox.set_failure(first.seq, TROUBLE)
    found = device.outbox.next(now)
    assert found is not None
    assert found.target == other
    device.outbox.done(third, 1)
    assert device.outbox.next(now) is None  # neither the second edit nor the submission

    device.outbox.retry(first.seq, base=9)
    assert [change.seq for change in device.outbox.all()] == [first.seq, second.seq, fourth.seq]
    found = device.outbox.next(now)
    assert found is not None
    assert (found.seq, found.base) == (first.seq, 9)


def test_recent_projects_and_earlier_notes_are_at_hand(device: Device) -> None:
    device.known(id="a", date=MONDAY - timedelta(days=9), project="ZEUS", note="old")
    device.known(id="b", date=MONDAY - timedelta(days=2), project="ZEUS", note="new")
    device.known(id="c", date=MONDAY, project="APOLLO", note="now")

    assert device.store.recent_projects(5) == ["APOLLO", "ZEUS"]
    assert device.store.notes_of("ZEUS", 5) == ["new", "old"]
