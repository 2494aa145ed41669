"""Signed in, signed out, and what stays on the device."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web

from mobile.core.drafts import Drafts, SavedDraft
from mobile.core.logs import protect_logs
from mobile.core.network import SignedOut, Unreachable
from mobile.core.rules import ApprovalState, Scope
from mobile.core.session import Session
from mobile.core.settings import AppSettings
from mobile.core.tokens import StoredSession
from mobile.core.weeks import Week
from mobile.core.wire import Entry
from tests.mobile.conftest import LOOPBACK, Phone
from tests.mobile.device import PROJECTS, draft
from tests.mobile.support import Fault, Network
from tests.support.issuer import PERSON

BACK = "http://127.0.0.1/signed-out"


@pytest.fixture
async def session(phone: Phone, tmp_path: Path) -> AsyncIterator[Session]:
    made = Session(phone.settings, phone.store, phone.http, tmp_path / "app", phone.clock)
    yield made
    await made.close()


async def sign_in(session: Session, phone: Phone, person: str = "erin") -> None:
    address = await session.signing_in.begin(LOOPBACK)
    await session.complete(await phone.choose(address, person))


def is_open(session: Session) -> bool:
    return session.workspace is not None


def log_an_hour(session: Session, note: str = "") -> None:
    assert session.workspace is not None
    session.workspace.store.replace_projects(PROJECTS)
    session.workspace.timesheet.save(draft(note=note))


def notes_on_the_device(session: Session) -> set[str]:
    """The notes of the tests that stand anywhere in the files of the app."""
    files = b"".join(each.read_bytes() for each in session.folder.rglob("*") if each.is_file())
    notes = ("not yet sent", "long since sent", "half a sentence")
    return {note for note in notes if note.encode() in files}


async def end_at_the_issuer(session: Session, phone: Phone) -> None:
    stored = StoredSession.from_text(phone.store.secrets["session"])
    assert stored is not None
    await session.issuer.revoke(stored.refresh_token)


async def test_a_start_without_network_opens_what_the_last_one_left(
    session: Session, phone: Phone, network: Network, tmp_path: Path
) -> None:
    await sign_in(session, phone, "maya")
    log_an_hour(session)
    await session.close()
    network.fault = lambda _request: Fault.LOST_BEFORE
    network.seen.clear()

    again = Session(phone.settings, phone.store, phone.http, tmp_path / "app", phone.clock)
    await again.restore()

    assert again.workspace is not None
    assert again.workspace.identity.email == "maya@exampleco.com"
    assert again.workspace.may(Scope.APPROVE_TIMESHEETS)
    assert again.workspace.outbox.counts() == (1, 0)
    assert network.seen == []
    await again.close()


async def test_invalid_grant_keeps_the_outbox_for_the_same_person_only(
    session: Session, phone: Phone, network: Network
) -> None:
    await sign_in(session, phone, "erin")
    log_an_hour(session)
    await end_at_the_issuer(session, phone)
    phone.clock.move(hours=2)
    changes: list[bool] = []
    session.on_change = lambda: changes.append(session.workspace is None)
    session.start()
    assert session._running is not None
    await session._running
    await asyncio.sleep(0)

    assert not is_open(session)
    assert changes[-1] is True
    assert "session" not in phone.store.secrets

    network.seen.clear()
    await sign_in(session, phone, "maya")
    assert session.workspace is not None
    assert session.workspace.outbox.counts() == (0, 0)
    with pytest.raises(Unreachable):  # only the issuer is there
        await session.workspace.engine.sync()
    assert not any(method == "PUT" for method, _ in network.seen)

    await session.close()
    await sign_in(session, phone, "erin")
    assert session.workspace is not None
    assert session.workspace.outbox.counts() == (1, 0)


async def test_only_unsent_work_of_an_ended_sign_in_stays_when_somebody_else_signs_in(
    session: Session, phone: Phone
) -> None:
    await sign_in(session, phone, "erin")
    log_an_hour(session, "not yet sent")
    assert session.workspace is not None
    store, path = session.workspace.store, session.workspace.database.path
    assert path is not None
    day = draft().date
    store.put_entry(Entry("sent", day, "BIG-WEB", 30, 1, note="long since sent"))
    Drafts(store).put(SavedDraft("d", day, note="half a sentence"))
    await session.close()
    assert notes_on_the_device(session) == {"not yet sent", "long since sent", "half a sentence"}

    await sign_in(session, phone, "maya")
    assert notes_on_the_device(session) == {"not yet sent", "half a sentence"}
    await session.sign_out(BACK)
    await sign_in(session, phone, "erin")

    assert session.workspace is not None
    assert session.workspace.outbox.counts() == (1, 0)
    assert session.workspace.timesheet.week(Week.of(day)).total_minutes == 60
    assert [each.note for each in Drafts(session.workspace.store).all()] == ["half a sentence"]


async def test_nothing_of_an_ended_sign_in_stays_where_all_was_sent(
    session: Session, phone: Phone
) -> None:
    await sign_in(session, phone, "erin")
    assert session.workspace is not None
    entry = Entry("sent", draft().date, "BIG-WEB", 30, 1, note="long since sent")
    session.workspace.store.put_entry(entry)
    await session.close()

    await sign_in(session, phone, "erin")
    await session.close()
    assert notes_on_the_device(session) == {"long since sent"}
    await sign_in(session, phone, "maya")
    await session.sign_out(BACK)

    assert list(session.folder.iterdir()) == []


async def test_a_store_that_cannot_be_read_is_left_to_its_owner(
    session: Session, phone: Phone
) -> None:
    session.folder.mkdir(parents=True)
    damaged = session.folder / "0123.db"
    damaged.write_bytes(b"no database" * 100)

    await sign_in(session, phone, "maya")

    assert is_open(session)
    assert damaged.read_bytes() == b"no database" * 100


async def test_signing_out_wipes_and_revokes(session: Session, phone: Phone) -> None:
    await sign_in(session, phone)
    log_an_hour(session, "a note")
    stored = StoredSession.from_text(phone.store.secrets["session"])
    assert stored is not None

    address = await session.sign_out(BACK)

    assert address is not None
    assert (await phone.http.get(address)).headers["Location"] == BACK
    assert phone.store.secrets == {}
    assert list(session.folder.iterdir()) == []
    phone.store.save("session", stored.to_text())
    with pytest.raises(SignedOut):
        await phone.manager().access_token()


async def test_a_running_renewal_does_not_undo_a_sign_out(
    session: Session, phone: Phone, network: Network
) -> None:
    await sign_in(session, phone)
    phone.clock.move(hours=2)
    assert session.workspace is not None
    tokens = session.workspace.tokens
    network.gate.clear()
    renewing = asyncio.create_task(tokens.access_token())
    while ("POST", "/oauth/token") not in network.seen[2:]:
        await asyncio.sleep(0)
    leaving = asyncio.create_task(session.sign_out(BACK))
    while phone.store.secrets:
        await asyncio.sleep(0)
    network.gate.set()

    await asyncio.gather(leaving, renewing, return_exceptions=True)
    assert phone.store.secrets == {}


async def test_signing_out_wipes_offline_too(
    session: Session, phone: Phone, network: Network
) -> None:
    await sign_in(session, phone)
    log_an_hour(session, "a note")
    network.fault = lambda _request: Fault.LOST_BEFORE

    assert await session.sign_out(BACK) is None
    assert phone.store.secrets == {}
    assert list(session.folder.iterdir()) == []


@dataclass
class Services:
    """Servers that know everybody and have nothing; approvals is among them."""

    url: str = ""
    scopes: set[str] = field(default_factory=lambda: set(PERSON.split()))

    async def rules(self, _request: web.Request) -> web.Response:
        return web.json_response({"scopes": sorted(self.scopes), "target_minutes": 2400})

    async def profile(self, _request: web.Request) -> web.Response:
        return web.json_response({"name": "Erin"})

    async def put(self, request: web.Request) -> web.Response:
        body = {**await request.json(), "id": request.match_info["id"], "version": 1}
        return web.json_response({**body, "billable": True})

    async def nothing(self, _request: web.Request) -> web.Response:
        return web.json_response({"items": [], "next": None})


@pytest.fixture
async def services() -> AsyncIterator[Services]:
    made, app = Services(), web.Application()
    app.router.add_get("/v1/entries/rules", made.rules)
    app.router.add_get("/v1/profile", made.profile)
    app.router.add_put("/v1/entries/{id}", made.put)
    app.router.add_get("/v1/{rest:.*}", made.nothing)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    made.url = f"http://{host}:{port}"
    yield made
    await runner.cleanup()


async def test_a_scope_that_comes_and_goes_shows_at_the_next_renewal(
    phone: Phone, network: Network, tmp_path: Path, services: Services
) -> None:
    settings = AppSettings(services.url, phone.settings.issuer)
    session = Session(settings, phone.store, phone.http, tmp_path / "app", phone.clock)
    await sign_in(session, phone)
    assert session.workspace is not None
    engine = session.workspace.engine
    shown: list[bool] = []
    session.on_change = lambda: shown.append(Scope.APPROVE_TIMESHEETS in engine.scopes)

    await engine.sync()
    assert network.count("/v1/approvals") == 0
    assert not any(shown)

    await phone.assign("erin", "Manager")
    services.scopes.add("approve:timesheets")
    phone.clock.move(hours=2)
    engine.wake(pull=True)
    await engine.sync()
    assert shown.pop()
    assert network.count("/v1/approvals") > 0

    await phone.assign("erin", "Employee")
    services.scopes.discard("approve:timesheets")
    phone.clock.move(hours=2)
    engine.wake(pull=True)
    network.seen.clear()
    await engine.sync()
    assert network.count("/v1/approvals") == 0
    assert [shown[0], shown[-1]] == [False, False]
    assert session.workspace.store.approvals(*ApprovalState) == []
    await session.close()


async def test_no_token_note_or_address_is_in_any_log_line(
    phone: Phone,
    network: Network,
    tmp_path: Path,
    services: Services,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    settings = AppSettings(services.url, phone.settings.issuer)
    session = Session(settings, phone.store, phone.http, tmp_path / "app", phone.clock)
    protect_logs()
    await sign_in(session, phone)
    tokens = {phone.store.secrets["session"]}
    assert session.workspace is not None
    tokens.add(await session.workspace.tokens.access_token())
    log_an_hour(session, "a very secret note")
    await session.workspace.engine.sync()
    phone.clock.move(hours=2)
    session.workspace.engine.wake(pull=True)
    await session.workspace.engine.sync()
    tokens |= {phone.store.secrets["session"], await session.workspace.tokens.access_token()}
    network.fault = lambda _request: Fault.LOST_BEFORE
    log_an_hour(session, "another secret note")
    with pytest.raises(Unreachable):
        await session.workspace.engine.sync()
    await session.sign_out(BACK)

    ours = [r for r in caplog.records if not r.name.startswith(("aiohttp", "asyncio", "dev"))]
    lines = [record.getMessage() + str(record.exc_info or "") for record in ours]
    assert len(lines) > 5
    stored = [StoredSession.from_text(text) for text in tokens]
    texts = {each.refresh_token for each in stored if each is not None}
    texts |= {token for token in tokens if token.startswith("eyJ")}
    for text in (*texts, "secret note", "erin@exampleco.com", "code=", "state=", "auth0"):
        assert not any(text in line for line in lines), text
