"""The actions on an entry besides editing it: repeat it, start its timer, copy it."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from mobile.core.rules import Draft
from mobile.ui.calendar import DaySheet
from mobile.ui.dialog import Choice
from mobile.viewmodels.timer import TimerModel
from mobile.viewmodels.week import WeekModel

if TYPE_CHECKING:
    from mobile.ui.frame import SheetFrame

REPEAT_ICON, TIMER_ICON = "replay", "timer-play-outline"


class EntryActions:
    """The actions on an entry of the shown week."""

    def __init__(self, week: WeekModel, timer: TimerModel, frame: SheetFrame) -> None:
        self._week = week
        self._timer = timer
        self._frame = frame

    def again_icon(self, day: date) -> str:
        """The icon of what `again` does with an entry of this day; empty for nothing."""
        if not self._week.can_write:
            return ""
        return TIMER_ICON if day == self._week.today else REPEAT_ICON

    def again(self, entry_id: str) -> None:
        """Repeat an entry today; today's own goes on, with the timer."""
        entry = self._week.entry(entry_id)
        if entry is None:
            return
        if entry.draft.date == self._week.today:
            self.start_timer(entry.draft)
        else:
            self._week.repeat_today(entry_id)

    def start_timer(self, draft: Draft) -> None:
        """Start the timer for the same work, unless it runs."""
        if not self._timer.restart(draft.project, draft.task or "", draft.note):
            self._frame.notify_key("week.timer_runs")
        self._frame.render()

    def duplicate(self, entry_id: str) -> None:
        """Ask for the day to copy an entry to."""
        week, strings = self._week, self._frame.strings

        def copy(day: date) -> None:
            week.duplicate(entry_id, day)

        title = strings("week.duplicate")
        self._frame.show(DaySheet(strings, week.day, copy, title=title, today=week.today))

    def delete(self, entry_id: str) -> None:
        """Delete an entry, with Undo."""
        self._week.delete(entry_id)

    def choices(self, entry_id: str) -> list[Choice]:
        """The lines of an entry's menu: none for an entry that is gone, or without the right."""
        strings, week = self._frame.strings, self._week
        entry = week.entry(entry_id)
        if entry is None or not week.can_write:
            return []
        draft = entry.draft
        return [
            Choice(REPEAT_ICON, strings("week.again"), lambda: week.repeat_today(entry_id)),
            Choice(TIMER_ICON, strings("week.start_timer"), lambda: self.start_timer(draft)),
            Choice(
                "calendar-arrow-right", strings("week.duplicate"), lambda: self.duplicate(entry_id)
            ),
        ]
