"""ISO weeks, Monday to Sunday; their text is `2026-W48`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Self


@dataclass(frozen=True, slots=True, order=True)
class Week:
    """A week from Monday to Sunday (ISO 8601)."""

    monday: date

    @classmethod
    def of(cls, day: date) -> Self:
        """The week of a day."""
        return cls(day - timedelta(days=day.weekday()))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ValueError for what is no week."""
        match = re.fullmatch(r"([0-9]{4})-W([0-9]{2})", text)
        if match is None:
            raise ValueError(f"{text} is no week")
        return cls(date.fromisocalendar(int(match[1]), int(match[2]), 1))

    def __str__(self) -> str:
        year, week, _ = self.monday.isocalendar()
        return f"{year:04}-W{week:02}"

    @property
    def number(self) -> int:
        """The number of the week in its year."""
        return self.monday.isocalendar().week

    @property
    def sunday(self) -> date:
        """The last day."""
        return self.monday + timedelta(days=6)

    @property
    def days(self) -> tuple[date, ...]:
        """Its seven days."""
        return tuple(self.monday + timedelta(days=offset) for offset in range(7))

    def plus(self, weeks: int) -> Week:
        """The week so many weeks later."""
        return Week(self.monday + timedelta(weeks=weeks))

    def __contains__(self, day: date) -> bool:
        return self.monday <= day <= self.sunday
