"""One transaction, and what is known of its end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Literal, TypeVar

import asyncpg

from libs.postgres.errors import UNKNOWN, ConcurrentUpdate, OutcomeUnknown, is_aborted

T = TypeVar("T")

Isolation = Literal["read_committed", "repeatable_read", "serializable"]
Work = Callable[[asyncpg.Connection], Awaitable[T]]


async def run_transaction(connection: asyncpg.Connection, work: Work[T], isolation: Isolation) -> T:
    """Run `work` between BEGIN and COMMIT, or ROLLBACK when it raises.

    Raises `OutcomeUnknown` when COMMIT was sent and its answer did not arrive.
    """
    committing = False
    try:
        async with connection.transaction(isolation=isolation):
            result = await work(connection)
            committing = True
    except Exception as error:
        if committing and not is_aborted(error):
            raise OutcomeUnknown(UNKNOWN) from error
        raise
    return result


@contextmanager
def retry_on_violation(rules: Collection[str]) -> Iterator[None]:
    """Raise a violated constraint of these names as `ConcurrentUpdate`.

    For rules that the model looks at too: the database refuses only when two requests crossed,
    and the transaction that runs again sees what changed and says so.
    """
    try:
        yield
    except asyncpg.IntegrityConstraintViolationError as error:
        if error.constraint_name not in rules:
            raise
        raise ConcurrentUpdate(error.constraint_name) from error
