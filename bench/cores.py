"""The cores of the machine: one for the service, the others for all programs around it.

The service is one thread. While it shares a core with the client, the proxy and the database, the
latencies measure how the kernel divides the core. With a core of its own they are the service's.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.load import cpu_seconds

STAT = Path("/proc/stat")
_TICKS = os.sysconf("SC_CLK_TCK")
# The fields of a line of /proc/stat: user, nice, system, idle, iowait, irq, softirq, steal.
_NOT_BUSY = (3, 4, 7)
_COUNTED = 8


@contextmanager
def reserved_core() -> Iterator[frozenset[int]]:
    """Keep this process, and all that it starts meanwhile, off one core. Yields that core.

    It is empty where the machine has a single one.
    """
    available = os.sched_getaffinity(0)
    if len(available) < 2:
        yield frozenset()
        return
    reserved = frozenset({min(available)})
    bind(os.getpid(), available - reserved)
    try:
        yield reserved
    finally:
        bind(os.getpid(), available)


def bind(pid: int, cores: set[int] | frozenset[int]) -> None:
    """Run every thread of the process on these cores alone. An empty set leaves it where it is."""
    if cores:
        for thread in Path(f"/proc/{pid}/task").iterdir():
            os.sched_setaffinity(int(thread.name), cores)


@dataclass(slots=True)
class Usage:
    """The use of the machine, in cores."""

    service: float = 0.0
    """The service's own."""
    others: float = 0.0
    """That of programs which do not belong to the measurement."""
    steal: float = 0.0
    """The time that the hypervisor gave to other virtual machines."""

    def in_words(self) -> str:
        """For the conditions of a result, with the disturbances."""
        words = f"service {self.service:.2f} of a core"
        for what, cores in (("other programs", self.others), ("stolen", self.steal)):
            if cores >= 0.05:
                words += f", {what} {cores:.2f}"
        return words


@contextmanager
def measured_usage(service: int) -> Iterator[Usage]:
    """Measure until the end of the context. `service` is a process that this one has started."""
    usage = Usage()
    began, before = time.monotonic(), _counters(service)
    yield usage
    seconds = time.monotonic() - began
    spent, ours, busy, stolen = (
        (now - then) / seconds for now, then in zip(_counters(service), before, strict=True)
    )
    usage.service, usage.others, usage.steal = spent, max(0.0, busy - ours), stolen


def _counters(service: int) -> tuple[float, float, float, float]:
    """CPU seconds of the service, of this process with all that it started, of the whole machine,
    and those that were stolen."""
    fields = STAT.read_text().partition("\n")[0].split()[1 : 1 + _COUNTED]
    ticks = [int(field) for field in fields]
    busy = sum(value for field, value in enumerate(ticks) if field not in _NOT_BUSY)
    return cpu_seconds(service), cpu_seconds(os.getpid()), busy / _TICKS, ticks[-1] / _TICKS
