"""A list that asks for news when it is pulled down from its top."""

from __future__ import annotations

from collections.abc import Callable

from kivy.metrics import dp
from kivy.properties import NumericProperty, ObjectProperty
from kivy.uix.scrollview import ScrollView

from mobile.ui.parts import load_kv

# So far from the top that nobody pulls by accident.
ENOUGH = 72


class Pull:
    """Beside a ScrollView; `pulled` is how far, from nought to one, where letting go asks."""

    pulled = NumericProperty(0)
    ask: Callable[[], None] | None = ObjectProperty(None, allownone=True)

    def on_touch_down(self, touch):
        at_top = self.scroll_y >= 1 or self._all_in_view()
        if self.ask is not None and at_top and self.collide_point(*touch.pos):
            touch.ud[self._key] = touch.y
        return super().on_touch_down(touch)

    def on_touch_move(self, touch):
        begun = touch.ud.get(self._key)
        if begun is not None:
            sideways = abs(touch.x - touch.ox) > abs(touch.y - touch.oy)
            self.pulled = 0 if sideways else min(1, max(0, (begun - touch.y) / dp(ENOUGH)))
        return super().on_touch_move(touch)

    def on_touch_up(self, touch):
        if touch.ud.pop(self._key, None) is not None:
            asks, self.pulled = self.pulled >= 1, 0
            if asks and self.ask is not None:
                self.ask()
        return super().on_touch_up(touch)

    @property
    def _key(self) -> str:
        return f"pull.{self.uid}"

    def _all_in_view(self) -> bool:
        view = self._viewport
        return view is None or view.height <= self.height


class PullList(Pull, ScrollView):
    pass


load_kv(__file__)
