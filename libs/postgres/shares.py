"""Shares of the connections: one kind of work cannot take them all (the bulkhead pattern)."""

from __future__ import annotations

import enum


class Share(enum.Enum):
    """The use of a connection.

    Interactive requests are answered in milliseconds while somebody waits; reports, batches and
    feeds take longer and can be tried again.
    """

    READS = "reads"
    WRITES = "writes"
    REPORTS = "reports"
    BATCHES = "batches"
    FEEDS = "feeds"

    # Members are singletons. Enum's own hash is a Python function, called often for each request.
    __hash__ = object.__hash__


INTERACTIVE = frozenset({Share.READS, Share.WRITES})


class Bounds:
    """Compute how many of `size` connections each share may hold at once.

    A quarter of the connections is reserved for interactive reads, which wait for no lock. Each
    share that is not interactive holds at most a fifth.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.beside_reads = size - size // 4
        background = max(1, size // 5)
        self.of_share = {
            share: size if share in INTERACTIVE else min(size, background) for share in Share
        }
