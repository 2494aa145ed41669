"""One short message at a time at the foot of the screen, perhaps with Undo."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from kivy.clock import Clock
from kivy.metrics import dp
from kivy.properties import BooleanProperty, NumericProperty, StringProperty
from kivy.uix.floatlayout import FloatLayout
from kivymd.theming import ThemableBehavior

from mobile.text import Strings
from mobile.ui import buttons as _buttons  # noqa: F401 - its rules are used in snackbar.kv
from mobile.ui.layout import load_kv
from mobile.ui.text import text_width
from mobile.viewmodels.base import SnackbarMessage


class Snackbar(ThemableBehavior, FloatLayout):
    """A message at the foot of the screen."""

    # The height of what is at the foot of the screen: the snackbar stands above it.
    foot = NumericProperty(0)
    text = StringProperty()
    undo = StringProperty()
    # Whether Undo stands below the text: beside it, a word would be broken in two.
    stacked = BooleanProperty(False)

    def __init__(self, **options: object) -> None:
        super().__init__(**options)
        self.bind(width=self._arrange)

    def _arrange(self, *_arguments: object) -> None:
        free = self.width - dp(48) - text_width(self.undo, "Label", "large")
        words = [text_width(each, "Body", "medium") for each in self.text.split()]
        self.stacked = bool(self.undo) and max(words, default=0) > free

    def close(self) -> None:
        """Do nothing: Back does not close a snackbar."""


class SnackbarHost:
    """Shows messages one after the other in `place`.

    `foot` gives the height to stand above, `on_lift` receives how far a floating button must rise.
    """

    def __init__(
        self,
        place: FloatLayout,
        strings: Strings,
        foot: Callable[[], float],
        on_lift: Callable[[float], None],
    ) -> None:
        self._place = place
        self._strings = strings
        self._foot = foot
        self._on_lift = on_lift
        self.current: Snackbar | None = None

    def show(self, message: SnackbarMessage) -> None:
        """Show a message for its seconds, in place of the one before."""
        self.close()
        bar = Snackbar(text=self._text(message), undo=self._strings("undo") if message.undo else "")
        bar.ids.undo.bind(on_release=lambda *_: self._undo(message))
        bar.foot = self._foot()
        self.current = bar
        bar.bind(height=lambda *_: self._lift(bar))
        self._lift(bar)
        self._place.add_widget(bar, index=len(self._place.children))
        Clock.schedule_once(lambda _dt: self.close(bar), message.seconds)

    def close(self, which: Snackbar | None = None) -> None:
        """Close `which` if it is still shown, or whatever is shown."""
        if self.current is not None and which in (None, self.current):
            self._place.remove_widget(self.current)
            self.current = None
            self._on_lift(0)

    def _lift(self, bar: Snackbar) -> None:
        if self.current is bar:
            self._on_lift(bar.height + dp(8))

    def _text(self, message: SnackbarMessage) -> str:
        days = {
            name: self._strings.day(day)
            for name, day in message.arguments.items()
            if isinstance(day, date)
        }
        return self._strings(message.key, **message.arguments | days)

    def _undo(self, message: SnackbarMessage) -> None:
        self.close()
        if message.undo is not None:
            message.undo()


load_kv(__file__)
