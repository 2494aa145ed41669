"""The bars of a week: hours against each day's own target."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from kivy.properties import BooleanProperty, NumericProperty, StringProperty

from mobile.core.views import WeekView
from mobile.text import Strings
from mobile.ui.buttons import TappableRow
from mobile.ui.layout import load_kv
from mobile.viewmodels.rows import hours_text

# The full height of a bar where no day has a target.
USUAL_MINUTES = 480


class DayBar(TappableRow):
    """`share` and `mark` (the target) are parts of the bar's height; no mark is 0."""

    letter = StringProperty()
    hours = StringProperty()
    icon = StringProperty()
    share = NumericProperty(0)
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
) -> None:
    """One scale for all seven, so that equal days are equally high."""
    minutes = [day.minutes for day in view.days]
    own = [day.target_minutes for day in view.days]
    show_bars(bars, view.week.days, minutes, view.target_minutes, strings, own)
    for bar, day in zip(bars, view.days, strict=True):
        bar.off = day.holiday is not None or day.absence is not None
        bar.icon = "party-popper" if day.holiday else ("palm-tree" if day.absence else "")
        bar.chosen = day.date == chosen
        bar.today = day.date == today


def show_bars(
    bars: Sequence[DayBar],
    days: Sequence[date],
    minutes: Sequence[int],
    week_target: int | None,
    strings: Strings,
    own_targets: Sequence[int | None] = (None,) * 7,
) -> None:
    """Hours and targets; a day without its own target has a fifth of the week's."""
    a_day = week_target // 5 if week_target else 0
    targets = [
        own if own is not None else (a_day if number < 5 else 0)
        for number, own in enumerate(own_targets)
    ]
    highest = max(USUAL_MINUTES, *targets, *minutes)
    for bar, day, done, target in zip(bars, days, minutes, targets, strict=True):
        bar.letter = f"{strings.weekday_letter(day)} {day.day}"
        bar.hours = hours_text(done)
        bar.share = done / highest
        bar.mark = target / highest


load_kv(__file__)
