"""Synchronising with the real service: what was done offline arrives once, and in order."""

from __future__ import annotations

import asyncpg
import pytest

from mobile.core.network import Unreachable
from mobile.core.rules import State
from mobile.core.timesheet import Sync
from tests.mobile.desk import MONDAY, THIS, Desk, draft
from tests.mobile.support import Fault, Network
from tests.support.client import Caller
from tests.support.issuer import PERSON


async def test_one_pull_primes_the_app_for_being_offline(desk: Desk) -> None:
    assert [project.code for project in desk.store.projects()] == ["APOLLO", "ZEUS"]
    week = desk.sheet.week(THIS)
    assert (week.known, week.state, week.target_minutes) == (True, State.OPEN, 2400)
    assert desk.engine().scopes == set(PERSON.split())


async def test_a_day_offline_arrives(desk: Desk, erin: Caller) -> None:
    made = desk.sheet.save(draft(minutes=30, note="first"))
    desk.sheet.save(draft(minutes=45, note="second"), made)
    gone = desk.sheet.save(draft(minutes=60))
    desk.sheet.delete(gone)
    desk.sheet.submit(THIS)
    desk.clock.move(seconds=6)

    await desk.engine().step()

    week = (await erin.get("/v1/timesheets/2026-W48")).json
    assert [(each["id"], each["minutes"], each["note"]) for each in week["entries"]] == [
        (made, 45, "second")
    ]
    assert week["state"] == "submitted"
    assert desk.outbox.all() == []
    assert desk.sheet.week(THIS).state is State.SUBMITTED
    assert not desk.sheet.week(THIS).waiting


@pytest.mark.parametrize("fault", [Fault.LOST_AFTER, Fault.LOST_BEFORE, Fault.ERROR_500])
async def test_an_answer_that_is_lost_makes_no_doubles(
    desk: Desk, erin: Caller, network: Network, fault: Fault
) -> None:
    made = desk.sheet.save(draft(minutes=30))
    desk.sheet.save(draft(minutes=40), made)
    desk.sheet.submit(THIS)
    network.fault = lambda request: (
        fault if network.seen.count((request.method, request.url.path)) == 1 else Fault.NONE
    )
    for _ in range(6):
        try:
            await desk.engine().step()
        except Unreachable:
            continue

    week = (await erin.get("/v1/timesheets/2026-W48")).json
    assert [each["minutes"] for each in week["entries"]] == [40]
    assert week["entries"][0]["version"] == 2
    assert [step["event"] for step in week["history"]] == ["submitted"]
    assert desk.outbox.all() == []


async def test_a_lost_answer_to_submit_is_told_from_a_later_withdrawal(
    desk: Desk, erin: Caller, network: Network
) -> None:
    desk.sheet.submit(THIS)
    network.fault = lambda request: (
        Fault.LOST_AFTER if request.url.path.endswith("/submit") else Fault.NONE
    )
    with pytest.raises(Unreachable):
        await desk.engine().step()
    assert (await erin.post("/v1/timesheets/2026-W48/withdraw")).status == 200
    network.fault = lambda _request: Fault.NONE

    await desk.engine().step()

    week = (await erin.get("/v1/timesheets/2026-W48")).json
    assert week["state"] == "open"
    assert sorted(step["event"] for step in week["history"]) == ["submitted", "withdrawn"]
    assert desk.outbox.all() == []
    assert desk.sheet.week(THIS).state is State.OPEN


async def test_a_conflict_shows_both_versions_and_drops_neither(desk: Desk, erin: Caller) -> None:
    made = desk.sheet.save(draft(minutes=30, note="ours"))
    await desk.engine().step()
    path = f"/v1/entries/{made}"
    body = {"date": str(MONDAY), "project": "ZEUS", "minutes": 50, "note": "theirs"}
    assert (await erin.put(path, body)).status == 200
    desk.sheet.save(draft(minutes=35, note="ours again"), made)

    await desk.engine().step()

    [change] = desk.outbox.all()
    assert change.trouble is not None
    assert change.trouble.status == 412
    assert change.body["note"] == "ours again"
    assert change.trouble.current is not None
    assert change.trouble.current["note"] == "theirs"
    assert (await erin.get(path)).json["note"] == "theirs"
    line = desk.sheet.line(made)
    assert line is not None
    assert (line.sync, line.draft.note) == (Sync.FAILED, "ours again")

    desk.outbox.try_again(change.seq, base=change.trouble.current["version"])
    await desk.engine().step()
    assert (await erin.get(path)).json["note"] == "ours again"
    assert desk.outbox.all() == []


async def test_an_entry_deleted_elsewhere_does_not_come_back_unseen(
    desk: Desk, erin: Caller
) -> None:
    made = desk.sheet.save(draft(minutes=30))
    await desk.engine().step()
    assert (await erin.delete(f"/v1/entries/{made}")).status == 204
    desk.sheet.save(draft(minutes=35), made)

    await desk.engine().step()

    [change] = desk.outbox.all()
    assert change.trouble is not None
    assert (change.trouble.status, change.trouble.current) == (412, None)
    assert (await erin.get(f"/v1/entries/{made}")).status == 404


