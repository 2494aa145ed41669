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
    {"external_id_is_unique", "managers_form_no_circle", "people_by_email", "people_pkey"}
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
