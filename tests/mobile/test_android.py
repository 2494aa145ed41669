"""The app's calls of Android, against doubles: no phone is at hand."""

from __future__ import annotations

import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mobile.core.background import send_pending
from mobile.core.changes import ChangeKind
from mobile.core.network import StepUpRequired
from mobile.core.rules import Scope
from mobile.core.session import Session
from mobile.device import android
from mobile.device.background import send_in_thread
from mobile.device.system import system_language, windows_language
from mobile.device.token_store import KEY_LOST, AndroidStore
from mobile.viewmodels.notifications import due_notifications
from mobile.viewmodels.timer import TimerModel
from tests.mobile.conftest import LOOPBACK, Phone
from tests.mobile.device import PROJECTS, draft
from tests.mobile.offline_app import OfflineApp, approval
from tests.mobile.support import Network


class JavaError(Exception):
    def __init__(self, classname: str) -> None:
        super().__init__(classname)
        self.classname = classname


class Keystore:
    """The Java classes that the token store uses; `error` is what decrypting throws."""

    def __init__(self) -> None:
        self.error: str | None = None
        self.deleted: list[str] = []

    def __call__(self, name: str) -> Any:
        if name == "javax.crypto.Cipher":
            return SimpleNamespace(getInstance=lambda _how: self)
        if name == "java.security.KeyStore":
            return SimpleNamespace(getInstance=lambda _which: self)
        return lambda *arguments: arguments

    def init(self, mode: int, *_arguments: Any) -> None:
        if mode == 2 and self.error is not None:
            raise JavaError(self.error)

    def load(self, _parameters: Any) -> None: ...

    def containsAlias(self, _alias: str) -> bool:  # noqa: N802 - Java's name
        return True

    def getKey(self, _alias: str, _password: Any) -> str:  # noqa: N802 - Java's name
        return "key"

    def deleteEntry(self, alias: str) -> None:  # noqa: N802 - Java's name
        self.deleted.append(alias)

    def getIV(self) -> bytes:  # noqa: N802 - Java's name
        return b"iv"

    def doFinal(self, content: bytes) -> bytes:  # noqa: N802 - Java's name
        return bytes(reversed(content))


@pytest.mark.parametrize("error", sorted(KEY_LOST))
def test_a_lost_key_ends_the_sign_in_instead_of_locking_the_person_out(
    tmp_path: Path, error: str
) -> None:
    keystore = Keystore()
    store = AndroidStore(keystore, tmp_path)
    store.save("session", "secret")
    assert store.load("session") == "secret"
    keystore.error = error

    assert store.load("session") is None
    assert keystore.deleted == [AndroidStore.ALIAS]
    keystore.error = None
    store.save("session", "new")
    assert store.load("session") == "new"


def test_insets_are_those_of_bars_cutout_and_keyboard() -> None:
    found = SimpleNamespace(left=0, top=63, right=0, bottom=132)
    requested: list[int] = []
    insets = SimpleNamespace(getInsets=lambda kinds: requested.append(kinds) or found)
    view = SimpleNamespace(getRootWindowInsets=lambda: insets)
    activity = SimpleNamespace(getWindow=lambda: SimpleNamespace(getDecorView=lambda: view))
    kinds = SimpleNamespace(systemBars=lambda: 7, displayCutout=lambda: 128, ime=lambda: 8)
    classes = {
        android.ACTIVITY: SimpleNamespace(mActivity=activity),
        "android.view.WindowInsets$Type": kinds,
    }

    assert android.read_insets(classes.__getitem__) == android.Insets(0, 63, 0, 132)
    assert requested == [7 | 128 | 8]


