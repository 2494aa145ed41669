"""Limits on retrying, and the pauses between attempts."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


@dataclass(frozen=True, slots=True)
class Retries:
    """Exponential backoff, in seconds.

    Delays double from `first` to `longest`. Each is shortened at random by up to half, so that
    uploads that failed together do not retry together.
    """

    retry_for: float = 15 * 60
    first: float = 1.0
    longest: float = 60.0
    clock: Callable[[], float] = time.monotonic
    random: Callable[[], float] = random.random

    def delay(self, began: float, attempt: int, retry_after: float | None) -> float | None:
        """The delay after attempt number `attempt` failed; None when it is time to give up.

        Never less than the service's Retry-After.
        """
        doubled = min(self.longest, self.first * 2 ** min(attempt - 1, 30))
        delay = max(doubled * (1 - self.random() / 2), retry_after or 0.0)
        return None if self.clock() - began + delay > self.retry_for else delay


def parse_retry_after(value: str | None) -> float | None:
    """Seconds of a Retry-After header (RFC 9110 section 10.2.3), or None."""
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
