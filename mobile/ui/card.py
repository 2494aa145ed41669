"""An entry in the day's list: tap to edit, swipe to delete, hold to copy, or press "again"."""

from __future__ import annotations

from kivy.animation import Animation
from kivy.clock import Clock
from kivy.metrics import dp
from kivy.properties import BooleanProperty, NumericProperty, ObjectProperty, StringProperty
from kivymd.uix.relativelayout import MDRelativeLayout

from mobile.ui.buttons import TappableRow
from mobile.ui.layout import load_kv

# A swipe is meant from here on; a finger that trembles stays below JITTER.
SWIPE, JITTER = 88, 12
HOLD_SECONDS = 0.5


class CardRow(MDRelativeLayout):
    """A row of the recycled list: everything it shows comes from its data."""

    offset = NumericProperty(0)
    uncovers = StringProperty()
    key = StringProperty()
    title = StringProperty()
    code = StringProperty()
    subtitle = StringProperty()
    hours = StringProperty()
    note = StringProperty()
    note_icon = StringProperty("cloud-upload-outline")
    stripe = StringProperty("#00000000")
    # The icon of what one press does with the entry again; empty for nothing.
    again = StringProperty()
    failed = BooleanProperty(False)
    # Locked or failed: it can be opened, but neither swiped nor held.
    fixed = BooleanProperty(False)
    is_draft = BooleanProperty(False)
    row_size = ObjectProperty(None, allownone=True)
    screen = ObjectProperty(None, allownone=True)

    @property
    def card(self) -> EntryCard:
        """The card of the row."""
        return self.ids.card

    def on_key(self, *_arguments: object) -> None:
        """The widget shows another entry: nothing of the last one's swipe stays."""
        self.offset = 0

    def on_release(self) -> None:
        self.screen.open(self)


class EntryCard(TappableRow):
    """An entry; pushed to the left it is deleted, held it is copied."""

    row = ObjectProperty(None, allownone=True)

    def on_release(self) -> None:
        self.row.on_release()

    def on_touch_down(self, touch):
        again = self.row.ids.again
        if again.collide_point(*touch.pos) and not again.disabled:
            return again.on_touch_down(touch)
        taken = super().on_touch_down(touch)
        if taken and not self.row.fixed and self.collide_point(*touch.pos):
            touch.ud["held"] = Clock.schedule_once(lambda _dt: self._hold(touch), HOLD_SECONDS)
        return taken

    def on_touch_move(self, touch):
        if touch.grab_current is self:
            across, along = touch.x - touch.ox, abs(touch.y - touch.oy)
            if max(abs(across), along) > dp(JITTER):
                self._let_go_of(touch)
            if along > max(dp(JITTER), abs(across)):
                # The list is what moves.
                touch.ungrab(self)
                self.state, self.row.offset = "normal", 0
            elif not self.row.fixed:
                self.row.offset = min(0, across + dp(JITTER))
        return super().on_touch_move(touch)

    def on_touch_up(self, touch):
        if touch.grab_current is not self:
            return super().on_touch_up(touch)
        self._let_go_of(touch)
        if self.row.fixed or self.row.offset == 0:
            return super().on_touch_up(touch)
        touch.ungrab(self)
        self.state = "normal"
        if self.row.offset < -dp(SWIPE):
            self.row.offset = 0
            self.row.screen.swiped(self.row)
        else:
            Animation(offset=0, duration=0.15).start(self.row)
        return True

    def _hold(self, touch) -> None:
        touch.ungrab(self)
        self.state = "normal"
        self.row.screen.held(self.row)

    def _let_go_of(self, touch) -> None:
        held = touch.ud.pop("held", None)
        if held is not None:
            held.cancel()


load_kv(__file__)
