"""A bottom sheet on a phone and a side sheet on a wide screen (Material 3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from kivy.animation import Animation
from kivy.clock import Clock
from kivy.metrics import dp
from kivy.properties import BooleanProperty, NumericProperty, StringProperty
from kivy.utils import platform

from mobile.ui import buttons as _buttons  # noqa: F401 - its rules are used in sheet.kv
from mobile.ui.dialog import Overlay
from mobile.ui.layout import RAIL_WIDTH, load_kv

if TYPE_CHECKING:
    from mobile.ui.field import Field

# A sheet that is pulled down so far closes.
PULL_TO_CLOSE = 120
# A keyboard on the screen takes less than this leaves.
PHONES, ROOM_WHILE_TYPING = ("android",), 0.52


class BottomSheet(Overlay):
    """Comes up from below on a phone and from the side on a tablet."""

    title = StringProperty()
    beside = BooleanProperty(False)
    # Whether the frame makes room for the keyboard, as it does where the system says its height.
    keyboard_in_insets = False
    # The distance by which a finger has pulled the sheet down.
    pulled = NumericProperty(0)
    # The share of the height that is left: the keyboard has the rest while somebody types.
    room = NumericProperty(1)

    def __init__(self, on_close: Callable[[], None] = lambda: None, **options: object) -> None:
        super().__init__(**options)
        self._on_close = on_close
        self.bind(width=self._place)

    def _place(self, *_arguments: object) -> None:
        self.beside = self.width >= dp(RAIL_WIDTH)

    def on_touch_down(self, touch):
        """Hold the sheet by its handle or its title."""
        taken = super().on_touch_down(touch)
        wheel = getattr(touch, "is_mouse_scrolling", False)
        if self._by_head(touch) and not (self.beside or wheel or touch.grab_list):
            touch.grab(self)
        return taken

    def _by_head(self, touch) -> bool:
        card = self.ids.card
        return card.collide_point(*touch.pos) and touch.y >= self.ids.head.y

    def on_touch_move(self, touch):
        """Follow the finger down."""
        if touch.grab_current is self:
            self.pulled = max(0, touch.oy - touch.y)
            return True
        return super().on_touch_move(touch)

    def on_touch_up(self, touch):
        """Close if the sheet was pulled far enough, or let it come back."""
        if touch.grab_current is not self:
            return super().on_touch_up(touch)
        touch.ungrab(self)
        if self.pulled > min(dp(PULL_TO_CLOSE), self.ids.card.height / 3):
            self.close()
        else:
            Animation(pulled=0, duration=0.15).start(self)
        return True

    def make_room(self, field: Field | None) -> None:
        """For the keyboard below, where there is one on the screen."""
        covered = field is not None and platform in PHONES and not self.keyboard_in_insets
        self.room = ROOM_WHILE_TYPING if covered else 1
        if field is not None:
            Clock.schedule_once(lambda _dt: self.ids.scroll.scroll_to(field))

    def close(self) -> None:
        """Take the sheet away."""
        if self.parent is not None:
            super().close()
            self._on_close()


load_kv(__file__)
