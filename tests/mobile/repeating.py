"""Press "again" on the cards, by finger and by keyboard; drive calls it and reports the effects."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from mobile.tools.drawing import settle
from mobile.ui.buttons import IconButton
from mobile.ui.card import CardRow
from mobile.ui.dialog import MenuRow
from mobile.ui.shell import Shell
from mobile.viewmodels.base import SnackbarMessage
from mobile.viewmodels.stages import Tab
from tests.mobile.finger import Finger, middle, press_key, until

TAB, ENTER = 9, 13


def again(shell: Shell) -> dict[str, Any]:
    """The effects of one press on a card of yesterday and on one of today, and of the menu."""
    shell.models.timer.discard()
    shell.go(Tab.WEEK)
    week = shell.models.week
    week.go_to_today()
    yesterday, today = shell.today - timedelta(days=1), shell.today
    entry = week.rows(yesterday)[0].entry.draft
    counts, said = [len(week.rows(today))], _listen(shell)
    found: dict[str, Any] = {"expected": [entry.project, entry.minutes]}

    week.choose(yesterday)
    settle()
    button = _button(shell)
    found["size"] = [round(each) for each in button.size]
    _press(button)
    until(lambda: bool(said))
    counts.append(len(week.rows(today)))
    found["day"] = str(week.day - yesterday)
    found["made"] = [
        [each.entry.draft.project, each.entry.draft.minutes] for each in week.rows(today)
    ]
    _undo(said)
    counts.append(len(week.rows(today)))
    _press_by_keyboard(shell)
    counts.append(len(week.rows(today)))
    _undo(said)

    week.choose(today)
    settle()
    _press(_button(shell))
    until(lambda: shell.models.timer.running)
    found["timer"] = [shell.models.timer.running, shell.models.timer.project]
    found["timer_of"] = week.rows(today)[0].entry.draft.project
    _press(_button(shell))
    until(lambda: bool(said))
    found["second"] = said[-1].key
    counts.append(len(week.rows(today)))
    found["counts"] = counts
    found["menu"] = _menu(shell)
    shell.models.timer.discard()
    shell.render()
    return found


def _button(shell: Shell) -> IconButton:
    """That of the uppermost entry, below the drafts."""
    cards = shell.screen.list.cards()
    rows = [each for each in cards if each.parent and each.key and not each.is_draft]
    row: CardRow = max(rows, key=lambda each: each.to_window(*each.pos)[1])
    return next(each for each in row.walk() if isinstance(each, IconButton))


def _press(button: IconButton) -> None:
    touch = Finger(*middle(button))
    touch.press()
    settle(2)
    touch.lift()


def _press_by_keyboard(shell: Shell) -> None:
    """Tab to the button of the uppermost card, and Enter."""
    button = _button(shell)
    for _ in range(60):
        press_key(TAB)
        if shell.focus._focused() is button:
            press_key(ENTER)
            break
    settle()


def _listen(shell: Shell) -> list[SnackbarMessage]:
    """The messages from now on; on a busy machine each is gone before anybody reads it."""
    said: list[SnackbarMessage] = []
    show = shell.snackbar.show

    def listen(message: SnackbarMessage) -> None:
        said.append(message)
        show(message)

    shell.snackbar.show = listen
    return said


def _undo(said: list[SnackbarMessage]) -> None:
    undo = said.pop().undo
    if undo is not None:
        undo()
    settle()


def _menu(shell: Shell) -> list[str]:
    """The lines of the menu in an entry's sheet, and what the last of them opens."""
    shell.snackbar.close()
    shell.edit_entry(shell.models.week.rows(shell.today)[0].entry.id)
    settle()
    [more] = shell.ids.overlays.children[0].ids.tools.children
    more.dispatch("on_release")
    settle()
    lines = [each for each in shell.ids.overlays.walk() if isinstance(each, MenuRow)]
    texts = [each.text for each in sorted(lines, key=lambda each: -each.y)]
    min(lines, key=lambda each: each.y).dispatch("on_release")
    settle()
    texts += [type(each).__name__ for each in shell.ids.overlays.children]
    for overlay in list(shell.ids.overlays.children):
        overlay.close()
    return texts
