"""The engine survives full disks, services that are down, newer servers, second factors."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from mobile.core.changes import ChangeKind, ServiceName
from mobile.core.database import StoreFull
from mobile.core.network import AccountInactive, Api, Unreachable, UpdateRequired
from mobile.core.outbox import Outbox
from mobile.core.rules import Scope, State
from mobile.core.sync import MAX_ATTEMPTS, SCOPES
from mobile.core.views import Sync
from tests.mobile.device import MONDAY, PROJECTS, THIS, Device, FixedTokens, draft
from tests.mobile.support import AppClock, Fault, Network
from tests.mobile.test_local_store import fill_disk, free_disk
from tests.support.client import Caller

Answer = Callable[[httpx.Request], httpx.Response | None]
EVERYTHING = [scope.value for scope in Scope]


class FakeServer(httpx.AsyncBaseTransport):
    """Services that answer as a test says: for faults that real ones do not have on demand."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []
        self.down: set[str] = set()
        self.answer: Answer = lambda _request: None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        self.seen.append((request.method, path))
        if any(path.startswith(prefix) for prefix in self.down):
            return httpx.Response(502, text="bad gateway", request=request)
        return self.answer(request) or httpx.Response(200, json=_usual(request), request=request)


def _usual(request: httpx.Request) -> Any:
    path = request.url.path
    if path == "/v1/entries/rules":
        return {"scopes": EVERYTHING, "closed_through": None, "target_minutes": 2400}
    if path == "/v1/profile":
        return {"target_minutes": 2400, "name": "Erin"}
    if path.startswith("/v1/timesheets/"):
        return {"week": path.split("/")[3], "state": "open", "version": 1, "entries": []}
    if path.startswith("/v1/entries/"):
        body = {"date": str(MONDAY), "project": "APOLLO", "minutes": 60}
        return {**body, "id": path.split("/")[3], "version": 1}
    if path.endswith("/decision"):
        return _approval(path.split("/")[3], "approved")
    projects = [{"code": p.code, "name": p.name, "customer": p.customer} for p in PROJECTS]
    return {"items": projects if path == "/v1/projects" else [], "next": None}


def _approval(key: str, state: str) -> dict[str, str]:
    body = {"id": key, "submission_id": key, "person": "auth0|e", "week": "2026-W47"}
    return {**body, "state": state}


@pytest.fixture
def server() -> FakeServer:
    return FakeServer()


@pytest.fixture
async def faulty(database: Any, app_clock: AppClock, server: FakeServer) -> Device:
    http = httpx.AsyncClient(transport=server)
    device = Device(database, app_clock, Api(http, "http://server", FixedTokens("token")))
    device.store.replace_projects(PROJECTS)
    device.store.set(SCOPES, sorted(EVERYTHING))
    return device


def decide(device: Device, key: str = "a") -> None:
    device.store.put_approval(_approval(key, "pending"), detailed=False)
    device.outbox.add(ChangeKind.DECIDE, key, {"decision": "approve"}, device.clock.now())


async def test_the_engine_goes_on_after_a_full_disk_and_after_anything_unforeseen(
    faulty: Device, server: FakeServer
) -> None:
    engine = faulty.engine()
    faulty.timesheet.save(draft())
    fill_disk(faulty.database)
    body = {"items": [{"code": "X", "name": "x" * 200_000, "customer": "x"}], "next": None}
    server.answer = lambda request: (
        httpx.Response(200, json=body) if request.url.path == "/v1/projects" else None
    )
    running = asyncio.create_task(engine.run())
    await until(lambda: engine.state.problem == "sync.full")

    free_disk(faulty.database)
    server.answer = lambda _request: (_ for _ in ()).throw(KeyError("unforeseen"))
    engine.wake(pull=True)
    await until(lambda: engine.state.problem == "sync.error")

    server.answer = lambda _request: None
    faulty.timesheet.save(draft(minutes=5))
    engine.wake(pull=True)
    await until(lambda: faulty.outbox.counts() == (0, 0) and engine.state.problem == "")
    assert not running.done()
    running.cancel()


async def test_a_pause_on_a_full_device_does_not_end_the_app(
    faulty: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_outbox: Outbox) -> None:
        raise StoreFull

    decide(faulty)
    monkeypatch.setattr(Outbox, "release_holds", full)

    await faulty.engine().flush(1)

    assert faulty.outbox.counts() == (1, 0)


