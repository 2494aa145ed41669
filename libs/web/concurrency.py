"""Limits how many long requests run at the same time in this process."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from libs.web.problems import TooManyRequests

RETRY_AFTER = 5


class Work(Protocol):
    """The holder of a slot, which can be requested to release it."""

    @property
    def is_slow(self) -> bool:
        """Whether it mostly waits for its client."""
        ...

    def give_up(self) -> None:
        """End soon: somebody else needs the slot."""
        ...


class Slot:
    """The right to run. `work` may be asked to give it up."""

    def __init__(self, caller: str) -> None:
        self.caller = caller
        self.work: Work | None = None


class ConcurrencyLimit:
    """At most `each` at the same time for one caller and `total` for all of them.

    The last `reserved` slots are for callers that have none. When all are taken, a caller that has
    none gets that of work that mostly waits for its client, so slow clients do not shut out others.
    """

    def __init__(self, each: int, total: int, reserved: int = 0) -> None:
        self._each = each
        self._total = total
        self._reserved = reserved
        self._running: Counter[str] = Counter()
        self._slots: set[Slot] = set()

    @contextmanager
    def slot(self, caller: str) -> Iterator[Slot]:
        """Hold a slot. Raises `TooManyRequests` if there is none."""
        if not self._is_free(caller) and not self._free_a_slow_one(caller):
            raise TooManyRequests(
                f"At most {self._each} of these at the same time. Try again in {RETRY_AFTER} s.",
                headers={"Retry-After": str(RETRY_AFTER)},
            )
        slot = Slot(caller)
        self._slots.add(slot)
        self._running[caller] += 1
        try:
            yield slot
        finally:
            self._release(slot)

    def _is_free(self, caller: str) -> bool:
        own = self._running[caller]
        total = self._total - (self._reserved if own else 0)
        return own < self._each and self._running.total() < total

    def _free_a_slow_one(self, caller: str) -> bool:
        if self._running[caller]:
            return False
        slow = (slot for slot in self._slots if slot.work is not None and slot.work.is_slow)
        slot = next(slow, None)
        if slot is None or slot.work is None:
            return False
        slot.work.give_up()
        self._release(slot)
        return True

    def _release(self, slot: Slot) -> None:
        """Do nothing for a slot that was released before."""
        if slot not in self._slots:
            return
        self._slots.remove(slot)
        self._running[slot.caller] -= 1
        if not self._running[slot.caller]:
            del self._running[slot.caller]
