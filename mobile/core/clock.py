"""The time, as an object that tests can replace."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, date, datetime

# Linux and Android stop CLOCK_MONOTONIC in deep sleep, macOS stops Python's own.
_STEADY: int | None = getattr(time, "CLOCK_BOOTTIME", getattr(time, "CLOCK_MONOTONIC", None))


class Clock:
    """The device's clocks; tests bring their own."""

    def now(self) -> datetime:
        """The moment, in UTC."""
        return datetime.now(UTC)

    def today(self) -> date:
        """The day in the device's own time zone."""
        return datetime.now().astimezone().date()

    def monotonic(self) -> float:
        """Seconds that nobody can set; they go on while the device sleeps."""
        return time.clock_gettime(_STEADY) if _STEADY is not None else time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait this long."""
        await asyncio.sleep(seconds)
