"""Notices to the person: rejected weeks, weeks not submitted, a forgotten timer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from mobile.core.rules import Scope, State
from mobile.core.session import Workspace
from mobile.core.views import WeekSummary
from mobile.core.weeks import Week

WEEKS_BACK = 8


class NoticeKind(StrEnum):
    """The kinds of notices about own weeks."""

    REJECTED = "rejected"
    NOT_SUBMITTED = "not_submitted"


@dataclass(frozen=True, slots=True)
class WeekNotice:
    """A week that the person must do something about."""

    week: Week
    kind: NoticeKind
    reason: str = ""

    @property
    def key(self) -> str:
        """The same notice is shown to the person once."""
        return f"{self.kind} {self.week} {self.reason}"


def week_notices(workspace: Workspace, today: date) -> list[WeekNotice]:
    """Earlier weeks to see to, oldest first; this week too once it was rejected."""
    if not workspace.may(Scope.CREATE_TIMESHEETS):
        return []
    this_week = Week.of(today)
    summaries = workspace.timesheet.summaries(this_week.plus(-WEEKS_BACK), this_week)
    summaries.reverse()
    begun = [each.week for each in summaries if _has_begun(each)]
    if not begun:
        return []
    return [
        notice
        for each in summaries
        if each.week >= begun[0] and (notice := _notice(workspace, each, this_week)) is not None
    ]


def _has_begun(summary: WeekSummary) -> bool:
    """Earlier weeks, from before the person joined, are nobody's concern."""
    rejected = summary.reason is not None
    return bool(summary.total_minutes) or rejected or summary.state is not State.OPEN


def _notice(workspace: Workspace, summary: WeekSummary, this_week: Week) -> WeekNotice | None:
    if summary.state is not State.OPEN:
        return None
    if summary.reason is not None:
        return WeekNotice(summary.week, NoticeKind.REJECTED, summary.reason)
    if summary.week >= this_week or not _is_expected(workspace, summary):
        return None
    return WeekNotice(summary.week, NoticeKind.NOT_SUBMITTED)


def _is_expected(workspace: Workspace, summary: WeekSummary) -> bool:
    """Whether the week should be submitted: it has hours, or a target on some day."""
    if summary.total_minutes:
        return True
    days = workspace.store.calendar.days(summary.week.monday, summary.week.sunday)
    if days:
        return any(day.target_minutes for day in days.values())
    return bool(summary.target_minutes)
