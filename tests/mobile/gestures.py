"""Gestures on the real widgets; drive calls them and reports their effects."""

from __future__ import annotations

import time
from typing import Any

from kivy.base import EventLoop
from kivy.core.window import Window

from mobile.tools.drawing import settle
from mobile.ui import sheet as sheets
from mobile.ui.buttons import Chip, PushButton
from mobile.ui.card import HOLD_SECONDS, EntryCard
from mobile.ui.copying import CopyableText
from mobile.ui.shell import Shell
from mobile.ui.snackbar import Snackbar
from mobile.viewmodels.stages import Tab
from tests.mobile.finger import Finger, middle, press_key
from tests.mobile.repeating import again
from tests.mobile.selecting import pull_a_sheet, read_hebrew, select_in_a_note, stop_the_timer

# A list waits so long at most, and for so many frames, before it lets what is in it have a touch.
LIST_SECONDS, LIST_FRAMES = 0.3, 6
# A finger is lifted as soon as its text was copied, and after this at the latest.
LONGEST_HOLD = 20.0


def _rest(touch: Finger) -> None:
    """Until the list has let a card have the touch, where there is one."""
    until = time.monotonic() + LIST_SECONDS
    frames = 0
    while frames < LIST_FRAMES or time.monotonic() < until:
        if any(isinstance(each(), EntryCard) for each in touch.grab_list):
            return
        EventLoop.idle()
        frames += 1


def drag(start: tuple[float, float], across: float, up: float) -> None:
    x, y = start
    touch = Finger(x, y)
    touch.press()
    _rest(touch)
    for share in (0.5, 0.75, 1.0):
        touch.slide_to(x + across * share, y + up * share)
        EventLoop.idle()
    touch.lift()
    settle(2)


def flick(start: tuple[float, float], across: float) -> None:
    """To the side at once, as a thumb does it: before the list has let anybody have the touch."""
    x, y = start
    touch = Finger(x, y)
    touch.press()
    for step in range(1, 9):
        touch.slide_to(x + across * step / 8, y)
        EventLoop.idle()
    touch.lift()
    settle(2)


def first_card(shell: Shell) -> EntryCard:
    """The one in the uppermost row."""
    cards = [each for each in shell.walk() if isinstance(each, EntryCard) and each.row.key]
    return max(cards, key=lambda card: card.to_window(*card.pos)[1])


def gestures(shell: Shell) -> dict[str, Any]:
    shell.go(Tab.WEEK)
    shell.models.week.choose(shell.today)
    settle()
    return {
        "weeks": _swipe_the_week(shell),
        "swiped": _swipe_an_entry_away(shell),
        "held": _hold_an_entry(shell),
        "pulled": _pull_the_list(shell),
        "steady": _choose_and_focus_in_an_entry(shell),
        "typed": _type_into_an_entry(shell),
        "covered": _touch_beside_an_approval(shell),
        "read_on": _synchronise_over_an_approval(shell),
        "copied": _hold_a_reason(shell),
        "selected": select_in_a_note(shell),
        "hebrew": read_hebrew(shell),
        "sheet": pull_a_sheet(shell),
        "timer": stop_the_timer(shell),
        "keyboard": _press_by_keyboard(shell),
        "again": again(shell),
    }


def _swipe_the_week(shell: Shell) -> list[str]:
    seen = []
    for across in (-150, 150):
        drag(middle(shell.screen.ids.meter), across, 0)
        seen.append(str(shell.models.week.week))
    return seen


def _swipe_an_entry_away(shell: Shell) -> list[int]:
    """Count the entries: before, after a short swipe, after a full one, after
    Undo."""
    week = shell.models.week
    counts = [len(week.rows(shell.today))]
    for across in (-40, -160):
        flick(middle(first_card(shell)), across)
        counts.append(len(week.rows(shell.today)))
    bar = next(each for each in shell.ids.overlays.walk() if isinstance(each, Snackbar))
    bar.ids.undo.dispatch("on_release")
    settle()
    return [*counts, len(week.rows(shell.today))]


def _hold_an_entry(shell: Shell) -> list[str]:
    """Which timesheets are open while a finger rests on an entry, and after it is lifted."""
    touch = Finger(*middle(first_card(shell)))
    touch.press()
    _rest(touch)
    until = time.monotonic() + HOLD_SECONDS
    while time.monotonic() < until:
        EventLoop.idle()
    settle(2)
    timesheets = [[type(each).__name__ for each in shell.ids.overlays.children]]
    touch.lift()
    settle(2)
    timesheets.append([type(each).__name__ for each in shell.ids.overlays.children])
    for sheet in list(shell.ids.overlays.children):
        sheet.close()
    settle(2)
    return [", ".join(each) for each in timesheets]


