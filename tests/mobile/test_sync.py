"""Synchronising with the real service: what was done offline arrives once, and in order."""

from __future__ import annotations

import asyncpg
import pytest

from mobile.core.network import Unreachable
from mobile.core.rules import State
from mobile.core.views import Sync
from tests.mobile.device import MONDAY, THIS, Device, draft
from tests.mobile.support import Fault, Network
from tests.support.client import Caller
from tests.support.issuer import PERSON


async def test_one_pull_primes_the_app_for_being_offline(device: Device) -> None:
    assert [project.code for project in device.store.projects()] == ["APOLLO", "ZEUS"]
    week = device.timesheet.week(THIS)
    assert (week.known, week.state, week.target_minutes) == (True, State.OPEN, None)
    assert device.engine().scopes == set(PERSON.split())


async def test_a_day_offline_arrives(device: Device, erin: Caller) -> None:
    made = device.timesheet.save(draft(minutes=30, note="first"))
    device.timesheet.save(draft(minutes=45, note="second"), made)
    gone = device.timesheet.save(draft(minutes=60))
    device.timesheet.delete(gone)
    device.timesheet.submit(THIS)
    device.clock.move(seconds=6)

    await device.engine().sync()

    week = (await erin.get("/v1/timesheets/2026-W48")).json
    assert [(each["id"], each["minutes"], each["note"]) for each in week["entries"]] == [
        (made, 45, "second")
    ]
    assert week["state"] == "submitted"
    assert device.outbox.all() == []
    assert device.timesheet.week(THIS).state is State.SUBMITTED
    assert not device.timesheet.week(THIS).waiting


@pytest.mark.parametrize("fault", [Fault.LOST_AFTER, Fault.LOST_BEFORE, Fault.ERROR_500])
async def test_an_answer_that_is_lost_makes_no_doubles(
    device: Device, erin: Caller, network: Network, fault: Fault
) -> None:
    made = device.timesheet.save(draft(minutes=30))
    device.timesheet.save(draft(minutes=40), made)
    device.timesheet.submit(THIS)
    network.fault = lambda request: (
        fault if network.seen.count((request.method, request.url.path)) == 1 else Fault.NONE
    )
    for _ in range(6):
        try:
            await device.engine().sync()
        except Unreachable:
            continue

    week = (await erin.get("/v1/timesheets/2026-W48")).json
    assert [each["minutes"] for each in week["entries"]] == [40]
    assert week["entries"][0]["version"] == 2
    assert [step["event"] for step in week["history"]] == ["submitted"]
    assert device.outbox.all() == []


async def test_a_lost_response_to_submit_is_distinguished_from_a_later_withdrawal(
    device: Device, erin: Caller, network: Network
) -> None:
    device.timesheet.submit(THIS)
    network.fault = lambda request: (
        Fault.LOST_AFTER if request.url.path.endswith("/submit") else Fault.NONE
    )
    with pytest.raises(Unreachable):
        await device.engine().sync()
    assert (await erin.post("/v1/timesheets/2026-W48/withdraw")).status == 200
    network.fault = lambda _request: Fault.NONE

    await device.engine().sync()

    week = (await erin.get("/v1/timesheets/2026-W48")).json
    assert week["state"] == "open"
    assert sorted(step["event"] for step in week["history"]) == ["submitted", "withdrawn"]
    assert device.outbox.all() == []
    assert device.timesheet.week(THIS).state is State.OPEN


async def test_a_conflict_shows_both_versions_and_drops_neither(
    device: Device, erin: Caller
) -> None:
    made = device.timesheet.save(draft(minutes=30, note="ours"))
    await device.engine().sync()
    path = f"/v1/entries/{made}"
    body = {"date": str(MONDAY), "project": "ZEUS", "minutes": 50, "note": "theirs"}
    assert (await erin.put(path, body)).status == 200
    device.timesheet.save(draft(minutes=35, note="ours again"), made)

    await device.engine().sync()

    [change] = device.outbox.all()
    assert change.failure is not None
    assert change.failure.status == 412
    assert change.body["note"] == "ours again"
    assert change.failure.current is not None
    assert change.failure.current["note"] == "theirs"
    assert (await erin.get(path)).json["note"] == "theirs"
    line = device.timesheet.entry(made)
    assert line is not None
    assert (line.sync, line.draft.note) == (Sync.FAILED, "ours again")

    device.outbox.retry(change.seq, base=change.failure.current["version"])
    await device.engine().sync()
    assert (await erin.get(path)).json["note"] == "ours again"
    assert device.outbox.all() == []


async def test_an_entry_deleted_elsewhere_does_not_come_back_unseen(
    device: Device, erin: Caller
) -> None:
    made = device.timesheet.save(draft(minutes=30))
    await device.engine().sync()
    assert (await erin.delete(f"/v1/entries/{made}")).status == 204
    device.timesheet.save(draft(minutes=35), made)

    await device.engine().sync()

    [change] = device.outbox.all()
    assert change.failure is not None
    assert (change.failure.status, change.failure.current) == (412, None)
    assert (await erin.get(f"/v1/entries/{made}")).status == 404


