"""The time, so that tests can set it."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, date, datetime


class Clock:
    def now(self) -> datetime:
        """This moment, in UTC."""
        return datetime.now(UTC)

    def today(self) -> date:
        """The day that the person's own calendar shows."""
        return datetime.now().astimezone().date()

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