def _pull_the_list(shell: Shell) -> list[bool]:
    """Whether the list refreshes after a short pull and after a full one."""
    engine, woken = shell.model.workspace.engine, []
    for length in (30, 160):
        engine._woken.clear()
        x, y = middle(first_card(shell))
        drag((x, y), 0, -length)
        woken.append(engine._woken.is_set())
    return woken


def _choose_and_focus_in_an_entry(shell: Shell) -> dict[str, Any]:
    """The places of a duration: at first, with each of the latest projects, with a field in focus.

    Also the most notes that a project brought.
    """
    shell.new_entry(shell.today)
    settle()
    sheet = shell.ids.overlays.children[0]

    def place() -> list[int]:
        [hour] = [each for each in sheet.walk() if isinstance(each, Chip) and each.text == "1:00"]
        return [round(each) for each in hour.to_window(*hour.pos)]

    places, notes = [place()], []
    for project in sheet.form.recent:
        sheet.form.choose_project(project.code)
        settle()
        places.append(place())
        notes.append(len(sheet.notes.children))
    sheet.duration.ids.input.focus = True
    settle()
    places.append(place())
    sheet.duration.ids.input.focus = False
    sheet.discard()
    settle()
    return {"places": places, "notes": max(notes)}


def _type_into_an_entry(shell: Shell) -> dict[str, Any]:
    shell.new_entry(shell.today)
    sheet = shell.ids.overlays.children[0]
    sheet.duration.ids.input.text = "1.5"
    sheet.note.ids.input.text = "what I did"
    usual, sheets.platform = sheets.platform, "android"
    sheet.note.ids.input.focus = True
    settle(3)
    buttons = [each for each in sheet.walk() if isinstance(each, PushButton)]
    save = next(each for each in buttons if each.text == "Save")
    results = {
        "minutes": sheet.form.minutes,
        "note": sheet.form.note,
        "top": sheet.ids.card.top / Window.height,
        "save": save.to_window(*save.pos)[1] >= 0,
        "mode": Window.softinput_mode,
    }
    sheets.platform = usual
    sheet.note.ids.input.focus = False
    sheet.close()
    return results


def _touch_beside_an_approval(shell: Shell) -> bool:
    """Whether the detail stays when its empty parts are touched, over the rows of the list."""
    shell.go(Tab.APPROVALS)
    approvals = shell.models.approvals
    opened = approvals.pending[0].approval.id
    approvals.open(opened)
    settle()
    for share in (0.75, 0.85, 0.92):
        drag((Window.width * 0.6, Window.height * share), 0, 0)
    stayed = approvals.opened == opened
    approvals.open(None)
    return stayed


def _synchronise_over_an_approval(shell: Shell) -> list[float]:
    """The position in the detail before and after news about another week; -1 if it was rebuilt."""
    shell.go(Tab.APPROVALS)
    approvals = shell.models.approvals
    approvals.open(approvals.pending[0].approval.id)
    settle()
    detail = shell.screen._detail_widget()
    detail.ids.scroll.scroll_y = 0.4
    approvals.refresh()
    approvals.changed()
    settle()
    same = shell.screen._detail_widget() is detail
    after = detail.ids.scroll.scroll_y if same else -1
    approvals.open(None)
    return [0.4, after]


def _hold_a_reason(shell: Shell) -> list[str]:
    """The reason of a rejected week, and the clipboard after a finger rested on it."""
    from kivy.core.clipboard import Clipboard

    shell.go(Tab.WEEK)
    shell.models.week.show(shell.models.week.notices[0].week)
    settle()
    [reason] = [each for each in shell.screen.ids.state.walk() if isinstance(each, CopyableText)]
    Clipboard.copy("")
    touch = Finger(*middle(reason))
    touch.press()
    until = time.monotonic() + LONGEST_HOLD
    while not (copied := Clipboard.paste()) and time.monotonic() < until:
        EventLoop.idle()
    touch.lift()
    settle(2)
    shell.snackbar.close()
    return [reason.text, copied]


def _press_by_keyboard(shell: Shell) -> dict[str, Any]:
    """Tab through the week, Enter on "next week", Ctrl+N, Escape."""
    shell.go(Tab.WEEK)
    shell.models.week.go_to_today()
    settle()
    stops = []
    for _ in range(40):
        press_key(9)
        widget = shell.focus._focused()
        if widget in stops:
            break
        stops.append(widget)
    before = str(shell.models.week.week)
    for _ in stops:
        press_key(9)
        if getattr(shell.focus._focused(), "icon", "") == "chevron-right":
            break
    press_key(13)
    settle()
    after = str(shell.models.week.week)
    press_key(ord("n"), ["ctrl"])
    settle()
    opened = type(shell.ids.overlays.children[0]).__name__
    shell._on_key(None, 27)
    return {
        "stops": len(stops),
        "weeks": [before, after],
        "opened": opened,
        "left": len(shell.ids.overlays.children),
    }
