"""One transaction, and what is known of its end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Literal, TypeVar

import asyncpg

from libs.postgres.errors import OutcomeUnknown, is_aborted

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
            raise OutcomeUnknown(
                "The connection to the database broke. The change may have been made or not."
            ) from error
        raise
    return result
