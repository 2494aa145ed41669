"""Selecting a part of a note with a finger, and pulling its sheet away; drive calls them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from kivy.base import EventLoop
from kivy.core.window import Window
from kivy.uix.widget import Widget

from mobile.tools.drawing import settle
from mobile.ui.selection import SelectableInput
from mobile.ui.shell import Shell
from tests.mobile.finger import Finger, middle

# In seconds. Everything here comes in less than one, except on a very busy machine.
LONGEST = 20.0
NOTE = "Review of refunds"
HEBREW = "\u05e9\u05dc\u05d5\u05dd"


def select_in_a_note(shell: Shell) -> dict[str, Any]:
    """Hold the last word, copy it, drag a handle to the beginning, close the sheet."""
    from kivy.core.clipboard import Clipboard

    shell.new_entry(shell.today)
    sheet = shell.ids.overlays.children[0]
    sheet.note.text = NOTE
    settle(3)
    sheet.ids.scroll.scroll_to(sheet.note, animate=False)
    settle(3)
    field = sheet.note.ids.input
    _hold(field, NOTE.index("funds"))
    found = {"held": field.selection_text, "offered": _offered(field)}
    Clipboard.copy("")
    _press(_button(field, "content-copy"))
    found["copied"] = Clipboard.paste()
    found["kept"] = field.selection_text
    _drag_to_the_beginning(field)
    found["dragged"] = field.selection_text
    _press(_button(field, "content-cut"))
    found["left"] = field.text
    _hold(field, 0)
    found["offered_empty"] = _offered(field)
    sheet.form.discard()
    sheet.close()
    settle(2)
    found["on_window"] = _floating()
    return found


def read_hebrew(shell: Shell) -> list[bool]:
    """Whether a field draws Hebrew in reading order: without the focus, and with it."""
    shell.new_entry(shell.today)
    sheet = shell.ids.overlays.children[0]
    field = sheet.note.ids.input
    sheet.note.text = HEBREW
    settle(3)
    reading = field._lines_labels[0].pixels
    field.focus = True
    settle(3)
    typing = field._lines_labels[0].pixels
    # The same letters, typed the other way round, look as Hebrew does in reading order.
    sheet.note.text = HEBREW[::-1]
    settle(3)
    expected = field._lines_labels[0].pixels
    sheet.form.discard()
    sheet.close()
    settle(2)
    return [reading == expected, typing == expected]


def pull_a_sheet(shell: Shell) -> list[int]:
    """Count the sheets after a short pull at the handle, and after a long one."""
    shell.snackbar.close()  # that of the copied word
    shell.new_entry(shell.today)
    settle(3)
    counts = []
    for length in (40, 200):
        x, y = middle(shell.ids.overlays.children[0].ids.grip)
        touch = Finger(x, y)
        touch.press()
        for share in (0.5, 1.0):
            touch.slide_to(x, y - length * share)
            EventLoop.idle()
        touch.lift()
        _until(lambda: all(each.pulled == 0 for each in shell.ids.overlays.children))
        counts.append(len(shell.ids.overlays.children))
    return counts


def stop_the_timer(shell: Shell) -> list[str]:
    """Press the stop button of the bar: the name of the sheet that opens, and its duration."""
    shell.models.timer.start()
    shell.render()
    settle(3)
    _press(shell.ids.timer.ids.stop)
    sheet = shell.ids.overlays.children[0]
    found = [type(sheet).__name__, sheet.duration.text]
    sheet.form.discard()
    sheet.close()
    shell.models.timer.discard()
    shell.render()
    settle(2)
    return found


def _until(reached: Callable[[], bool]) -> None:
    end = time.monotonic() + LONGEST
    while not reached() and time.monotonic() < end:
        EventLoop.idle()
    settle(2)


def _hold(field: SelectableInput, index: int) -> None:
    """Rest a finger on the letter until the field has taken it for a hold."""
    field.cursor = field.get_cursor_from_index(index)
    settle(2)
    x, y = field.to_window(*field.cursor_pos)
    touch = Finger(x + 2, y - field.line_height / 2)
    touch.press()
    _until(lambda: field._held is not None)
    touch.lift()
    _until(lambda: field._bar is not None and field._bar.parent is not None)


def _offered(field: SelectableInput) -> list[str]:
    return [each.icon for each in reversed(field._bar.children)]


def _button(field: SelectableInput, icon: str) -> Widget:
    return next(each for each in field._bar.children if each.icon == icon)


def _press(widget: Widget) -> None:
    touch = Finger(*middle(widget))
    touch.press()
    EventLoop.idle()
    touch.lift()
    settle(3)


def _drag_to_the_beginning(field: SelectableInput) -> None:
    handle = field._handle_left
    _until(lambda: handle.parent is not None)
    # The position of a handle is relative to its field.
    left, bottom = field.to_window(field.x, field.y)
    start = left + handle.center_x, bottom + handle.center_y
    touch = Finger(*start)
    touch.press()
    EventLoop.idle()
    touch.slide_to(left, start[1])
    EventLoop.idle()
    touch.lift()
    _until(lambda: field._bar.parent is not None)


def _floating() -> list[str]:
    """List the handles and bars that lie over the window."""
    names = [type(each).__name__ for each in Window.children]
    return [each for each in names if each in ("SelectionBar", "Selector")]
