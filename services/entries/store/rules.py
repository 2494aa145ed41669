"""The database's own refusals.

They are met only when two requests crossed: the model looked at what was there, and then it
changed. So the transaction runs again, and this time the model sees what changed and says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from libs.postgres.errors import TransactionCrossed

RULES = frozenset(
    {
        "day_has_24_hours",
        "entries_pkey",
        "entries_project_fkey",
        "period_is_not_closed",
        "project_is_active",
        "week_is_open",
    }
)


@contextmanager
def looking_again() -> Iterator[None]:
    """Raise a violated rule as `TransactionCrossed`, at which `transact` tries again."""
    try:
        yield
    except asyncpg.IntegrityConstraintViolationError as error:
        if error.constraint_name not in RULES:
            raise
        raise TransactionCrossed(error.constraint_name) from error
