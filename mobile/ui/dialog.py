"""A question with two answers, and a menu."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from kivy.core.window import Window
from kivy.metrics import dp
from kivy.properties import StringProperty
from kivy.uix.floatlayout import FloatLayout
from kivy.uix.widget import Widget
from kivymd.theming import ThemableBehavior

from mobile.ui.buttons import TappableRow
from mobile.ui.layout import load_kv


@dataclass(frozen=True, slots=True)
class Choice:
    """A line of a menu."""

    icon: str
    text: str
    act: Callable[[], None]


class Overlay(ThemableBehavior, FloatLayout):
    """Takes every touch; one beside the card closes it."""

    def on_touch_down(self, touch):
        if not self.ids.card.collide_point(*touch.pos):
            if not getattr(touch, "is_mouse_scrolling", False):
                self.close()
            return True
        super().on_touch_down(touch)
        return True

    def close(self) -> None:
        """Take the overlay away, and the keyboard of a field in it."""
        if self.parent is not None:
            Window.release_all_keyboards()
            self.parent.remove_widget(self)


class Dialog(Overlay):
    """A question with two answers."""

    title = StringProperty()
    text = StringProperty()
    yes = StringProperty()
    no = StringProperty()

    def __init__(self, title: str, text: str, yes: str, no: str, act: Callable[[], None]) -> None:
        super().__init__(title=title, text=text, yes=yes, no=no)
        self._act = act

    def accept(self) -> None:
        """Close, and do it."""
        self.close()
        self._act()


class MenuRow(TappableRow):
    """A line of a menu on the screen."""

    icon = StringProperty()
    text = StringProperty()


class Menu(Overlay):
    """Choices beside the button that opened them."""

    def __init__(self, choices: list[Choice], opener: Widget) -> None:
        super().__init__()
        self._opener = opener
        for choice in choices:
            row = MenuRow(icon=choice.icon, text=choice.text)
            row.bind(on_release=lambda _row, act=choice.act: self._choose(act))
            self.ids.card.add_widget(row)
        self.bind(size=self._place)
        self.ids.card.bind(height=self._place)

    def _place(self, *_arguments: object) -> None:
        x, y = self._opener.to_window(*self._opener.pos)
        card = self.ids.card
        right = min(x + self._opener.width, self.width - dp(8))
        card.x = max(right - card.width, dp(8))
        # Below the button, or as far above as it needs to be whole.
        card.top = min(max(y, card.height + dp(8)), self.height - dp(8))

    def _choose(self, act: Callable[[], None]) -> None:
        self.close()
        act()


load_kv(__file__)
