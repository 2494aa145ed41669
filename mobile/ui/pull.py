"""A list that is pulled down to refresh and whose rows can be swiped."""

from __future__ import annotations

from collections.abc import Callable

from kivy.clock import Clock
from kivy.metrics import dp
from kivy.properties import NumericProperty, ObjectProperty
from kivy.uix.scrollview import ScrollView

from mobile.ui.layout import load_kv

# So far from the top that nobody pulls by accident.
ENOUGH = 72
# So far to the side that a row is meant and not the list.
SIDEWAYS = 12


class PullToRefresh:
    """A list that is pulled down to refresh and whose rows can be swiped."""

    pulled = NumericProperty(0)
    refresh_callback: Callable[[], None] | None = ObjectProperty(None, allownone=True)

    def on_touch_down(self, touch):
        at_top = self.scroll_y >= 1 or self._all_in_view()
        if self.refresh_callback is not None and at_top and self.collide_point(*touch.pos):
            touch.ud[self._key] = touch.y
        return super().on_touch_down(touch)

    def on_touch_move(self, touch):
        begun, sideways = touch.ud.get(self._key), _goes_sideways(touch)
        if begun is not None:
            self.pulled = 0 if sideways else min(1, max(0, (begun - touch.y) / dp(ENOUGH)))
        if sideways and self._is_undecided(touch):
            # A quick swipe ends before the list's time-out.
            Clock.schedule_once(self._change_touch_mode, 0)
        return super().on_touch_move(touch)

    def on_touch_up(self, touch):
        if touch.ud.pop(self._key, None) is not None:
            refreshes, self.pulled = self.pulled >= 1, 0
            if refreshes and self.refresh_callback is not None:
                self.refresh_callback()
        if _goes_sideways(touch) and self._is_undecided(touch):
            # Too quick even for that; a list takes what it is undecided about for a tap.
            touch.ungrab(self)
            self._touch = None
            return True
        return super().on_touch_up(touch)

    @property
    def _key(self) -> str:
        return f"pull.{self.uid}"

    def _is_undecided(self, touch) -> bool:
        """A list that is pulled down to refresh and whose rows can be swiped."""
        return touch.grab_current is self and self._touch is touch

    def _all_in_view(self) -> bool:
        view = self._viewport
        return view is None or view.height <= self.height


def _goes_sideways(touch) -> bool:
    across = abs(touch.x - touch.ox)
    return across > dp(SIDEWAYS) and across > abs(touch.y - touch.oy)


class RefreshableList(PullToRefresh, ScrollView):
    """A list that is refreshed by pulling it down."""


load_kv(__file__)
