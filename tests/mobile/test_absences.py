"""Absences and targets of days, from the form in the app to the real service and back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import cast

import asyncpg
import pytest

from mobile.core.rules import AbsenceKind
from mobile.core.session import Workspace
from mobile.core.sync import SyncEngine
from mobile.core.tokens import TokenManager
from mobile.core.views import DayView, Sync
from mobile.viewmodels.absences import AbsencesModel
from mobile.viewmodels.base import SnackbarMessage
from mobile.viewmodels.problems import ProblemsModel
from tests.api.entries.test_decisions import learn
from tests.mobile.device import MONDAY, THIS, Device
from tests.mobile.support import Fault, Network
from tests.support.client import Caller

FRIDAY = MONDAY + timedelta(days=4)
# Six hours from Monday to Thursday, four on Friday.
CONTRACT = {"from": "2026-01-01", "minutes": [360, 360, 360, 360, 240, 0, 0], "calendar": None}


@dataclass
class App:
    """The app's part in absences, and its messages to the person."""

    device: Device
    engine: SyncEngine
    model: AbsencesModel
    problems: ProblemsModel
    messages: list[SnackbarMessage]

    async def sync(self) -> None:
        """As after the time to undo has passed."""
        self.device.clock.move(seconds=6)
        self.engine.wake(pull=True)
        await self.engine.sync()
        self.model.refresh()

    def day(self, day: date) -> DayView:
        return self.device.timesheet.week(THIS).days[day.weekday()]

    def add(self, since: date, until: date | None = None, *, half: bool = False) -> str:
        form = self.model.form()
        form.set_since(since)
        form.set_until(until or since)
        form.choose_kind(AbsenceKind.SICK)
        form.set_half_days(half)
        assert form.save(), form.error
        return self.model.rows[0].absence.id


@pytest.fixture
async def app(device: Device, entries_database: str) -> App:
    connection = await asyncpg.connect(entries_database)
    await learn(connection, "erin", contracts=[CONTRACT])
    await connection.close()
    engine = device.engine()
    workspace = Workspace(
        device.database,
        device.store,
        device.outbox,
        device.timesheet,
        cast(TokenManager, None),
        engine,
    )
    messages: list[SnackbarMessage] = []
    model = AbsencesModel(workspace, device.clock, messages.append)
    made = App(device, engine, model, ProblemsModel(workspace, device.clock), messages)
    await made.sync()
    return made


async def test_the_targets_of_days_are_known_offline(app: App, network: Network) -> None:
    network.fault = lambda _request: Fault.LOST_BEFORE
    week = app.device.timesheet.week(THIS)

    assert [day.target_minutes for day in week.days] == CONTRACT["minutes"]
    assert week.target_minutes == 1680


async def test_an_absence_is_added_edited_and_deleted(app: App, erin: Caller) -> None:
    absence_id = app.add(MONDAY, MONDAY + timedelta(days=1))
    assert [row.sync for row in app.model.rows] == [Sync.WAITING]
    await app.sync()

    [stored] = (await erin.get("/v1/absences")).json["items"]
    assert (stored["id"], stored["from"], stored["to"]) == (absence_id, "2026-11-23", "2026-11-24")
    assert [row.sync for row in app.model.rows] == [Sync.SYNCED]
    assert (app.day(MONDAY).target_minutes, app.day(MONDAY).absence) == (0, "sick")
    assert app.device.timesheet.week(THIS).target_minutes == 960

    form = app.model.form(absence_id)
    form.set_until(MONDAY)
    form.type_note("better already")
    assert form.save()
    await app.sync()
    [stored] = (await erin.get("/v1/absences")).json["items"]
    assert (stored["to"], stored["note"], stored["version"]) == ("2026-11-23", "better already", 2)
    assert app.day(MONDAY + timedelta(days=1)).target_minutes == 360

    app.model.form(absence_id).delete()
    assert app.model.rows == []
    await app.sync()
    assert (await erin.get("/v1/absences")).json["items"] == []
    assert app.day(MONDAY).target_minutes == 360