async def test_deleting_what_is_gone_already_is_no_trouble(desk: Desk, erin: Caller) -> None:
    made = desk.sheet.save(draft(minutes=30))
    await desk.engine().step()
    assert (await erin.delete(f"/v1/entries/{made}")).status == 204
    desk.sheet.delete(made)
    desk.clock.move(seconds=6)

    await desk.engine().step()
    assert desk.outbox.all() == []


async def test_one_bad_change_does_not_hold_up_the_rest(
    desk: Desk, erin: Caller, ada: Caller
) -> None:
    bad = desk.sheet.save(draft(project="ZEUS", minutes=10))
    good = desk.sheet.save(draft(minutes=20))
    assert (await ada.patch("/v1/projects/ZEUS", {"active": False})).status == 200

    await desk.engine().step()

    [change] = desk.outbox.all()
    assert change.target == bad
    assert change.trouble is not None
    assert change.trouble.errors == (("project", "The project ZEUS is no longer active."),)
    assert (await erin.get(f"/v1/entries/{good}")).status == 200


async def test_a_change_that_the_server_breaks_over_does_not_hold_up_the_rest(
    desk: Desk, erin: Caller, network: Network
) -> None:
    bad = desk.sheet.save(draft(minutes=10))
    good = desk.sheet.save(draft(minutes=20))
    desk.sheet.submit(THIS)
    theirs = {"date": str(MONDAY), "project": "ZEUS", "minutes": 50}
    assert (await erin.post("/v1/entries", theirs)).status == 201
    network.fault = lambda request: (
        Fault.ERROR_500 if request.url.path.endswith(bad) else Fault.NONE
    )

    engine = desk.engine()
    with pytest.raises(Unreachable):
        await engine.step()
    assert engine.state.failed
    assert (await erin.get(f"/v1/entries/{good}")).status == 200
    assert {line.draft.minutes for line in desk.sheet.week(THIS).days[0].lines} == {10, 20, 50}
    # The week, though, is not submitted without it.
    assert (await erin.get("/v1/timesheets/2026-W48")).json["state"] == "open"

    network.fault = lambda _request: Fault.NONE
    await engine.step()
    assert (await erin.get("/v1/timesheets/2026-W48")).json["state"] == "submitted"
    assert desk.outbox.all() == []


async def test_a_server_that_is_down_is_not_asked_for_each_change(
    desk: Desk, network: Network
) -> None:
    for minutes in range(1, 20):
        desk.sheet.save(draft(minutes=minutes))
    network.fault = lambda _request: Fault.ERROR_500
    network.seen.clear()

    with pytest.raises(Unreachable):
        await desk.engine().step()
    assert len(network.seen) <= 4


async def test_what_others_changed_is_seen_after_the_next_pull(desk: Desk, erin: Caller) -> None:
    body = {"date": str(MONDAY), "project": "ZEUS", "minutes": 50, "note": "theirs"}
    assert (await erin.post("/v1/entries", body)).status == 201
    engine = desk.engine()
    await engine.step()

    [line] = desk.sheet.week(THIS).days[0].lines
    assert (line.draft.note, line.sync) == ("theirs", Sync.SYNCED)

    assert (await erin.delete(f"/v1/entries/{line.id}")).status == 204
    engine.wake(pull=True)
    await engine.step()
    assert desk.sheet.week(THIS).total_minutes == 0


async def test_an_older_week_is_read_when_somebody_looks_at_it(desk: Desk, erin: Caller) -> None:
    old = THIS.plus(-30)
    body = {"date": str(old.monday), "project": "ZEUS", "minutes": 50}
    assert (await erin.post("/v1/entries", body)).status == 201
    assert not desk.sheet.week(old).known
    engine = desk.engine()
    engine.want(old)
    await engine.step()

    assert desk.sheet.week(old).known
    assert desk.sheet.week(old).total_minutes == 50


async def test_without_the_scope_nobody_asks_approvals(desk: Desk, network: Network) -> None:
    await desk.engine().step()

    assert network.count("/v1/entries") > 0
    assert network.count("/v1/approvals") == 0
    assert network.count("/v1/reports") == 0


async def test_a_week_approved_meanwhile_shows_up_as_problems_with_both_versions(
    desk: Desk, erin: Caller, entries_database: str
) -> None:
    made = desk.sheet.save(draft(minutes=30, note="before"))
    await desk.engine().step()
    desk.sheet.save(draft(minutes=45, note="after"), made)
    new = desk.sheet.save(draft(minutes=15, note="new"))
    assert (await erin.post("/v1/timesheets/2026-W48/submit")).status == 200
    connection = await asyncpg.connect(entries_database)
    await connection.execute("UPDATE weeks SET state = 'approved' WHERE person = 'auth0|erin'")
    await connection.close()
    engine = desk.engine()

    await engine.step()

    edit, addition = desk.outbox.all()
    assert edit.trouble is not None
    assert addition.trouble is not None
    assert (edit.trouble.status, edit.trouble.lock_reason) == (409, "approved")
    assert edit.trouble.current is not None
    assert (edit.body["note"], edit.trouble.current["note"]) == ("after", "before")
    assert (addition.body["note"], addition.trouble.current) == ("new", None)
    week = desk.sheet.week(THIS)
    assert week.state is State.APPROVED
    assert {line.id for line in week.days[0].lines} == {made, new}
    assert {line.sync for line in week.days[0].lines} == {Sync.FAILED}
