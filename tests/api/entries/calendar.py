"""The weeks of the tests."""

from __future__ import annotations


class Week:
    """The present week of the standing clock, and its neighbours."""

    THIS = "2026-W48"
    LAST = "2026-W47"
    NEXT = "2026-W49"
    MONDAY = "2026-11-23"
    TUESDAY = "2026-11-24"
