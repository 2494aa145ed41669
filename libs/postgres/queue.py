"""The queue in front of the connections: fair and bounded."""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Generic, TypeVar

import msgspec

from libs.postgres.shares import Bounds, Share
from libs.web.problems import ServiceUnavailable

# A queue in which no request of the last `OVERLOADED_AFTER` seconds was served within `SHORT_WAIT`
# means overload and not a burst (the idea of CoDel, RFC 8289: its target and interval). Its length
# says nothing: 256 requests that are served within 80 ms are none too many.
SHORT_WAIT = 0.1
OVERLOADED_AFTER = 1.0
# While overloaded, requests that cannot be served within this time are refused: the others are
# served at full rate and with a bounded delay. The clock of an event loop stands still during each
# turn, so the wait is some milliseconds shorter; it must not be less than 0.25.
OVERLOADED_WAIT = 0.3

T = TypeVar("T")


class _Waiter(msgspec.Struct, Generic[T], eq=False):
    ticket: int
    future: asyncio.Future[T | None]
    since: float
    deadline: float
    """When it gives up. Both are by the clock of the event loop."""


class _Expired(Exception):
    """The deadline of a waiter has passed."""


class ConnectionQueue(Generic[T]):
    """Decides who holds one of a bounded number of connections, first come, first served.

    It keeps the idle connections and hands a connection that is released straight to the request
    that has waited longest, unless the share of that request is at its bound. A request that has
    waited longer than `max_wait` gets a 503, because serving it late would only delay the requests
    behind it; so does one that finds `max_waiting` others, which only bounds the memory.

    It never connects: `None` in place of a connection stands for the room to open one.
    """

    def __init__(
        self,
        bounds: Bounds,
        max_waiting: int,
        max_wait: float,
        on_shed: Callable[[Share, str], None] = lambda _share, _reason: None,
    ) -> None:
        self._bounds = bounds
        self._max_waiting = max_waiting
        self._max_wait = max_wait
        self._on_shed = on_shed
        self._tickets = itertools.count()
        self._waiters: dict[Share, deque[_Waiter[T]]] = {share: deque() for share in Share}
        self._held = dict.fromkeys(Share, 0)
        self._waiting = dict.fromkeys(Share, 0)
        self._short_at = dict.fromkeys(Share, 0.0)
        self._timer: asyncio.Handle | None = None
        self._timer_at = 0.0
        self._idle: list[T] = []
        self.in_use = 0

    @property
    def waiting(self) -> int:
        """The number of those who wait for a connection."""
        return sum(self._waiting.values())

    @property
    def idle(self) -> int:
        """The number of connections that nobody holds."""
        return len(self._idle)

    def held_by(self, share: Share) -> int:
        """The number of connections that the share holds."""
        return self._held[share]

    async def acquire(self, share: Share) -> T | None:
        """Return an idle connection, or None for the room to open one. `release` must follow.

        Raises `ServiceUnavailable` when too many requests of the share wait, or after `max_wait`
        seconds.
        """
        if self._has_room(share):
            self._take(share)
            return self.take_idle()
        waiter = self._join(share)
        try:
            return await waiter.future
        except _Expired:
            raise self._shed(share, "late") from None
        except asyncio.CancelledError:
            self._abandon(share, waiter)
            raise
        finally:
            self._waiting[share] -= 1

    def release(self, share: Share, connection: T | None) -> None:
        """Take back what `acquire` returned, or None if that connection is closed."""
        self.in_use -= 1
        self._held[share] -= 1
        if not self._hand_over(connection) and connection is not None:
            self._idle.append(connection)

    def add_idle(self, connection: T) -> None:
        """Take in a connection that nobody holds."""
        self._idle.append(connection)

    def take_idle(self) -> T | None:
        """The connection that was used last: the others may then expire."""
        return self._idle.pop() if self._idle else None

    def remove_idle(self, is_over: Callable[[T], bool]) -> list[T]:
        """Remove and return the idle connections for which `is_over` holds."""
        removed = [connection for connection in self._idle if is_over(connection)]
        self._idle = [connection for connection in self._idle if connection not in removed]
        return removed

    def refuse_waiters(self, error: Exception) -> None:
        """Raise the error for everybody who waits."""
        for waiters in self._waiters.values():
            while waiters:
                future = waiters.popleft().future
                if not future.done():
                    future.set_exception(error)
        self._cancel_timer()

    def _has_room(self, share: Share) -> bool:
        bounds, held = self._bounds, self._held
        return (
            self.in_use < bounds.size
            and held[share] < bounds.of_share[share]
            and (share is Share.READS or self.in_use - held[Share.READS] < bounds.beside_reads)
        )

    def _take(self, share: Share) -> None:
        self.in_use += 1
        self._held[share] += 1

    def _hand_over(self, connection: T | None) -> bool:
        """Give the connection to the longest waiter that may have it. False if there is none."""
        share = self._next_share()
        if share is None:
            return False
        given = self.take_idle() if connection is None else connection
        waiter = self._waiters[share].popleft()
        now = waiter.future.get_loop().time()
        if now - waiter.since <= SHORT_WAIT:
            self._short_at[share] = now
        waiter.future.set_result(given)
        self._take(share)
        return True

    def _next_share(self) -> Share | None:
        longest, found = None, None
        for share, waiters in self._waiters.items():
            while waiters and waiters[0].future.done():  # it gave up
                waiters.popleft()
            if not (waiters and self._has_room(share)):
                continue
            if longest is None or waiters[0].ticket < longest:
                longest, found = waiters[0].ticket, share
        return found

    def _join(self, share: Share) -> _Waiter[T]:
        """Join the queue. Raises `ServiceUnavailable` if it is full."""
        if self._waiting[share] >= self._max_waiting:
            raise self._shed(share, "full")
        loop = asyncio.get_running_loop()
        now = loop.time()
        if not self._waiting[share]:
            self._short_at[share] = now
        deadline = now + self._wait_limit(share, now)
        waiter: _Waiter[T] = _Waiter(next(self._tickets), loop.create_future(), now, deadline)
        self._waiters[share].append(waiter)
        self._waiting[share] += 1
        self._expire_at(loop, deadline)
        return waiter

    def _expire_at(self, loop: asyncio.AbstractEventLoop, deadline: float) -> None:
        """One timer serves all waiters: an `asyncio.timeout` for each costs more than the rest."""
        if self._timer is None or deadline < self._timer_at:
            self._cancel_timer()
            # Of a deadline that has passed, uvloop makes a handle that does not know its time.
            self._timer = loop.call_at(deadline, self._expire, loop)
            self._timer_at = deadline

    def _expire(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        # The clock has a resolution: what is due within a millisecond is due.
        due = loop.time() + 0.001
        for share, waiters in self._waiters.items():
            pending = [each for each in waiters if not each.future.done()]
            self._waiters[share] = deque(each for each in pending if each.deadline > due)
            for each in pending:
                if each.deadline <= due:
                    each.future.set_exception(_Expired())
        left = [each.deadline for waiters in self._waiters.values() for each in waiters]
        if left:
            self._expire_at(loop, min(left))

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wait_limit(self, share: Share, now: float) -> float:
        if now - self._short_at[share] > OVERLOADED_AFTER:
            return min(self._max_wait, OVERLOADED_WAIT)
        return self._max_wait

    def _abandon(self, share: Share, waiter: _Waiter[T]) -> None:
        """Pass on a connection that was handed over in the moment in which the waiter gave up."""
        if waiter.future.cancelled():
            with suppress(ValueError):
                self._waiters[share].remove(waiter)
        elif waiter.future.exception() is None:
            self.release(share, waiter.future.result())

    def _shed(self, share: Share, reason: str) -> ServiceUnavailable:
        self._on_shed(share, reason)
        return ServiceUnavailable("Too many requests wait for the database.", retry_after=1)
