"""Days and weeks, where nobody's time zone is known.

A working day is what the person says it is: a day has begun once it has begun anywhere on earth,
and is over once it is over everywhere.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Self

# The zones in which a day begins first and ends last.
_EARLIEST_ZONE = timedelta(hours=14)
_LATEST_ZONE = timedelta(hours=-12)


def latest_today(now: datetime) -> date:
    """The day that it is where days begin first."""
    return (now.astimezone(UTC) + _EARLIEST_ZONE).date()


def earliest_today(now: datetime) -> date:
    """The day that it still is where days end last."""
    return (now.astimezone(UTC) + _LATEST_ZONE).date()


@dataclass(frozen=True, slots=True, order=True)
class Week:
    """An ISO 8601 week, Monday to Sunday; its text is `2026-W48`."""

    monday: date

    @classmethod
    def of(cls, day: date) -> Self:
        """The week that a day belongs to (ISO 8601: Monday to Sunday)."""
        return cls(day - timedelta(days=day.weekday()))

    @classmethod
    @lru_cache(maxsize=1024)
    def parse(cls, text: str) -> Self:
        """Raises ValueError for what is no week, the 53rd of a year that has 52 for one."""
        match = re.fullmatch(r"([0-9]{4})-W([0-9]{2})", text)
        if match is None or not 1970 <= int(match[1]) <= 9998:
            raise ValueError("A week like 2026-W48 is expected.")
        try:
            return cls(date.fromisocalendar(int(match[1]), int(match[2]), 1))
        except ValueError as error:
            raise ValueError(f"The year {match[1]} has no week {match[2]}.") from error

    def __str__(self) -> str:
        year, week, _ = self.monday.isocalendar()
        return f"{year:04}-W{week:02}"

    @property
    def sunday(self) -> date:
        """The last day of the week."""
        return self.monday + timedelta(days=6)

    @property
    def days(self) -> tuple[date, ...]:
        """The seven days, Monday first."""
        return tuple(self.monday + timedelta(days=offset) for offset in range(7))

    def plus(self, weeks: int) -> Week:
        """The week that is `weeks` later, or earlier if negative."""
        return Week(self.monday + timedelta(weeks=weeks))
