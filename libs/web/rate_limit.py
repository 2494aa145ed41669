"""A rate limit for each caller: a token bucket in this process."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable

from aiohttp import web

from libs.web.guards import Guard
from libs.web.logs import CALLER
from libs.web.problems import TooManyRequests

_MAX_CALLERS = 10_000
_BURST = 2


class RateLimit:
    """`rate` requests a second on average, twice as many at once."""

    def __init__(self, rate: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.rate = rate
        self._capacity = float(rate * _BURST)
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, caller: str) -> float:
        """Take one token. Returns 0.0, or the seconds until there is one again."""
        now = self._clock()
        tokens, since = self._buckets.pop(caller, (self._capacity, now))
        tokens = min(self._capacity, tokens + (now - since) * self.rate)
        wait = 0.0 if tokens >= 1 else (1 - tokens) / self.rate
        self._buckets[caller] = (tokens if wait else tokens - 1, now)
        if len(self._buckets) > _MAX_CALLERS:
            self._buckets.popitem(last=False)
        return wait


def limit_rate(limit: RateLimit) -> Guard:
    """Answer 429 to a caller that exceeds the limit. The ingress limits anonymous ones."""

    async def guard(request: web.Request) -> None:
        caller = request.get(CALLER)
        wait = limit.take(caller) if caller else 0.0
        if wait:
            seconds = max(1, math.ceil(wait))
            raise TooManyRequests(
                f"More than {limit.rate} requests a second. Try again in {seconds} s.",
                headers={
                    "Retry-After": str(seconds),
                    "RateLimit-Policy": f'"caller";q={limit.rate};w=1',
                    "RateLimit": f'"caller";r=0;t={seconds}',
                },
            )

    return guard
