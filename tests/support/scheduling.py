"""The order of the tests, and which files share a worker of pytest-xdist.

A worker takes whole files. The longest come first, so that no worker is left with a long file at
the end. All tests of the running stack are one unit: the stack starts once.
"""

from __future__ import annotations

import pytest
from xdist.scheduler import LoadFileScheduling

# Over the stack of tests/conftest.py.
STACK = (
    "tests/portal/",
    "tests/e2e/test_guides.py",
    "tests/e2e/test_partner_guide.py",
    "tests/e2e/test_tutorial.py",
    "tests/e2e/test_week.py",
)
# The others that take more than five seconds, the longest first.
LONGEST = (
    "tests/mobile/test_screens.py",
    "tests/e2e/test_stack.py",
    "tests/api/approvals/notices/test_delivery.py",
    "tests/e2e/test_batch.py",
    "tests/api/test_openapi.py",
    "tests/api/approvals/notices/test_due.py",
    "tests/unit/batch/test_command.py",
    "tests/deploy/test_manifests.py",
    "tests/api/approvals/",
    "tests/api/entries/",
)


class SharedStackScheduling(LoadFileScheduling):  # type: ignore[misc]
    """Distributes files, and those of the running stack together."""

    def _split_scope(self, nodeid: str) -> str:
        return "stack" if nodeid.startswith(STACK) else str(super()._split_scope(nodeid))


def longest_first(item: pytest.Item) -> int:
    """The rank of a test in the order of the run."""
    if item.nodeid.startswith(STACK):
        return -1
    ranks = (rank for rank, name in enumerate(LONGEST) if item.nodeid.startswith(name))
    return next(ranks, len(LONGEST))
