"""Which notices are due when, and how they are identified. Pure functions, no I/O."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from libs.rules.calendar import Week

FRIDAY, SATURDAY = 4, 5
DUE_AT = time(15)
OVERDUE_AT = time(9)
WAITING_AT = time(8)

FIRST_DELAY = timedelta(minutes=1)
MAX_DELAY = timedelta(hours=6)


class Kind(StrEnum):
    """The subject of a notice, and when it is due in the person's local time."""

    WEEK_DUE = "week_due"
    """The present week is not submitted: Friday 15:00."""
    WEEK_OVERDUE = "week_overdue"
    """The week before is not submitted: Monday 9:00."""
    REJECTED = "rejected"
    REOPENED = "reopened"
    WEEKS_WAITING = "weeks_waiting"
    """Weeks wait for the person's decision: Monday to Friday 8:00."""


@dataclass(frozen=True, slots=True)
class DueTime:
    """A moment at which notices of a kind are due in a time zone.

    `day` is the local date of the moment, `week` the week that the notices are about.
    """

    zone: str
    kind: Kind
    at: datetime
    day: date
    week: Week


@dataclass(frozen=True, slots=True)
class NoticeKey:
    """A notice: what (`kind` and `fact`) it says to whom."""

    person: str
    kind: Kind
    fact: str

    def message_id(self, domain: str) -> str:
        """The same for each copy of the notice (RFC 5322 section 3.6.4)."""
        key = "\0".join((self.person, self.kind, self.fact)).encode()
        return f"<{hashlib.sha256(key).hexdigest()[:40]}@{domain}>"


def due_times(zone: str, now: datetime) -> Iterator[DueTime]:
    """The latest moments that count now.

    A notice about the present week is due until the week ends, one about the week before until the
    next one is, and one about waiting weeks until the day ends.
    """
    zone_info = ZoneInfo(zone)
    today = now.astimezone(zone_info).date()
    week = Week.of(today)
    overdue = datetime.combine(week.monday, OVERDUE_AT, zone_info)
    due = datetime.combine(week.days[FRIDAY], DUE_AT, zone_info)
    waiting = datetime.combine(today, WAITING_AT, zone_info)
    if now >= due:
        yield DueTime(zone, Kind.WEEK_DUE, due, due.date(), week)
    elif now >= overdue:
        yield DueTime(zone, Kind.WEEK_OVERDUE, overdue, overdue.date(), week.plus(-1))
    if now >= waiting and today.weekday() < SATURDAY:
        yield DueTime(zone, Kind.WEEKS_WAITING, waiting, today, week)


def delay_after(attempts: int) -> timedelta:
    """The pause after so many failed attempts: 1, 2, 4 ... minutes, at most 6 hours."""
    return min(FIRST_DELAY * (1 << min(attempts - 1, 16)), MAX_DELAY)