@pytest.mark.parametrize(("mode", "dark"), [(0x21, True), (0x11, False)])
def test_dark_mode_is_the_systems(mode: int, dark: bool) -> None:
    configuration = SimpleNamespace(UI_MODE_NIGHT_MASK=0x30, UI_MODE_NIGHT_YES=0x20)
    resources = SimpleNamespace(getConfiguration=lambda: SimpleNamespace(uiMode=mode))
    activity = SimpleNamespace(getResources=lambda: resources)
    classes = {
        android.ACTIVITY: SimpleNamespace(mActivity=activity),
        "android.content.res.Configuration": configuration,
    }

    assert android.is_dark(classes.__getitem__) is dark


def test_the_text_size_is_the_systems() -> None:
    configuration = SimpleNamespace(fontScale=1.3)
    resources = SimpleNamespace(getConfiguration=lambda: configuration)
    activity = SimpleNamespace(getResources=lambda: resources)
    classes = {android.ACTIVITY: SimpleNamespace(mActivity=activity)}

    assert android.read_text_size(classes.__getitem__) == 1.3


def test_the_language_is_the_systems(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "de_AT.UTF-8")
    assert system_language("linux") == "de_AT.UTF-8"
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.setenv("LC_MESSAGES", "")
    monkeypatch.setenv("LANG", "de_DE.UTF-8")
    assert system_language("linux") == "de_DE.UTF-8"
    assert windows_language("German_Austria") == "de"


async def test_the_background_job_sends_what_the_app_left(
    phone: Phone, tmp_path: Path, network: Network
) -> None:
    session = Session(phone.settings, phone.store, phone.http, tmp_path / "app", phone.clock)
    address = await session.signing_in.begin(LOOPBACK)
    await session.complete(await phone.choose(address, "erin"))
    assert session.workspace is not None
    session.workspace.store.replace_projects(PROJECTS)
    session.workspace.timesheet.save(draft())
    seq = session.workspace.outbox.add(
        ChangeKind.DECIDE,
        "a",
        {"decision": "approve"},
        phone.clock.now(),
        hold_until=phone.clock.now().timestamp() + 5,
    )
    await session.close()
    network.seen.clear()

    result = await send_pending(
        phone.settings, phone.store, phone.http, tmp_path / "app", phone.clock, 5
    )

    assert result.signed_in
    assert {method for method, path in network.seen if path.startswith("/v1/")} == {"PUT"}
    assert seq > 0


async def test_without_a_sign_in_the_job_ends_at_once(phone: Phone, tmp_path: Path) -> None:
    result = await send_pending(
        phone.settings, phone.store, phone.http, tmp_path / "app", phone.clock, 5
    )
    assert (result.signed_in, result.waiting) == (False, 0)


def test_sending_on_pause_uses_a_thread_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[str] = []

    async def send(*_arguments: Any, **_options: Any) -> None:
        ran.append(threading.current_thread().name)

    monkeypatch.setattr("mobile.device.background._send", send)
    send_in_thread(None, None, tmp_path, None).join(10)  # type: ignore[arg-type]

    assert ran == ["send-on-pause"]


async def test_each_notification_is_shown_once_and_none_that_an_email_says(
    app: OfflineApp,
) -> None:
    app.allow(*Scope)
    app.device.store.put_approval(approval(1), detailed=False)
    timer = TimerModel(app.workspace, app.clock)
    timer.start()
    app.clock.move(hours=11)

    def due() -> list[str]:
        found = due_notifications(app.workspace, app.clock, timer, app.approvals())
        return [each.key for each in found]

    assert due() == ["notice.timer", "notice.approvals"]
    assert due() == []
    app.device.store.put_approval(approval(2), detailed=False)
    app.device.store.set("profile", {"reminders": True})
    assert due() == []
    app.device.store.set("profile", {"reminders": False})
    assert due() == ["notice.approvals"]


async def test_a_second_factor_is_requested_as_the_api_demands(phone: Phone) -> None:
    demand = StepUpRequired("urn:multi-factor", 60)
    address = await phone.signing_in.begin(LOOPBACK, "maya@exampleco.com", demand)

    for part in ("acr_values=urn%3Amulti-factor", "max_age=60", "login_hint=maya"):
        assert part in address
