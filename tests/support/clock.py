"""A clock that stands still."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from libs.web.app import Clock


class StandingClock(Clock):
    """Monday 23 November 2026, noon in UTC, until it is moved."""

    def __init__(self) -> None:
        self.time = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)

    def now(self) -> datetime:
        """The moment it stands at, in UTC."""
        return self.time

    def move(self, **duration: float) -> None:
        """Move it by a `timedelta` of these arguments."""
        self.time += timedelta(**duration)
