"""The bottom navigation of a phone and the rail of a wide screen."""

from __future__ import annotations

from collections.abc import Callable

from kivy.metrics import dp
from kivy.properties import BooleanProperty, NumericProperty, StringProperty
from kivy.uix.widget import Widget
from kivymd.uix.boxlayout import MDBoxLayout

from mobile.text import Strings
from mobile.ui.buttons import TappableRow
from mobile.ui.layout import RAIL, load_kv
from mobile.ui.text import SIZES, font_pixels, text_width
from mobile.viewmodels.stages import Tab

TAB_ICONS = {
    Tab.WEEK: ("calendar-week-outline", "calendar-week"),
    Tab.TIMER: ("timer-outline", "timer"),
    Tab.APPROVALS: ("account-check-outline", "account-check"),
    Tab.PROFILE: ("account-circle-outline", "account-circle"),
}


LABEL_GAP = 4


class NavItem(TappableRow):
    """A place to go to, with the number of open items there."""

    icon = StringProperty()
    text = StringProperty()
    badge = NumericProperty(0)
    # The largest font of the label, in pixels: a label never wraps over its icon.
    largest = NumericProperty(0)
    active = BooleanProperty(False)


class Navigation:
    """Fills `bar` or `rail` with an item for each tab."""

    def __init__(
        self, bar: MDBoxLayout, rail: MDBoxLayout, strings: Strings, go: Callable[[Tab], None]
    ) -> None:
        self._bar = bar
        self._rail = rail
        self._strings = strings
        self._go = go
        self._built_for: tuple[tuple[Tab, ...], bool] | None = None
        self._items: dict[Tab, NavItem] = {}

    def render(
        self, tabs: tuple[Tab, ...], active: Tab, badges: dict[Tab, int], *, rail: bool
    ) -> None:
        """Without tabs there is no navigation at all."""
        if self._built_for != (tabs, rail):
            self._built_for = tabs, rail
            self._build(tabs, rail)
        for tab, item in self._items.items():
            item.active = tab is active
            item.icon = TAB_ICONS[tab][item.active]
            item.badge = badges.get(tab, 0)

    def _build(self, tabs: tuple[Tab, ...], rail: bool) -> None:
        self._bar.clear_widgets()
        self._rail.clear_widgets()
        self._items.clear()
        self._bar.height = dp(80) if tabs and not rail else 0
        self._rail.width = dp(RAIL) if tabs and rail else 0
        place = self._rail if rail else self._bar
        labels = [self._strings(f"tab.{tab}") for tab in tabs]
        widest = max((text_width(label, "Label", "medium") for label in labels), default=1)
        # The width of the widest label is so many times the size of its font.
        share = widest / font_pixels(SIZES["Label", "medium"])
        for tab in tabs:
            item = self._items[tab] = NavItem(text=self._strings(f"tab.{tab}"))
            item.size_hint_y, item.height = (None, dp(72)) if rail else (1, dp(80))
            # Labels that fit to the pixel would wrap, and touch each other.
            item.bind(width=lambda item, width: _limit(item, (width - dp(LABEL_GAP)) / share))
            item.bind(on_release=lambda _item, tab=tab: self._go(tab))
            place.add_widget(item)
        if tabs and rail:
            place.add_widget(Widget())


def _limit(item: NavItem, largest: float) -> None:
    """One size for all labels, the widest of which decides."""
    item.largest = largest


load_kv(__file__)
