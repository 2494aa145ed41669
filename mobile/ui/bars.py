"""The bars above and below every screen: offline, problems, the running timer."""

from __future__ import annotations

from typing import Any

from kivy.metrics import dp
from kivy.properties import StringProperty
from kivy.uix.widget import Widget

from mobile.core.changes import ServiceName
from mobile.text import Strings
from mobile.ui.buttons import TappableRow
from mobile.ui.layout import load_kv
from mobile.ui.timer import clock_text
from mobile.viewmodels.app import AppModel
from mobile.viewmodels.timer import TimerModel


class TimerBar(TappableRow):
    """The running timer: a press shows it, its button stops it."""

    text = StringProperty()
    __events__ = ("on_stop",)

    def on_stop(self) -> None:
        """Stop the timer; the frame binds this."""

    def on_touch_down(self, touch):
        stop = self.ids.stop
        if stop.collide_point(*touch.pos) and not stop.disabled:
            return stop.on_touch_down(touch)
        return super().on_touch_down(touch)


def render_bars(
    ids: Any, model: AppModel, strings: Strings, *, main: bool, on_problems: bool
) -> None:
    """The bars above the screen; without a signed-in person there are none."""
    render_offline(ids.offline, model, strings)
    render_problems(ids.problems, model, strings)
    if on_problems or not main:
        ids.problems.text = ""
    if not main:
        ids.offline.text = ""


def render_offline(bar: Widget, model: AppModel, strings: Strings) -> None:
    """Why something cannot be sent, and how many changes wait."""
    waiting, _ = model.counts
    state = model.sync_state
    if state.problem:
        bar.text = strings(state.problem)
    elif model.offline:
        key = "sync.offline_waiting" if waiting else "sync.offline"
        bar.text = strings(key, count=waiting)
    elif ServiceName.ENTRIES in state.unavailable:
        bar.text = strings("sync.failed")
    else:
        bar.text = strings("sync.partly") if state.unavailable else ""


def render_problems(bar: Widget, model: AppModel, strings: Strings) -> None:
    """A demand for a second factor comes before rejected changes."""
    _, problems = model.counts
    if model.sync_state.step_up is not None:
        bar.text, bar.action = strings("sync.step_up"), strings("sync.confirm")
        return
    bar.text = strings("sync.problems", count=problems) if problems else ""
    bar.action = strings("sync.review")


def render_timer(bar: Widget, timer: TimerModel | None, strings: Strings) -> None:
    """The running timer; None hides the bar."""
    running = timer is not None and timer.running
    bar.height = dp(48) if running else 0
    bar.opacity = 1 if running else 0
    bar.disabled = not running
    if running and timer is not None:
        project = timer.chosen
        name = project.name if project is not None else strings("timer.no_project")
        bar.text = strings("timer.running", clock=clock_text(timer.seconds), project=name)


load_kv(__file__)
