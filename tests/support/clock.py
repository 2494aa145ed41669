"""A clock that stands still."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from libs.web.app import Clock


class StandingClock(Clock):
    def __init__(self) -> None:
        self.time = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    def move(self, **duration: float) -> None:
        self.time += timedelta(**duration)
