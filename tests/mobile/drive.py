"""Drives the real widgets without a display and prints what it saw as JSON; run by test_screens.

A process of its own: Kivy takes over the process that imports it. test_screens sets the size.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
from kivy.base import EventLoop
from kivy.core.window import Window
from kivy.uix.widget import Widget

from mobile.app import TimesheetsApp
from mobile.core.network import Api, make_client
from mobile.core.services import Services
from mobile.core.sync import SCOPES
from mobile.core.validators import Validators
from mobile.core.wire import Entry
from mobile.preferences import Preferences
from mobile.tools.sample import NoBrowser, StillClock, enter, fill, make_model, make_session
from mobile.ui.buttons import Chip, PushButton
from mobile.ui.shell import Shell
from mobile.ui.text import Text
from mobile.viewmodels.app import UPDATE_INTERVAL
from mobile.viewmodels.stages import Tab
from tests.mobile.gestures import gestures
from tests.mobile.glyphs import boxes
from tests.mobile.legibility import FEW_SCENES, FEW_WAYS, walk
from tests.mobile.resizing import resize

FRAMES = 4


# Longer than any machine takes to press a button, however busy it is.
DELAY = 60.0


class HangingTransport(httpx.AsyncBaseTransport):
    """A network that answers nothing for a long while."""

    requests = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests += 1
        await asyncio.sleep(DELAY)
        raise httpx.ReadTimeout("too slow", request=request)


class FixedTokens:
    async def access_token(self) -> str:
        return "token"

    async def replace(self, stale: str) -> str:
        return stale


def settle(frames: int = FRAMES) -> None:
    for _ in range(frames):
        EventLoop.idle()


def milliseconds(act: Callable[[], object], clock: Callable[[], float] = time.thread_time) -> float:
    """Measure CPU time of the app's own thread, without other processes and drawing by software."""
    began = clock()
    act()
    return (clock() - began) * 1000


def tap(widget: Widget) -> None:
    widget.dispatch("on_press")
    widget.dispatch("on_release")


def found(root: Widget, kind: type, text: str = "") -> list[Any]:
    return [
        each
        for each in root.walk()
        if isinstance(each, kind) and (not text or getattr(each, "text", "") == text)
    ]


def log_an_entry(shell: Shell, clock: Callable[[], float] = time.thread_time) -> dict[str, Any]:
    shell.go(Tab.WEEK)
    settle()
    before = len(shell.models.week.rows(shell.today))
    waits = [milliseconds(lambda: tap(shell.screen.ids.add), clock)]
    settle()
    sheet = shell.ids.overlays.children[0]
    for kind, text in ((Chip, "Web shop"), (Chip, "1:00"), (PushButton, "Save")):
        [button, *_] = found(sheet, kind, text)
        waits.append(milliseconds(partial(tap, button), clock))
    settle()
    added = len(shell.models.week.rows(shell.today)) - before
    cards = sum(type(each).__name__ == "EntryCard" for each in shell.walk())
    return {"added": added, "cards": cards, "slowest_tap_ms": max(waits)}


def scroll(shell: Shell, many: int) -> list[float]:
    """Milliseconds for each frame while the longest list is scrolled through."""
    shell.go(Tab.APPROVALS)
    settle(20)  # a person needs a third of a second before scrolling

    def move(step: int) -> None:
        shell.screen.list.scroll_y = 1 - step / many
        EventLoop.idle()

    return sorted(milliseconds(partial(move, step)) for step in range(many))


def kept_texts(shell: Shell) -> int:
    """Count the texts that stay alive after the week was drawn several times."""
    shell.go(Tab.WEEK)
    settle(20)  # the list makes its spare rows, one a frame
    counts = []
    for times in (1, 6):
        for _ in range(times):
            shell.models.week.changed()
            settle(1)
        gc.collect()
        counts.append(sum(issubclass(type(each), Text) for each in gc.get_objects()))
    return counts[1] - counts[0]


def many_approvals(shell: Shell) -> None:
    workspace = shell.model.workspace
    if workspace is None:
        return
    for number in range(300):
        body = {
            "id": f"many-{number}",
            "submission_id": "s",
            "person": "p",
            "flags": ["weekend"],
            "person_name": f"Person {number}",
            "week": "2026-W46",
            "state": "pending",
        }
        workspace.store.put_approval(body, detailed=False)
    shell.models.approvals.refresh()


