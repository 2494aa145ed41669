"""Text size and language changed in the running app; drive calls it and reports what it saw."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from kivy.base import EventLoop
from kivy.metrics import Metrics

from mobile.app import TimesheetsApp
from mobile.tools.scenes import SCENES, tidy
from mobile.ui.approval_rows import ApprovalRow
from mobile.ui.card import CardRow
from mobile.ui.shell import Shell
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
    return {"heights": heights, "faults": problems, "typed": _resize_while_typing(app)}


def _settle() -> None:
    for _ in range(FRAMES):
        EventLoop.idle()


def _heights(shell: Shell, kind: type) -> list[int]:
    rows = [each for each in shell.walk() if isinstance(each, kind) and each.key]
    return sorted({round(each.height) for each in rows})


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