async def test_an_absence_shades_its_days_at_once(app: App, network: Network) -> None:
    network.fault = lambda _request: Fault.LOST_BEFORE
    absence_id = app.add(MONDAY, MONDAY + timedelta(days=1))
    app.add(FRIDAY, half=True)
    assert [app.day(MONDAY + timedelta(days=n)).absence for n in range(3)] == ["sick", "sick", None]
    assert [app.day(MONDAY).target_minutes, app.day(FRIDAY).target_minutes] == [0, 120]

    # Edited and deleted before anything was sent.
    form = app.model.form(absence_id)
    form.set_until(MONDAY)
    assert form.save()
    tuesday = app.day(MONDAY + timedelta(days=1))
    assert (tuesday.absence, tuesday.target_minutes) == (None, 360)
    assert app.day(MONDAY).absence == "sick"
    app.model.form(absence_id).delete()
    assert app.day(MONDAY).absence is None


async def test_a_rejected_absence_shades_nothing(app: App, erin: Caller) -> None:
    assert (await erin.post(f"/v1/timesheets/{THIS}/submit")).status == 200
    app.add(MONDAY)
    assert app.day(MONDAY).absence == "sick"
    await app.sync()

    assert len(app.problems.problems) == 1
    assert (app.day(MONDAY).absence, app.day(MONDAY).target_minutes) == (None, 360)


async def test_half_days_leave_half_the_target(app: App) -> None:
    app.add(FRIDAY, half=True)
    await app.sync()

    assert app.day(FRIDAY).target_minutes == 120


async def test_a_deleted_absence_comes_back_with_undo(app: App, erin: Caller) -> None:
    absence_id = app.add(MONDAY)
    await app.sync()
    app.model.form(absence_id).delete()
    undo = app.messages[-1].undo
    assert undo is not None
    undo()
    await app.sync()

    assert [row.absence.id for row in app.model.rows] == [absence_id]
    assert len((await erin.get("/v1/absences")).json["items"]) == 1


async def test_a_submitted_week_takes_no_absence(app: App, erin: Caller) -> None:
    """Known here, the form says so; not yet known here, the server does, as a problem."""
    form = app.model.form()
    form.set_since(MONDAY)
    form.set_until(MONDAY)
    assert (await erin.post(f"/v1/timesheets/{THIS}/submit")).status == 200
    assert form.save()
    await app.sync()
    [problem] = app.problems.problems
    assert problem.why == "lock.submitted"

    late = app.model.form()
    late.set_since(FRIDAY)
    late.set_until(FRIDAY)
    assert not late.save()
    assert late.error == "absence.locked"


async def test_two_devices_never_overwrite_each_other_unseen(app: App, erin: Caller) -> None:
    absence_id = app.add(MONDAY)
    await app.sync()
    body = {"from": "2026-11-23", "to": "2026-11-25", "kind": "vacation", "note": "the other"}
    assert (await erin.put(f"/v1/absences/{absence_id}", body)).status == 200
    form = app.model.form(absence_id)
    form.type_note("mine")
    assert form.save()
    await app.sync()

    [problem] = app.problems.problems
    [stored] = (await erin.get("/v1/absences")).json["items"]
    assert stored["note"] == "the other"

    app.problems.retry(problem.seq)
    await app.sync()
    [stored] = (await erin.get("/v1/absences")).json["items"]
    assert (stored["note"], app.problems.problems) == ("mine", [])


async def test_a_creation_whose_answer_was_lost_stays_deleted(
    app: App, erin: Caller, network: Network
) -> None:
    network.fault = lambda request: Fault.LOST_AFTER if request.method == "PUT" else Fault.NONE
    absence_id = app.add(MONDAY)
    with pytest.raises(Exception, match="network"):
        await app.sync()
    assert (await erin.delete(f"/v1/absences/{absence_id}")).status == 204
    network.fault = lambda _request: Fault.NONE
    await app.sync()

    assert (await erin.get("/v1/absences")).json["items"] == []
    assert app.model.rows == []
