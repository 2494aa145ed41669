"""Text size, language and look changed in the running app; drive calls it and reports."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from kivy.base import EventLoop
from kivy.metrics import Metrics
from kivy.utils import get_hex_from_color

from mobile.app import TimesheetsApp
from mobile.core.palette import DARK, LIGHT
from mobile.tools.scenes import SCENES, tidy
from mobile.ui.approval_rows import ApprovalRow
from mobile.ui.card import CardRow
from mobile.ui.daybar import DayBar
from mobile.ui.shell import Shell
from mobile.viewmodels.profile import Appearance
from mobile.viewmodels.stages import Tab
from tests.mobile.legibility import faults

FRAMES = 4
SEEN = {"week": CardRow, "approvals": ApprovalRow}


def resize(app: TimesheetsApp) -> dict[str, Any]:
    """The heights of rows and what could not be read after each change, and what a sheet keeps."""
    steps: dict[str, Callable[[], object]] = {
        "usual": lambda: None,
        "twice the size": partial(app.set_text_size, 2.0),
        "usual again": partial(app.set_text_size, 1.0),
        "German": partial(app.set_language, "de"),
        "usual in English": partial(app.set_language, "en"),
    }
    heights: dict[str, dict[str, list[int]]] = {}
    problems = []
    for step, change in steps.items():
        change()
        heights[step] = {}
        for scene, row in SEEN.items():
            SCENES[scene](app.shell)
            _settle()
            heights[step][scene] = _heights(app.shell, row)
            problems += [f"{step}: {each}" for each in faults(app.shell, scene)]
            tidy(app.shell)
    return {
        "heights": heights,
        "faults": problems,
        "typed": _resize_while_typing(app),
        "foreign colours": {name: _foreign_colours(app, name) for name in ("week", "approval")},
    }


def _settle() -> None:
    for _ in range(FRAMES):
        EventLoop.idle()


def _heights(shell: Shell, kind: type) -> list[int]:
    rows = [each for each in shell.walk() if isinstance(each, kind) and each.key]
    return sorted({round(each.height) for each in rows})


def _foreign_colours(app: TimesheetsApp, scene: str) -> list[list[str]]:
    """The project colours on the screen that are not of the look, in light and then in dark."""
    SCENES[scene](app.shell)
    found = []
    for look, palette in ((Appearance.LIGHT, LIGHT), (Appearance.DARK, DARK)):
        app.set_appearance(look)
        _settle()
        shown = _project_colours(app.shell)
        assert shown, "the scene shows no project"
        found.append(sorted(shown - set(palette)))
    app.set_appearance(Appearance.LIGHT)
    tidy(app.shell)
    return found


def _project_colours(shell: Shell) -> set[str]:
    """Of the cards, the totals and the parts of the days."""
    widgets = list(shell.screen.walk())
    stripes = {each.stripe for each in widgets if getattr(each, "stripe", "#00000000")[7:] != "00"}
    bars = [each for each in widgets if isinstance(each, DayBar)]
    return stripes | {get_hex_from_color(part[1])[:7] for each in bars for part in each.parts}


def _resize_while_typing(app: TimesheetsApp) -> list[object]:
    """The scale and the note while a sheet is open; the scale and the tab once it is closed."""
    app.shell.go(Tab.TIMER)
    app.shell.new_entry(app.shell.today)
    sheet = app.shell.ids.overlays.children[0]
    sheet.note.ids.input.text = "what I did"
    app.set_text_size(1.5)
    seen = [Metrics.fontscale, sheet.form.note, sheet in app.shell.ids.overlays.children]
    sheet.discard()
    app.set_text_size(1.5)
    seen += [Metrics.fontscale, str(app.shell.tab)]
    app.set_text_size(1.0)
    return seen
