"""Selecting a part of a typed text as on phones: hold a word, drag the handles, copy or paste."""

from __future__ import annotations

from typing import Any

from kivy.clock import Clock
from kivy.core.window import Window
from kivy.metrics import dp
from kivy.properties import ObjectProperty
from kivy.uix.behaviors import FocusBehavior
from kivy.uix.textinput import TextInput
from kivymd.app import MDApp
from kivymd.uix.boxlayout import MDBoxLayout

from mobile.ui.buttons import IconButton
from mobile.ui.fonts import drawn
from mobile.ui.layout import load_kv

# Icons: the four words of a language do not fit beside each other on a narrow phone.
ACTIONS = {
    "cut": "content-cut",
    "copy": "content-copy",
    "paste": "content-paste",
    "select_all": "select-all",
}
MARGIN = 8


class SelectionBar(MDBoxLayout):
    """Cut, copy, paste, select all: above the selected text, over everything else."""

    field: SelectableInput = ObjectProperty()

    def show(self, actions: list[str]) -> None:
        """Offer these actions."""
        self.clear_widgets()
        for name in actions:
            button = IconButton(icon=ACTIONS[name])
            button.bind(on_release=lambda _button, name=name: self.field.act(name))
            self.add_widget(button)

    def on_touch_down(self, touch: Any) -> bool:
        if not self.collide_point(*touch.pos):
            return False
        # Or the field would lose the focus, and with it what is selected.
        FocusBehavior.ignored_touch.append(touch)
        super().on_touch_down(touch)
        return True


class SelectableInput(TextInput):
    """A text field; what a mouse selects needs no handles."""

    _bar: SelectionBar | None = None
    # The word that was held, as from and to: a finger that moves on selects more.
    _held: tuple[int, int] | None = None

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.use_handles = self.use_bubble = False
        self.bind(text=self._hide_bar, cursor_pos=self._hide_bar, focus=self._reorder)

    def _create_line_label(self, text: str, hint: bool = False) -> Any:
        """Draw a line in reading order, while typing in the order in which the cursor moves."""
        return super()._create_line_label(text if self.focus else drawn(text), hint)

    def _reorder(self, *_arguments: Any) -> None:
        if drawn(self.text) != self.text:
            self._trigger_refresh_text()

    def on_touch_down(self, touch: Any) -> bool:
        if not self.collide_point(*touch.pos) or self.disabled:
            return bool(super().on_touch_down(touch))
        button = touch.button if "button" in touch.profile else ""
        if button == "right":
            FocusBehavior.ignored_touch.append(touch)
            self.focus = True
            self._offer()
            return True
        self._held = None
        self.use_handles = self.use_bubble = not button
        return bool(super().on_touch_down(touch))

    def long_touch(self, _dt: float) -> None:
        """Select the held word; where there is none, offer to paste."""
        self._long_touch_ev = None
        if not self.use_handles or self._have_scrolled:
            return
        self.focus = True
        self._held = word_at(self.text, self.cursor_index())
        self.select_text(*self._held)
        if self._held[0] == self._held[1]:
            self._offer()

    def on_touch_move(self, touch: Any) -> bool:
        if touch.grab_current is not self or self._held is None:
            return bool(super().on_touch_move(touch))
        start, end = self._held
        index = self.cursor_index(self.get_cursor_from_xy(*touch.pos))
        self.select_text(min(start, index), max(end, index))
        return True

    def on_touch_up(self, touch: Any) -> bool:
        if touch.grab_current is not self or self._held is None:
            return bool(super().on_touch_up(touch))
        touch.ungrab(self)
        self._touch_count -= 1
        self._selection_touch = self._held = None
        self._offer()
        return True

    def on_double_tap(self) -> None:
        """Select the word, and offer what can be done with it."""
        super().on_double_tap()
        if self.use_handles:
            Clock.schedule_once(lambda _dt: self._offer(), 0.1)

    def act(self, name: str) -> None:
        """Do what was chosen on the bar."""
        if name == "select_all":
            self.select_all()
            self._offer()
            return
        {"cut": self.cut, "copy": self.copy, "paste": self.paste}[name]()
        self._hide_bar()
        shell = MDApp.get_running_app().shell
        if name == "copy" and shell is not None:
            shell.notify_key("text.copied")

    def _show_cut_copy_paste(self, *_arguments: Any, **_options: Any) -> None:
        """Kivy's own bar is in English and in its own colours."""
        if self.use_bubble:
            self._offer()

    def _hide_cut_copy_paste(self, *_arguments: Any) -> None:
        self._hide_bar()

    def _offer(self) -> None:
        """Show the bar with what can be done now."""
        if self.get_root_window() is None:
            return
        chosen = bool(self.selection_text)
        actions = ["cut", "copy"] if chosen else []
        actions.append("paste")
        if self.text and self.selection_text != self.text:
            actions.append("select_all")
        bar = self._bar or SelectionBar(field=self)
        self._bar = bar
        bar.show(actions)
        bar.width = dp(48) * len(actions)
        self._place(bar)
        if bar.parent is None:
            Window.add_widget(bar, canvas="after")

    def _place(self, bar: SelectionBar) -> None:
        """Above the first line of the selection, or below it where there is no room."""
        marked = self.canvas.get_group("selection")
        # A colour and a rectangle for each line; y from below.
        (x, y), high = (
            (marked[2].pos, marked[2].size[1])
            if self.selection_text and len(marked) > 2
            else ((self.cursor_pos[0], self.cursor_pos[1] - self.line_height), self.line_height)
        )
        left, bottom = self.to_window(x, y)
        bar.x = max(dp(MARGIN), min(left, Window.width - bar.width - dp(MARGIN)))
        above = bottom + high + dp(MARGIN)
        fits = above + bar.height <= Window.height
        bar.y = above if fits else bottom - bar.height - dp(MARGIN)

    def _hide_bar(self, *_arguments: Any) -> None:
        if self._bar is not None and self._bar.parent is not None:
            Window.remove_widget(self._bar)


def word_at(text: str, index: int) -> tuple[int, int]:
    """From and to of the word at the index; both are the index where there is none."""
    start = end = index
    while start > 0 and _of_word(text[start - 1]):
        start -= 1
    while end < len(text) and _of_word(text[end]):
        end += 1
    return start, end


def _of_word(letter: str) -> bool:
    return letter.isalnum() or letter in "_'\u2019-"


load_kv(__file__)