def everything(shell: Shell) -> Iterator[Callable[[], object]]:
    """Every other press, with the screens it is on."""
    for tab in (Tab.TIMER, Tab.PROFILE, Tab.APPROVALS):
        yield partial(shell.go, tab)
    model = shell.models.approvals
    yield partial(model.open, model.pending[0].approval.id)  # its detail has yet to be read
    yield partial(tap, found(shell, PushButton, "Approve")[0])
    yield partial(shell.go, Tab.WEEK)
    yield partial(shell.models.week.shift, -60)  # a week that was never read
    yield shell.models.week.go_to_today
    yield partial(tap, found(shell, PushButton, "Submit week")[0])
    yield shell.synchronise


async def press_while_the_network_hangs(shell: Shell) -> dict[str, Any]:
    workspace, transport = shell.model.workspace, HangingTransport()
    assert workspace is not None
    async with httpx.AsyncClient(transport=transport) as http:
        api = Api(http, "http://127.0.0.1:1", FixedTokens())
        workspace.engine._puller.services = Services(api, Validators(workspace.database))
        workspace.engine._sender = replace(workspace.engine._sender, api=api)
        running = asyncio.create_task(workspace.engine.run())
        for _ in range(5):
            await asyncio.sleep(0)
        # By the clock on the wall: who waits is not busy.
        logged = log_an_entry(shell, time.perf_counter)
        waits = [logged["slowest_tap_ms"]]
        for act in everything(shell):
            waits.append(milliseconds(act, time.perf_counter))
            settle(1)
            await asyncio.sleep(0)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    return {"asked": transport.requests, "added": logged["added"], "slowest_ms": max(waits)}


@asynccontextmanager
async def started() -> AsyncIterator[tuple[TimesheetsApp, float]]:
    """The app with 2,000 entries in its store, and the seconds until it was on the screen."""
    with tempfile.TemporaryDirectory() as place:
        async with make_client() as http:
            clock = StillClock()
            session = make_session(http, Path(place), clock)
            workspace = session.open_sample()
            fill(workspace)
            first = date(2026, 1, 1)
            workspace.store.replace_entries(
                first,
                date(2026, 10, 1),
                [
                    Entry(f"e{n}", first + timedelta(days=n % 270), "BIG-WEB", 30, 1, note=str(n))
                    for n in range(2000)
                ],
            )
            await session.close()

            began = time.thread_time()
            session.open_sample()
            model = make_model(session)
            preferences = Preferences(Path(place) / "preferences.json")
            preferences.language = "en"
            app = TimesheetsApp(model, NoBrowser(), preferences, clock)
            enter(model)
            app.run_quietly()
            EventLoop.idle()
            yield app, time.thread_time() - began
            app.shell.leave()
            await model.stop()


async def drive() -> dict[str, Any]:
    """The parts that every run of the tests checks."""
    async with started() as (app, seconds):
        shell, model = app.shell, app.model
        results: dict[str, Any] = {"start_seconds": seconds}
        results["entry"] = log_an_entry(shell)
        results["tabs"] = [str(tab) for tab in model.tabs]
        results["window"] = list(Window.size)
        results["kept_texts"] = kept_texts(shell)
        results["gestures"] = gestures(shell)
        results["hanging"] = await press_while_the_network_hangs(shell)
        results |= await without_scope(shell)
    return results


async def without_scope(shell: Shell) -> dict[str, Any]:
    """The person is on the approvals when the right to approve ends."""
    model = shell.model
    shell.go(Tab.APPROVALS)
    assert model.workspace is not None
    model.workspace.store.set(SCOPES, ["read:timesheets", "create:timesheets"])
    model._session.on_change()
    await asyncio.sleep(2 * UPDATE_INTERVAL)
    settle()
    return {
        "tabs_without_scope": [str(tab) for tab in model.tabs],
        "tab_after": str(shell.tab),
    }


async def look_closely() -> dict[str, Any]:
    """The drawn screens: what can be hit and read, other scripts, and frames while scrolling."""
    async with started() as (app, _seconds):
        results: dict[str, Any] = {"boxes": boxes(app.shell)}
        results["legibility"] = walk(app, FEW_WAYS, FEW_SCENES)
        app.set_language("en")
        results["resized"] = resize(app)
        many_approvals(app.shell)
        frames = scroll(app.shell, 60)
        results["frame_p99_ms"] = frames[int(len(frames) * 0.99)]
    return results


if __name__ == "__main__":
    part = look_closely if os.environ.get("LOOK_CLOSELY") else drive
    sys.stdout.write(json.dumps(asyncio.run(part())))
