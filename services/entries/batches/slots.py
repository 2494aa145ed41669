"""How many uploads run at the same time in this process."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from libs.web.problems import TooManyRequests

RETRY_AFTER = 5


class Slots:
    """Turns away with 429 who has `each` already, and everybody once there are `total`."""

    def __init__(self, each: int, total: int) -> None:
        self._each = each
        self._total = total
        self._taken: Counter[str] = Counter()

    @contextmanager
    def one(self, client: str) -> Iterator[None]:
        if self._taken[client] >= self._each or self._taken.total() >= self._total:
            raise TooManyRequests(
                f"At most {self._each} of these at the same time. Try again in {RETRY_AFTER} s.",
                headers={"Retry-After": str(RETRY_AFTER)},
            )
        self._taken[client] += 1
        try:
            yield
        finally:
            self._taken[client] -= 1
            if not self._taken[client]:
                del self._taken[client]
