"""Notifications of the system: what is due, each once, and nothing that an e-mail says already."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import time

from mobile.core.clock import Clock
from mobile.core.sending import PROFILE
from mobile.core.session import Workspace
from mobile.core.weeks import Week
from mobile.core.wire import Profile, read
from mobile.viewmodels.approvals import ApprovalsModel
from mobile.viewmodels.notices import NoticeKind, week_notices
from mobile.viewmodels.timer import LONG_SECONDS, TimerModel

NOTIFIED = "notified"
MAX_REMEMBERED = 50
FRIDAY, REMIND_FROM = 4, time(15, 0)


@dataclass(frozen=True, slots=True)
class Notification:
    """`key` is that of its sentence, `identity` makes it unique."""

    key: str
    identity: str
    arguments: dict[str, object] = field(default_factory=dict)


def due_notifications(
    workspace: Workspace, clock: Clock, timer: TimerModel, approvals: ApprovalsModel
) -> list[Notification]:
    """Return the news since the last call; it counts as shown from then on."""
    found = [*_of_timer(timer), *_of_weeks(workspace, clock, approvals)]
    shown = list(workspace.store.get(NOTIFIED) or ())
    new = [each for each in found if each.identity not in shown]
    if new:
        shown += [each.identity for each in new]
        workspace.store.set(NOTIFIED, shown[-MAX_REMEMBERED:])
    return new


def _of_timer(timer: TimerModel) -> list[Notification]:
    if not timer.running or not timer.is_long:
        return []
    started = timer.started_at
    identity = f"timer {started:%Y-%m-%d}" if started is not None else "timer"
    return [Notification("notice.timer", identity, {"hours": LONG_SECONDS // 3600})]


def _of_weeks(workspace: Workspace, clock: Clock, approvals: ApprovalsModel) -> list[Notification]:
    """Empty for a person who gets the same by e-mail."""
    if read(Profile, workspace.store.get(PROFILE) or {}).reminders:
        return []
    found = [
        Notification(
            f"notice.{notice.kind}",
            notice.key,
            {"number": notice.week.number, "reason": notice.reason},
        )
        for notice in week_notices(workspace, clock.today())
        if notice.kind is NoticeKind.REJECTED
    ]
    found += _of_this_week(workspace, clock)
    if approvals.pending:
        count = len(approvals.pending)
        newest = max(item.approval.id for item in approvals.pending)
        found.append(Notification("notice.approvals", f"approvals {newest}", {"count": count}))
    return found


def _of_this_week(workspace: Workspace, clock: Clock) -> list[Notification]:
    """On Friday afternoon, if the week has hours and is still open."""
    local = clock.now().astimezone()
    if local.weekday() != FRIDAY or local.time() < REMIND_FROM:
        return []
    week = Week.of(clock.today())
    view = workspace.timesheet.week(week)
    if not view.can_submit or (view.total_minutes == 0 and not view.target_minutes):
        return []
    arguments: dict[str, object] = {"number": week.number}
    return [Notification("notice.not_submitted", f"not_submitted {week}", arguments)]
