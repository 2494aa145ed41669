"""An entry in the week's list: tapped, swiped away, or held to be copied."""

from __future__ import annotations

from collections.abc import Callable

from kivy.animation import Animation
from kivy.clock import Clock
from kivy.metrics import dp
from kivy.properties import BooleanProperty, NumericProperty, ObjectProperty, StringProperty
from kivymd.uix.relativelayout import MDRelativeLayout

from mobile.ui.buttons import TappableRow
from mobile.ui.layout import load_kv

# So far is swiped on purpose, so little is a finger that does not lie still.
SWIPE, JITTER = 88, 12
HOLD_SECONDS = 0.5


class CardRow(MDRelativeLayout):
    """The card, over what swiping it to the left uncovers."""

    offset = NumericProperty(0)
    uncovers = StringProperty()

    @property
    def card(self) -> EntryCard:
        return self.ids.card


class EntryCard(TappableRow):
    title = StringProperty()
    subtitle = StringProperty()
    hours = StringProperty()
    note = StringProperty()
    note_icon = StringProperty("cloud-upload-outline")
    failed = BooleanProperty(False)
    swiped: Callable[[], None] | None = ObjectProperty(None, allownone=True)
    held: Callable[[], None] | None = ObjectProperty(None, allownone=True)

    def on_touch_down(self, touch):
        taken = super().on_touch_down(touch)
        if taken and self.held is not None and self.collide_point(*touch.pos):
            touch.ud["held"] = Clock.schedule_once(lambda _dt: self._hold(touch), HOLD_SECONDS)
        return taken

    def on_touch_move(self, touch):
        if touch.grab_current is self:
            across, along = touch.x - touch.ox, abs(touch.y - touch.oy)
            if max(abs(across), along) > dp(JITTER):
                self._let_go_of(touch)
            if along > max(dp(JITTER), abs(across)):
                # The list is what is moved.
                touch.ungrab(self)
                self.state, self.parent.offset = "normal", 0
            elif self.swiped is not None:
                self.parent.offset = min(0, across + dp(JITTER))
        return super().on_touch_move(touch)

    def on_touch_up(self, touch):
        if touch.grab_current is not self:
            return super().on_touch_up(touch)
        self._let_go_of(touch)
        if self.swiped is None or self.parent.offset == 0:
            return super().on_touch_up(touch)
        touch.ungrab(self)
        self.state = "normal"
        if self.parent.offset < -dp(SWIPE):
            self.swiped()
        else:
            Animation(offset=0, duration=0.15).start(self.parent)
        return True

    def _hold(self, touch) -> None:
        touch.ungrab(self)
        self.state = "normal"
        if self.held is not None:
            self.held()

    def _let_go_of(self, touch) -> None:
        held = touch.ud.pop("held", None)
        if held is not None:
            held.cancel()


load_kv(__file__)
