"""The app as a whole, without a screen."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import AsyncMock, patch

import httpx
import pytest

from mobile.core.network import Unreachable
from mobile.core.rules import Scope
from mobile.core.sync import SCOPES
from mobile.tools.sample import OfflineSession, StillClock, enter, fill, make_model, make_session
from mobile.viewmodels.app import UPDATE_INTERVAL, AppModel
from mobile.viewmodels.stages import Stage, Tab
from tests.mobile.support import Fault, Network


class SlowSignOut:
    """Ends when it may; notes what happens, and lets nobody sign in."""

    def __init__(self) -> None:
        self.happened: list[str] = []
        self.may_end = asyncio.Event()

    async def sign_out(self, _back_to: str) -> None:
        await self.may_end.wait()
        self.happened.append("signed out")

    async def begin(self, *_arguments: object) -> str:
        self.happened.append("signs in")
        raise Unreachable


@pytest.fixture
def session(http: httpx.AsyncClient, tmp_path: Path) -> OfflineSession:
    made = make_session(http, tmp_path, StillClock())
    fill(made.open_sample())
    return made


@pytest.fixture
async def model(session: OfflineSession) -> AppModel:
    made = make_model(session)
    enter(made)
    return made


async def test_screens_look_once_for_hundreds_of_changes(
    model: AppModel, session: OfflineSession
) -> None:
    legibility: list[Stage] = []
    model.watch(lambda: legibility.append(model.stage))

    for _ in range(500):
        session.on_change()
    assert legibility == []
    await asyncio.sleep(2 * UPDATE_INTERVAL)

    assert legibility == [Stage.MAIN]


async def test_approvals_come_and_go_with_the_scope(
    model: AppModel, session: OfflineSession
) -> None:
    assert Tab.APPROVALS in model.tabs
    assert session.workspace is not None
    session.workspace.store.set(SCOPES, [Scope.READ_TIMESHEETS])

    assert Tab.APPROVALS not in model.tabs


async def test_the_end_of_a_sign_in_shows_at_once(model: AppModel, session: OfflineSession) -> None:
    session.on_change()
    await session.close()
    session.on_change()

    assert (model.stage, model.models) == (Stage.SIGN_IN, None)


async def test_a_sign_in_that_the_issuer_ended_says_so_and_that_changes_are_kept(
    model: AppModel, session: OfflineSession
) -> None:
    """The engine's end is that of `SignedOut`."""
    assert session.workspace is not None
    waiting = sum(session.workspace.outbox.counts())
    ended = asyncio.create_task(asyncio.sleep(0))
    session._running = ended
    ended.add_done_callback(session._note_end)
    while session.workspace is not None:
        await asyncio.sleep(0)

    shown = (model.stage, model.failure, model.ended_with)
    await model.stop()
    assert shown == (Stage.SIGN_IN, "ended", waiting)
    assert waiting > 0


async def test_a_start_offline_with_an_empty_store_waits_for_the_first_refresh(
    http: httpx.AsyncClient, tmp_path: Path, network: Network
) -> None:
    """The scopes of the token are not known yet."""
    network.fault = lambda _request: Fault.LOST_BEFORE
    session = make_session(http, tmp_path, StillClock())
    workspace = session.open_sample()
    model = make_model(session)
    enter(model)
    with (
        patch.object(workspace.tokens, "access_token", AsyncMock(return_value="token")),
        pytest.raises(Unreachable),
    ):
        await workspace.engine.sync()

    stages = [(model.stage, model.offline)]
    workspace.engine.note_scopes(())
    model._update()
    stages.append((model.stage, model.offline))
    await model.stop()
    assert stages == [(Stage.FIRST_SYNC, True), (Stage.NO_RIGHTS, True)]


async def test_signing_out_ends_what_was_being_read(
    model: AppModel, session: OfflineSession, network: Network, caplog: pytest.LogCaptureFixture
) -> None:
    network.fault = lambda _request: Fault.LOST_BEFORE
    requested, answered = asyncio.Event(), asyncio.Event()

    async def read_approval(_approval_id: str) -> None:
        requested.set()
        await answered.wait()

    assert session.workspace is not None
    assert model.models is not None
    with patch.object(session.workspace.engine, "read_approval", read_approval):
        model.models.approvals.open("unheard-of")
        await requested.wait()
        model.sign_out("")
        while session.workspace is not None:
            await asyncio.sleep(0)
        answered.set()
        await asyncio.sleep(0)
    await model.stop()

    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


@pytest.fixture
def slow_sign_out(session: OfflineSession) -> Iterator[SlowSignOut]:
    slow = SlowSignOut()
    with (
        patch.object(session, "sign_out", slow.sign_out),
        patch.object(session.signing_in, "begin", slow.begin),
    ):
        yield slow


async def test_signing_in_waits_until_signing_out_is_over(
    model: AppModel, slow_sign_out: SlowSignOut
) -> None:
    model.sign_out("")
    model.sign_in()
    await asyncio.sleep(2 * UPDATE_INTERVAL)
    assert (model.stage, slow_sign_out.happened) == (Stage.BROWSER, [])
    slow_sign_out.may_end.set()
    while model.failure is None:
        await asyncio.sleep(0)
    await model.stop()

    assert slow_sign_out.happened == ["signed out", "signs in"]


async def test_cancelling_meanwhile_prevents_the_sign_in(
    model: AppModel, slow_sign_out: SlowSignOut
) -> None:
    model.sign_out("")
    model.sign_in()
    await asyncio.sleep(2 * UPDATE_INTERVAL)
    model.cancel_sign_in()
    await asyncio.sleep(2 * UPDATE_INTERVAL)
    slow_sign_out.may_end.set()
    await asyncio.sleep(2 * UPDATE_INTERVAL)
    await model.stop()

    assert (model.stage, slow_sign_out.happened) == (Stage.SIGN_IN, ["signed out"])