async def until(happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not happened():
            await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("down", "left", "read"),
    [
        ({"/v1/approvals"}, {"decide"}, "/v1/entries"),
        ({"/v1/profile"}, {"profile"}, "/v1/approvals"),
        ({"/v1/entries", "/v1/timesheets", "/v1/projects"}, {"put", "submit"}, "/v1/approvals"),
    ],
)
async def test_one_service_that_is_down_stops_no_other(
    faulty: Device, server: FakeServer, down: set[str], left: set[str], read: str
) -> None:
    decide(faulty)
    faulty.outbox.add(ChangeKind.PROFILE, "profile", {"target_minutes": 60}, faulty.clock.now())
    faulty.timesheet.save(draft())
    faulty.timesheet.submit(THIS)
    server.down = down
    engine = faulty.engine()

    with pytest.raises(Unreachable):
        await engine.sync()

    assert {change.kind.value for change in faulty.outbox.all()} == left
    assert ("GET", read) in server.seen
    assert engine.state.offline is False
    assert len(engine.state.unavailable) == 1

    server.down = set()
    await engine.sync()
    assert faulty.outbox.all() == []
    assert engine.state.unavailable == frozenset()


async def test_a_change_that_alone_breaks_the_server_becomes_a_problem_with_a_name(
    faulty: Device, server: FakeServer
) -> None:
    bad = faulty.timesheet.save(draft(minutes=10))
    server.answer = lambda request: (
        httpx.Response(500, json={"detail": "broken"}) if request.url.path.endswith(bad) else None
    )
    engine = faulty.engine()
    for _ in range(MAX_ATTEMPTS):
        faulty.timesheet.save(draft(minutes=1))
        with pytest.raises(Unreachable):
            await engine.sync()
    await engine.sync()

    [change] = faulty.outbox.all()
    assert change.failure is not None
    assert (change.target, change.failure.status) == (bad, 500)
    assert engine.state.unavailable == frozenset()


async def test_an_outage_makes_no_problems(faulty: Device, server: FakeServer) -> None:
    faulty.timesheet.save(draft())
    server.answer = lambda _request: httpx.Response(500, json={"detail": "broken"})
    engine = faulty.engine()
    for _ in range(3 * MAX_ATTEMPTS):
        with pytest.raises(Unreachable):
            await engine.sync()

    assert faulty.outbox.counts() == (1, 0)


async def test_what_a_newer_server_knows_does_not_stop_reading(
    faulty: Device, server: FakeServer
) -> None:
    entry = {"id": "1", "date": str(MONDAY), "project": "APOLLO", "minutes": 60, "version": 1}
    entry |= {"lock_reason": "audited", "can_edit": False, "mood": "new"}
    week = {"week": str(THIS), "state": "escalated", "version": 3, "history": []}
    lists = {"/v1/entries": [entry], "/v1/timesheets": [week]}
    lists["/v1/approvals"] = [_approval("a", "escalated")]
    server.answer = lambda request: (
        httpx.Response(200, json={"items": lists[request.url.path], "next": None})
        if request.url.path in lists
        else None
    )
    await faulty.engine().sync()

    view = faulty.timesheet.week(THIS)
    assert (view.state, view.total_minutes) == (State.UNKNOWN, 60)
    assert view.lock is not None
    assert not view.can_submit


async def test_a_server_that_wants_a_newer_app_is_understood(
    faulty: Device, server: FakeServer
) -> None:
    faulty.timesheet.save(draft())
    server.answer = lambda _request: httpx.Response(426, json={"detail": "too old"})
    engine = faulty.engine()
    with pytest.raises(UpdateRequired):
        await engine.sync()

    assert engine.state.problem == "sync.update"
    assert faulty.outbox.counts() == (1, 0)


async def test_a_deactivated_person_is_informed_and_keeps_their_changes(
    faulty: Device, server: FakeServer
) -> None:
    faulty.timesheet.save(draft())
    problem = {"type": "https://timesheets.exampleco.com/problems/inactive", "detail": "Inactive."}
    server.answer = lambda _request: httpx.Response(403, json=problem)
    engine = faulty.engine()
    with pytest.raises(AccountInactive):
        await engine.sync()

    assert engine.state.problem == "sync.inactive"
    assert faulty.outbox.counts() == (1, 0)


