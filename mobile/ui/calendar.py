"""Choosing a day: a month, weeks from Monday on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

from kivy.metrics import dp
from kivy.properties import BooleanProperty, StringProperty
from kivy.uix.widget import Widget
from kivymd.uix.boxlayout import MDBoxLayout
from kivymd.uix.gridlayout import MDGridLayout

from mobile.core.weeks import Week
from mobile.text import Strings
from mobile.ui.buttons import Chip, IconButton, TappableRow
from mobile.ui.layout import load_kv
from mobile.ui.sheet import BottomSheet

Choosable = tuple[date, Callable[[date], None]]


class DayCell(TappableRow):
    """A day in the calendar."""

    text = StringProperty()
    chosen = BooleanProperty(False)
    faint = BooleanProperty(False)
    today = BooleanProperty(False)


class DaySheet(BottomSheet):
    """`today` is marked."""

    def __init__(
        self,
        strings: Strings,
        chosen: date,
        act: Callable[[date], None],
        *,
        title: str = "",
        today: date | None = None,
    ) -> None:
        super().__init__(title=title or strings("entry.date"))
        self._strings = strings
        self._chosen = chosen
        self._act = act
        self._today = today
        self._month = chosen.replace(day=1)
        self._render()

    def _render(self) -> None:
        content, strings = self.ids.content, self._strings
        content.clear_widgets()
        head = MDBoxLayout(size_hint_y=None, height=dp(48))
        head.add_widget(IconButton(icon="chevron-left", on_release=lambda *_: self._turn(-1)))
        head.add_widget(MonthLabel(text=strings.month(self._month)))
        head.add_widget(IconButton(icon="chevron-right", on_release=lambda *_: self._turn(1)))
        content.add_widget(head)
        grid = MDGridLayout(cols=7, adaptive_height=True)
        for day in Week.of(self._month).days:
            grid.add_widget(WeekdayLabel(text=strings.weekday_letter(day)))
        first = Week.of(self._month).monday
        for offset in range(42):
            day = first + timedelta(days=offset)
            cell = DayCell(
                text=str(day.day),
                chosen=day == self._chosen,
                faint=day.month != self._month.month,
                today=day == self._today,
            )
            cell.bind(on_release=lambda _cell, day=day: self._choose(day))
            grid.add_widget(cell)
        content.add_widget(grid)

    def _turn(self, months: int) -> None:
        number = self._month.year * 12 + self._month.month - 1 + months
        self._month = date(number // 12, number % 12 + 1, 1)
        self._render()

    def _choose(self, day: date) -> None:
        self.close()
        self._act(day)


class WeekdayLabel(MDBoxLayout):
    """The letter of a weekday."""

    text = StringProperty()


class MonthLabel(MDBoxLayout):
    """The name of the month."""

    text = StringProperty()


def show_range(
    place: Widget,
    strings: Strings,
    since: Choosable,
    until: Choosable,
    pick: Callable[[date, Callable[[date], None]], None],
) -> None:
    """Chips for the first and the last day; a tap calls `pick` with the day and what sets it."""
    place.clear_widgets()
    for key, (day, act) in (("profile.from", since), ("profile.to", until)):
        chip = Chip(text=strings(key, day=strings.weekday_and_day(day)), icon="calendar")
        chip.bind(on_release=lambda _chip, day=day, act=act: pick(day, act))
        place.add_widget(chip)


load_kv(__file__)
