"""The pictures of one size; imported once Kivy's settings are made."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from kivy.base import EventLoop, stopTouchApp
from kivy.core.window import Window
from PIL import Image

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

LOOKS = (Appearance.LIGHT, Appearance.DARK)
FRAMES = 4


def settle(frames: int = FRAMES) -> None:
    """Let layouts and colours come to rest."""
    for _ in range(frames):
        EventLoop.idle()


def take(path: Path) -> None:
    settle()
    made = Path(Window.screenshot(name=str(path.with_suffix(".new.png"))))
    # As few colours as a flat design needs: a quarter of the bytes.
    Image.open(made).convert("RGB").quantize(128).save(path)
    made.unlink()


def scenes(app: TimesheetsApp) -> dict[str, Callable[[Shell], None]]:
    """What is to be seen in each picture, in an order in which one follows from another."""
    model = app.model

    def choose(shell: Shell) -> None:
        shell.go(Tab.WEEK)
        shell.new_entry(shell.today)
        form = shell.ids.overlays.children[0].form
        form.choose_project("BIG-WEB")
        form.choose_minutes(120)

    def detail(shell: Shell) -> None:
        shell.go(Tab.APPROVALS)
        shell.models.approvals.open(shell.models.approvals.pending[1].approval.id)

    def problems(shell: Shell) -> None:
        if model.workspace is not None and not model.counts[1]:
            add_problem(model.workspace)
        shell.go(Tab.PROFILE)
        shell.open_problems()

    def stage(which: Stage) -> Callable[[Shell], None]:
        return lambda _shell: enter(model, which)

    return {
        "week": lambda shell: shell.go(Tab.WEEK),
        "entry": choose,
        "approvals": lambda shell: shell.go(Tab.APPROVALS),
        "approval": detail,
        "profile": lambda shell: shell.go(Tab.PROFILE),
        "timer": lambda shell: shell.go(Tab.TIMER),
        "problems": problems,
        "sign-in": stage(Stage.SIGN_IN),
        "browser": stage(Stage.BROWSER),
        "no-rights": stage(Stage.NO_RIGHTS),
    }


async def draw(folder: Path, size: str, only: str = "") -> None:
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
                app.choose_look(look)
                for problem in model.models.problems.problems if model.models else ():
                    model.models.problems.drop(problem.seq)
                for name, arrange in scenes(app).items():
                    if only in name:
                        show(app, arrange)
                        take(folder / f"{name}-{size}-{look}.png")
            if app.shell is not None:
                app.shell.leave()
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