async def test_a_decision_waits_for_the_second_factor_and_nothing_else_does(
    faulty: Device, server: FakeServer
) -> None:
    decide(faulty, "a")
    decide(faulty, "b")
    faulty.timesheet.save(draft())
    challenge = (
        'Bearer error="insufficient_user_authentication", '
        'acr_values="http://schemas.openid.net/pape/policies/2007/06/multi-factor", max_age="60"'
    )
    server.answer = lambda request: (
        httpx.Response(401, headers={"WWW-Authenticate": challenge})
        if request.url.path.endswith("/decision")
        else None
    )
    engine = faulty.engine()
    await engine.sync()

    assert [change.kind.value for change in faulty.outbox.all()] == ["decide", "decide"]
    assert sum(path.endswith("/decision") for _, path in server.seen) == 1
    assert engine.state.step_up is not None
    assert (engine.state.step_up.max_age, engine.state.failed) == (60, False)
    assert "multi-factor" in str(engine.state.step_up.acr_values)

    server.answer = lambda _request: None
    await engine.sync()
    assert faulty.outbox.all() == []
    assert engine.state.step_up is None


async def test_an_old_week_on_the_screen_is_refreshed_with_every_pull(
    device: Device, erin: Caller
) -> None:
    old = THIS.plus(-20)
    engine = device.engine()
    engine.shown_week = old
    await engine.sync()
    body = {"date": str(old.monday), "project": "ZEUS", "minutes": 50}
    assert (await erin.post("/v1/entries", body)).status == 201
    assert (await erin.post(f"/v1/timesheets/{old}/submit")).status == 200
    engine.wake(pull=True)
    await engine.sync()

    view = device.timesheet.week(old)
    assert (view.state, view.total_minutes) == (State.SUBMITTED, 50)


async def test_a_refresh_without_news_moves_less_than_3_kb(
    device: Device, erin: Caller, network: Network
) -> None:
    for minutes in range(1, 60):
        body = {"date": str(MONDAY), "project": "ZEUS", "minutes": minutes % 15 + 1}
        assert (await erin.post("/v1/entries", body)).status == 201
    engine = device.engine()
    engine.wake(pull=True)
    await engine.sync()
    sizes: list[int] = []
    network.after_response = lambda response: sizes.append(_size(response))
    engine.wake(pull=True)
    await engine.sync()
    assert sum(sizes) < 3000, sizes

    body = {"date": str(MONDAY), "project": "APOLLO", "minutes": 5, "note": "news"}
    assert (await erin.post("/v1/entries", body)).status == 201
    engine.wake(pull=True)
    await engine.sync()
    [*_, last] = device.timesheet.week(THIS).days[0].entries
    assert last.draft.note == "news"


def _size(response: httpx.Response) -> int:
    head = sum(len(name) + len(value) + 4 for name, value in response.headers.raw)
    return head + len(response.content)


async def test_an_entry_deleted_elsewhere_right_after_it_was_sent_does_not_linger(
    device: Device, erin: Caller
) -> None:
    """The list is then the same as before the entry, and so is its validator."""
    engine = device.engine()
    engine.wake(pull=True)
    await engine.sync()
    made = device.timesheet.save(draft())
    await engine.sync()
    assert (await erin.delete(f"/v1/entries/{made}")).status == 204
    engine.wake(pull=True)
    await engine.sync()

    assert device.timesheet.week(THIS).total_minutes == 0


async def test_what_is_held_is_sent_when_the_app_pauses(device: Device, erin: Caller) -> None:
    made = device.timesheet.save(draft())
    await device.engine().sync()
    device.timesheet.delete(made)
    new = device.timesheet.save(draft(minutes=7))

    await device.engine().flush(5)

    assert (await erin.get(f"/v1/entries/{made}")).status == 404
    assert (await erin.get(f"/v1/entries/{new}")).status == 200
    assert device.outbox.all() == []


async def test_pausing_offline_keeps_everything(device: Device, network: Network) -> None:
    device.timesheet.save(draft())
    network.fault = lambda _request: Fault.LOST_BEFORE
    await device.engine().flush(5)

    assert device.outbox.counts() == (1, 0)
    assert device.timesheet.week(THIS).days[0].entries[0].sync is Sync.WAITING


async def test_entries_stand_in_the_order_in_which_they_were_made(
    device: Device, erin: Caller
) -> None:
    for code, minutes in (("ZEUS", 3), ("APOLLO", 1), ("ZEUS", 2)):
        body = {"date": str(MONDAY), "project": code, "minutes": minutes}
        assert (await erin.post("/v1/entries", body)).status == 201
    device.clock.move(seconds=10)
    device.timesheet.save(draft(minutes=4))
    engine = device.engine()
    engine.wake(pull=True)
    await engine.sync()

    entries = device.timesheet.week(THIS).days[0].entries
    assert [entry.draft.minutes for entry in entries] == [3, 1, 2, 4]


def test_the_service_of_each_change_is_known() -> None:
    assert {kind.service for kind in ChangeKind} == set(ServiceName)
