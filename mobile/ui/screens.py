"""The screen for a tab, or for a page that lies over it."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from kivy.uix.widget import Widget

from mobile.ui.approvals import ApprovalsScreen
from mobile.ui.months import MonthsScreen
from mobile.ui.problems import ProblemsScreen
from mobile.ui.profile import ProfileScreen
from mobile.ui.timer import TimerScreen
from mobile.ui.week import WeekScreen
from mobile.viewmodels.stages import Tab

if TYPE_CHECKING:
    from mobile.ui.shell import Shell


class Page(StrEnum):
    """A view that opens over a tab and closes with Back."""

    PROBLEMS = "problems"
    MONTHS = "months"


def make_screen(shell: Shell, tab: Tab, page: Page | None) -> Widget:
    """The widget of a tab, or of the page above it."""
    models = shell.models
    if page is Page.PROBLEMS:
        return ProblemsScreen(models.problems, shell)
    if page is Page.MONTHS:
        return MonthsScreen(models.months, models.absences, shell)
    makers = {
        Tab.WEEK: lambda: WeekScreen(models.week, models.timer, shell),
        Tab.TIMER: lambda: TimerScreen(models.timer, shell),
        Tab.APPROVALS: lambda: ApprovalsScreen(models.approvals, shell),
        Tab.PROFILE: lambda: ProfileScreen(models.profile, shell),
    }
    return makers[tab]()
