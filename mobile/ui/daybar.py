"""The bars of a week: hours against each day's own target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from kivy.graphics import Color, RoundedRectangle
from kivy.metrics import dp
from kivy.properties import BooleanProperty, ListProperty, NumericProperty, StringProperty
from kivy.uix.widget import Widget
from kivy.utils import get_color_from_hex

from mobile.core.palette import project_color
from mobile.core.views import DayView, WeekView
from mobile.text import Strings
from mobile.ui.buttons import TappableRow
from mobile.ui.layout import load_kv
from mobile.viewmodels.rows import hours_text

# The full height of a bar where no day has a target.
USUAL_MINUTES = 480


BAR_WIDTH, RADIUS, GAP, LEAST_PART = 14, 4, 1, 4

Minutes = Mapping[str, int]


class StackedBar(Widget):
    """A part in the colour of each project, one upon the other: (share of the height, colour)."""

    parts = ListProperty()

    def __init__(self, **options: object) -> None:
        super().__init__(**options)
        self.bind(parts=self._draw, pos=self._draw, size=self._draw)

    def _draw(self, *_arguments: object) -> None:
        self.canvas.clear()
        bottom, last = self.y, len(self.parts) - 1
        with self.canvas:
            for number, (share, color) in enumerate(self.parts):
                height = max(dp(LEAST_PART), self.height * share)
                gap = dp(GAP) if number < last else 0
                above, below = (dp(RADIUS if number == end else 0) for end in (last, 0))
                Color(*color)
                RoundedRectangle(
                    pos=(self.center_x - dp(BAR_WIDTH) / 2, bottom),
                    size=(dp(BAR_WIDTH), height - gap),
                    radius=[above, above, below, below],
                )
                bottom += height


class DayBar(TappableRow):
    """`parts` and `mark` (the target) are parts of the bar's height; no mark is 0."""

    letter = StringProperty()
    hours = StringProperty()
    icon = StringProperty()
    parts = ListProperty()
    mark = NumericProperty(0)
    chosen = BooleanProperty(False)
    today = BooleanProperty(False)
    off = BooleanProperty(False)


def fill_bars(
    bars: Sequence[DayBar],
    view: WeekView,
    strings: Strings,
    *,
    chosen: date | None,
    today: date | None,
    dark: bool,
) -> None:
    """One scale for all seven, so that equal days are equally high."""
    minutes = [_by_project(day) for day in view.days]
    own = [day.target_minutes for day in view.days]
    show_bars(bars, view.week.days, minutes, view.target_minutes, strings, own, dark=dark)
    for bar, day in zip(bars, view.days, strict=True):
        bar.off = day.holiday is not None or day.absence is not None
        bar.icon = "party-popper" if day.holiday else ("palm-tree" if day.absence else "")
        bar.chosen = day.date == chosen
        bar.today = day.date == today


def show_bars(
    bars: Sequence[DayBar],
    days: Sequence[date],
    minutes: Sequence[Minutes],
    week_target: int | None,
    strings: Strings,
    own_targets: Sequence[int | None] = (None,) * 7,
    *,
    dark: bool,
) -> None:
    """Minutes by project and targets; a day without its own has a fifth of the week's."""
    a_day = week_target // 5 if week_target else 0
    targets = [
        own if own is not None else (a_day if number < 5 else 0)
        for number, own in enumerate(own_targets)
    ]
    totals = [sum(each.values()) for each in minutes]
    highest = max(USUAL_MINUTES, *targets, *totals)
    for bar, day, done, total, target in zip(bars, days, minutes, totals, targets, strict=True):
        bar.letter = f"{strings.weekday_letter(day)} {day.day}"
        bar.hours = hours_text(total)
        # In the order of the codes: a project has the same place on every day.
        bar.parts = [
            (done[code] / highest, _color(bar, code, dark=dark))
            for code in sorted(done)
            if done[code]
        ]
        bar.mark = target / highest


def _color(bar: DayBar, code: str, *, dark: bool) -> tuple[float, ...]:
    """That of the project; hours whose project is not known yet have the theme's."""
    if not code:
        return tuple(bar.theme_cls.primaryColor)
    return tuple(get_color_from_hex(project_color(code, dark=dark)))


def _by_project(day: DayView) -> Minutes:
    totals: dict[str, int] = {}
    for entry in day.entries:
        totals[entry.draft.project] = totals.get(entry.draft.project, 0) + entry.draft.minutes
    return totals


load_kv(__file__)
