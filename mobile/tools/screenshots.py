"""Draws every screen without a display: `python -m mobile.tools.screenshots docs/images`."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("SDL_VIDEODRIVER", "offscreen")
os.environ.setdefault("KIVY_NO_ARGS", "1")
os.environ.setdefault("KIVY_NO_CONFIG", "1")
os.environ.setdefault("KIVY_LOG_MODE", "PYTHON")
os.environ.setdefault("KIVY_METRICS_DENSITY", "1")
os.environ.setdefault("KIVY_DPI", "160")

from kivy.base import EventLoop, stopTouchApp
from kivy.core.window import Window

from mobile.app import TimesheetsApp
from mobile.core.network import make_client
from mobile.preferences import Preferences
from mobile.tools.sample import (
    NoBrowser,
    StillClock,
    add_problem,
    enter,
    fill,
    make_model,
    make_session,
)
from mobile.ui.shell import Shell
from mobile.viewmodels.app import Stage, Tab
from mobile.viewmodels.profile import Appearance

SIZES = {"phone": (412, 915), "tablet": (1180, 820)}
LOOKS = (Appearance.LIGHT, Appearance.DARK)
FRAMES = 12


def settle(frames: int = FRAMES) -> None:
    """Let layouts and colours come to rest."""
    for _ in range(frames):
        EventLoop.idle()


def take(path: Path) -> None:
    settle()
    made = Path(Window.screenshot(name=str(path.with_suffix(".new.png"))))
    made.replace(path)


def scenes(app: TimesheetsApp) -> dict[str, Callable[[Shell], None]]:
    """What is to be seen in each picture, in an order in which one follows from another."""
    model = app.model

    def entry(shell: Shell) -> None:
        shell.go(Tab.WEEK)
        shell.new_entry(shell.today)

    def choose(shell: Shell) -> None:
        entry(shell)
        form = shell.ids.overlays.children[0].form
        form.choose_project("BIG-WEB")
        form.choose_minutes(120)

    def timer(shell: Shell) -> None:
        shell.models.timer.choose_project("CITY-APP")
        if not shell.models.timer.running:
            shell.models.timer.start()
        shell.go(Tab.TIMER)

    def detail(shell: Shell) -> None:
        shell.go(Tab.APPROVALS)
        shell.models.approvals.open(shell.models.approvals.pending[1].approval.id)

    def problems(shell: Shell) -> None:
        if model.workspace is not None and not model.counts[1]:
            add_problem(model.workspace)
        shell.open_problems()

    def stage(which: Stage) -> Callable[[Shell], None]:
        return lambda _shell: enter(model, which)

    return {
        "week": lambda shell: shell.go(Tab.WEEK),
        "entry": choose,
        "approvals": lambda shell: shell.go(Tab.APPROVALS),
        "approval": detail,
        "profile": lambda shell: shell.go(Tab.PROFILE),
        "timer": timer,
        "problems": problems,
        "sign-in": stage(Stage.SIGN_IN),
        "browser": stage(Stage.BROWSER),
        "no-rights": stage(Stage.NO_RIGHTS),
    }


async def draw(folder: Path, only: str = "") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        async with make_client() as http:
            clock = StillClock()
            session = make_session(http, Path(place), clock)
            fill(session.open_sample())
            model = make_model(session)
            preferences = Preferences(Path(place) / "preferences.json")
            preferences.language = "en"
            app = TimesheetsApp(model, NoBrowser(), preferences, clock)
            enter(model)
            app.run_quietly()
            for look in LOOKS:
                for size, (width, height) in SIZES.items():
                    app.choose_look(look)
                    Window.size = (width, height)
                    for name, arrange in scenes(app).items():
                        if only in name:
                            show(app, arrange)
                            take(folder / f"{name}-{size}-{look}.png")
            stopTouchApp()
            await session.close()


def show(app: TimesheetsApp, arrange: Callable[[Shell], None]) -> None:
    shell = app.shell
    if shell is None:
        raise RuntimeError("the app was not built")
    shell.ids.overlays.clear_widgets()
    enter(app.model)
    shell.leave_problems()
    settle()
    arrange(shell)


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/images")
    asyncio.run(draw(folder, sys.argv[2] if len(sys.argv) > 2 else ""))


if __name__ == "__main__":
    main()
