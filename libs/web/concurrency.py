"""How many long requests run at the same time in this process."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from libs.web.problems import TooManyRequests

RETRY_AFTER = 5


class ConcurrencyLimit:
    """At most `each` at the same time for one caller and `total` for all of them."""

    def __init__(self, each: int, total: int) -> None:
        self._each = each
        self._total = total
        self._running: Counter[str] = Counter()

    @contextmanager
    def slot(self, caller: str) -> Iterator[None]:
        """Hold a slot. Raises `TooManyRequests` if there is none."""
        if self._running[caller] >= self._each or self._running.total() >= self._total:
            raise TooManyRequests(
                f"At most {self._each} of these at the same time. Try again in {RETRY_AFTER} s.",
                headers={"Retry-After": str(RETRY_AFTER)},
            )
        self._running[caller] += 1
        try:
            yield
        finally:
            self._running[caller] -= 1
            if not self._running[caller]:
                del self._running[caller]
