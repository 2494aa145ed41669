"""Bounding log lines that every request may cause while something is wrong."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass

_MAX_KEYS = 1000


@dataclass(slots=True)
class _Window:
    since: float
    logged: int = 0
    omitted: int = 0


class LogSampler:
    """Admits `limit` lines a second for each key and counts the others."""

    def __init__(self, limit: int = 10, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._clock = clock
        self._windows: dict[Hashable, _Window] = {}

    def admit(self, key: Hashable) -> int | None:
        """The number of lines omitted since the last one, or None to omit this one too."""
        now = self._clock()
        if key not in self._windows and len(self._windows) >= _MAX_KEYS:
            self._windows.clear()
        window = self._windows.setdefault(key, _Window(now))
        if now - window.since >= 1:
            window.since, window.logged = now, 0
        if window.logged >= self._limit:
            window.omitted += 1
            return None
        window.logged += 1
        omitted, window.omitted = window.omitted, 0
        return omitted
