"""The person's weeks offline: what they see is what they did, over what the server said."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from mobile.core.database import Database, WrongPerson, database_path
from mobile.core.outbox import Kind, Trouble
from mobile.core.rules import LockReason, State
from mobile.core.timesheet import RULES, Invalid, Locked, Sync
from mobile.core.wire import Sheet
from tests.mobile.desk import MONDAY, PROJECTS, THIS, Desk, draft
from tests.mobile.support import AppClock

TROUBLE = Trouble(409, "no")


@pytest.fixture
def desk(database: Database, app_clock: AppClock) -> Desk:
    made = Desk(database, app_clock)
    made.store.replace_projects(PROJECTS)
    return made


def seen(desk: Desk) -> list[tuple[int, str, Sync]]:
    week = desk.sheet.week(THIS)
    return [
        (line.draft.minutes, line.draft.note, line.sync) for day in week.days for line in day.lines
    ]


def test_what_was_logged_offline_is_there_at_once(desk: Desk) -> None:
    desk.sheet.save(draft(minutes=90, note="  a note "))

    assert seen(desk) == [(90, "a note", Sync.WAITING)]
    assert desk.sheet.week(THIS).total_minutes == 90
    assert desk.sheet.week(THIS).days[0].minutes == 90


def test_an_edit_lies_over_the_servers_entry(desk: Desk) -> None:
    entry = desk.known()
    desk.sheet.save(draft(minutes=30, note="after"), entry.id)

    assert seen(desk) == [(30, "after", Sync.WAITING)]
    assert desk.outbox.all()[0].base == 3


def test_saving_the_same_again_is_no_change(desk: Desk) -> None:
    entry = desk.known()
    desk.sheet.save(draft(note="before", billable=True), entry.id)

    assert desk.outbox.all() == []


def test_an_entry_moved_to_another_week_leaves_this_one(desk: Desk) -> None:
    entry = desk.known()
    desk.sheet.save(draft(date=MONDAY - timedelta(days=3)), entry.id)

    assert seen(desk) == []
    assert desk.sheet.week(THIS.plus(-1)).days[4].minutes == 60
    assert desk.outbox.all()[0].weeks == ("2026-W47", "2026-W48")


def test_a_deletion_can_be_undone_until_it_is_sent(desk: Desk) -> None:
    entry = desk.known()
    seq = desk.sheet.delete(entry.id)
    assert seen(desk) == []
    assert desk.outbox.next(desk.clock.now().timestamp()) is None

    assert desk.outbox.cancel(seq)
    assert seen(desk) == [(60, "before", Sync.SYNCED)]

    seq = desk.sheet.delete(entry.id)
    desk.clock.move(seconds=6)
    change = desk.outbox.next(desk.clock.now().timestamp())
    assert change is not None
    desk.outbox.mark_tried(seq)
    assert not desk.outbox.cancel(seq)


def test_what_the_server_refused_is_still_seen_and_marked(desk: Desk) -> None:
    entry = desk.known()
    desk.sheet.save(draft(minutes=30), entry.id)
    desk.outbox.set_trouble(desk.outbox.all()[0].seq, TROUBLE)
    assert seen(desk) == [(30, "", Sync.FAILED)]

    desk.outbox.drop(desk.outbox.all()[0])
    assert seen(desk) == [(60, "before", Sync.SYNCED)]


def test_an_entry_whose_deletion_was_refused_is_not_gone(desk: Desk) -> None:
    entry = desk.known()
    desk.outbox.set_trouble(desk.sheet.delete(entry.id), TROUBLE)

    assert seen(desk) == [(60, "before", Sync.FAILED)]


def test_a_submitted_week_is_locked_at_once_in_the_servers_words(desk: Desk) -> None:
    entry = desk.known()
    desk.sheet.submit(THIS)
    week = desk.sheet.week(THIS)

    assert (week.state, week.waiting) == (State.SUBMITTED, True)
    assert week.lock is not None
    assert week.lock.unlock == "Withdraw the week, or wait until it is decided."
    with pytest.raises(Locked):
        desk.sheet.save(draft(minutes=5), entry.id)
    with pytest.raises(Locked):
        desk.sheet.save(draft(minutes=5))
    with pytest.raises(Locked):
        desk.sheet.delete(entry.id)


def test_a_submission_that_was_never_sent_is_simply_taken_back(desk: Desk) -> None:
    desk.sheet.submit(THIS)
    desk.sheet.withdraw(THIS)

    assert desk.outbox.all() == []
    assert desk.sheet.week(THIS).state is State.OPEN


def test_a_submission_that_may_have_arrived_is_withdrawn_after_it(desk: Desk) -> None:
    desk.sheet.submit(THIS)
    desk.outbox.mark_tried(desk.outbox.all()[0].seq)
    desk.sheet.withdraw(THIS)

    assert [change.kind for change in desk.outbox.all()] == [Kind.SUBMIT, Kind.WITHDRAW]


def test_closed_days_are_locked_and_the_others_are_not(desk: Desk) -> None:
    desk.store.set(RULES, {"closed_through": "2026-11-24"})
    week = desk.sheet.week(THIS)

    reasons = [day.lock.reason if day.lock else None for day in week.days]
    assert reasons[:3] == [LockReason.CLOSED, LockReason.CLOSED, None]
    assert week.lock is None
    with pytest.raises(Invalid) as refused:
        desk.sheet.save(draft())
    assert refused.value.violations[0].message == "The period through 2026-11-24 is closed."


def test_a_day_has_twenty_four_hours_whatever_is_waiting(desk: Desk) -> None:
    desk.known(minutes=600)
    first = desk.sheet.save(draft(minutes=600))

    with pytest.raises(Invalid) as refused:
        desk.sheet.save(draft(minutes=241))
    assert refused.value.violations[0].code == "day_full"
    desk.sheet.save(draft(minutes=840), first)


def test_a_rejected_week_tells_why_until_it_is_submitted_anew(desk: Desk) -> None:
    desk.store.put_sheets(
        [Sheet("2026-W48", State.OPEN, 4, reason="wrong project", target_minutes=1920)],
        with_entries=True,
    )
    assert desk.sheet.week(THIS).reason == "wrong project"
    assert desk.sheet.week(THIS).target_minutes == 1920

    desk.sheet.submit(THIS)
    assert desk.sheet.week(THIS).reason is None


def test_copying_a_week_twice_makes_no_doubles(desk: Desk) -> None:
    desk.known(date=MONDAY - timedelta(days=7))
    assert desk.sheet.copy_week(THIS.plus(-1), THIS) == 1
    assert desk.sheet.copy_week(THIS.plus(-1), THIS) == 0

    assert seen(desk) == [(60, "before", Sync.WAITING)]


def test_what_waits_survives_a_kill(tmp_path: Path, app_clock: AppClock) -> None:
    desk = Desk(Database(tmp_path / "erin.db", "auth0|erin"), app_clock)
    desk.store.replace_projects(PROJECTS)
    desk.sheet.save(draft(minutes=25))
    desk = desk.restart()

    assert seen(desk) == [(25, "", Sync.WAITING)]
    desk.database.close()


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
    desk = Desk(database, app_clock)
    desk.store.replace_projects(PROJECTS)
    desk.sheet.save(draft(note="a secret note"))
    database.wipe()

    assert list((tmp_path / "store").iterdir()) == []


def test_what_rests_on_a_change_in_trouble_waits_and_nothing_else_does(desk: Desk) -> None:
    now = desk.clock.now().timestamp()
    mine = desk.known()
    desk.sheet.save(draft(minutes=10), mine.id)
    desk.sheet.save(draft(minutes=20), mine.id)
    other = desk.sheet.save(draft(minutes=30))
    desk.sheet.submit(THIS)
    first, second, third, fourth = desk.outbox.all()

    desk.outbox.set_trouble(first.seq, TROUBLE)
    found = desk.outbox.next(now)
    assert found is not None
    assert found.target == other
    desk.outbox.done(third, 1)
    assert desk.outbox.next(now) is None  # neither the second edit nor the submission

    desk.outbox.try_again(first.seq, base=9)
    assert [change.seq for change in desk.outbox.all()] == [first.seq, second.seq, fourth.seq]
    found = desk.outbox.next(now)
    assert found is not None
    assert (found.seq, found.base) == (first.seq, 9)


def test_recent_projects_and_earlier_notes_are_at_hand(desk: Desk) -> None:
    desk.known(id="a", date=MONDAY - timedelta(days=9), project="ZEUS", note="old")
    desk.known(id="b", date=MONDAY - timedelta(days=2), project="ZEUS", note="new")
    desk.known(id="c", date=MONDAY, project="APOLLO", note="now")

    assert desk.store.recent_projects(5) == ["APOLLO", "ZEUS"]
    assert desk.store.notes_of("ZEUS", 5) == ["new", "old"]