async def test_deleting_what_is_gone_already_is_no_trouble(device: Device, erin: Caller) -> None:
    made = device.timesheet.save(draft(minutes=30))
    await device.engine().sync()
    assert (await erin.delete(f"/v1/entries/{made}")).status == 204
    device.timesheet.delete(made)
    device.clock.move(seconds=6)

    await device.engine().sync()
    assert device.outbox.all() == []


async def test_one_bad_change_does_not_hold_up_the_rest(
    device: Device, erin: Caller, ada: Caller
) -> None:
    bad = device.timesheet.save(draft(project="ZEUS", minutes=10))
    good = device.timesheet.save(draft(minutes=20))
    assert (await ada.patch("/v1/projects/ZEUS", {"active": False})).status == 200

    await device.engine().sync()

    [change] = device.outbox.all()
    assert change.target == bad
    assert change.failure is not None
    assert change.failure.errors == (("project", "The project ZEUS is no longer active."),)
    assert (await erin.get(f"/v1/entries/{good}")).status == 200


async def test_a_change_that_the_server_breaks_over_does_not_hold_up_the_rest(
    device: Device, erin: Caller, network: Network
) -> None:
    bad = device.timesheet.save(draft(minutes=10))
    good = device.timesheet.save(draft(minutes=20))
    device.timesheet.submit(THIS)
    theirs = {"date": str(MONDAY), "project": "ZEUS", "minutes": 50}
    assert (await erin.post("/v1/entries", theirs)).status == 201
    network.fault = lambda request: (
        Fault.ERROR_500 if request.url.path.endswith(bad) else Fault.NONE
    )

    engine = device.engine()
    with pytest.raises(Unreachable):
        await engine.sync()
    assert engine.state.failed
    assert (await erin.get(f"/v1/entries/{good}")).status == 200
    assert {line.draft.minutes for line in device.timesheet.week(THIS).days[0].entries} == {
        10,
        20,
        50,
    }
    # The week, though, is not submitted without it.
    assert (await erin.get("/v1/timesheets/2026-W48")).json["state"] == "open"

    network.fault = lambda _request: Fault.NONE
    await engine.sync()
    assert (await erin.get("/v1/timesheets/2026-W48")).json["state"] == "submitted"
    assert device.outbox.all() == []


async def test_a_server_that_is_down_is_not_called_for_each_change(
    device: Device, network: Network
) -> None:
    for minutes in range(1, 20):
        device.timesheet.save(draft(minutes=minutes))
    network.fault = lambda _request: Fault.ERROR_500
    network.seen.clear()

    with pytest.raises(Unreachable):
        await device.engine().sync()
    assert len(network.seen) <= 5


async def test_what_others_changed_is_seen_after_the_next_pull(
    device: Device, erin: Caller
) -> None:
    body = {"date": str(MONDAY), "project": "ZEUS", "minutes": 50, "note": "theirs"}
    assert (await erin.post("/v1/entries", body)).status == 201
    engine = device.engine()
    await engine.sync()

    [line] = device.timesheet.week(THIS).days[0].entries
    assert (line.draft.note, line.sync) == ("theirs", Sync.SYNCED)

    assert (await erin.delete(f"/v1/entries/{line.id}")).status == 204
    engine.wake(pull=True)
    await engine.sync()
    assert device.timesheet.week(THIS).total_minutes == 0


async def test_an_older_week_is_read_when_somebody_looks_at_it(
    device: Device, erin: Caller
) -> None:
    old = THIS.plus(-30)
    body = {"date": str(old.monday), "project": "ZEUS", "minutes": 50}
    assert (await erin.post("/v1/entries", body)).status == 201
    assert not device.timesheet.week(old).known
    engine = device.engine()
    engine.request_week(old)
    await engine.sync()

    assert device.timesheet.week(old).known
    assert device.timesheet.week(old).total_minutes == 50


async def test_without_the_scope_nobody_asks_approvals(device: Device, network: Network) -> None:
    await device.engine().sync()

    assert network.count("/v1/entries") > 0
    assert network.count("/v1/approvals") == 0
    assert network.count("/v1/reports") == 0


async def test_a_week_approved_meanwhile_shows_up_as_problems_with_both_versions(
    device: Device, erin: Caller, entries_database: str
) -> None:
    made = device.timesheet.save(draft(minutes=30, note="before"))
    await device.engine().sync()
    device.timesheet.save(draft(minutes=45, note="after"), made)
    new = device.timesheet.save(draft(minutes=15, note="new"))
    assert (await erin.post("/v1/timesheets/2026-W48/submit")).status == 200
    connection = await asyncpg.connect(entries_database)
    await connection.execute("UPDATE weeks SET state = 'approved' WHERE person = 'auth0|erin'")
    await connection.close()
    engine = device.engine()

    await engine.sync()

    edit, addition = device.outbox.all()
    assert edit.failure is not None
    assert addition.failure is not None
    assert (edit.failure.status, edit.failure.lock_reason) == (409, "approved")
    assert edit.failure.current is not None
    assert (edit.body["note"], edit.failure.current["note"]) == ("after", "before")
    assert (addition.body["note"], addition.failure.current) == ("new", None)
    week = device.timesheet.week(THIS)
    assert week.state is State.APPROVED
    assert {line.id for line in week.days[0].entries} == {made, new}
    assert {line.sync for line in week.days[0].entries} == {Sync.FAILED}
