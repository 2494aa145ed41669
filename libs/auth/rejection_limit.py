"""A limit for rejected tokens, one for the process: nobody knows who sends them."""

from __future__ import annotations

import time
from collections.abc import Callable

_BURST = 2


class RejectionLimit:
    """`rate` rejected tokens a second on average, twice as many at once.

    `clock` returns seconds that only grow.
    """

    def __init__(self, rate: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._clock = clock
        self._left = float(rate * _BURST)
        self._since = clock()

    @property
    def is_exceeded(self) -> bool:
        """Whether no further token may be rejected now."""
        now = self._clock()
        self._left = min(self._left + (now - self._since) * self._rate, self._rate * _BURST)
        self._since = now
        return self._left < 1

    def count(self) -> None:
        """Count a rejected token."""
        self._left -= 1
