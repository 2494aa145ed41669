"""How long to go on trying, and how long to wait in between."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


@dataclass(frozen=True, slots=True)
class Retries:
    """Seconds. The pauses double from `first` to `longest`, each shortened at random by up to a
    half, so that uploads that failed together do not come back together."""

    patience: float = 15 * 60
    first: float = 1.0
    longest: float = 60.0
    clock: Callable[[], float] = time.monotonic
    chance: Callable[[], float] = random.random

    def pause(self, began: float, attempt: int, retry_after: float | None) -> float | None:
        """Before the next attempt, after the `attempt`th failed; None when it is time to give up.

        The service is never asked before it said so.
        """
        doubled = min(self.longest, self.first * 2 ** min(attempt - 1, 30))
        pause = max(doubled * (1 - self.chance() / 2), retry_after or 0.0)
        return None if self.clock() - began + pause > self.patience else pause


def read_retry_after(value: str | None) -> float | None:
    """Seconds of a Retry-After header (RFC 9110 section 10.2.3); None where there is none."""
    if value is None:
        return None
    if value.strip().isdecimal():
        return float(value.strip())
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
