"""Running a transaction, and repeating it when that is safe."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Literal, TypeVar

import asyncpg
import structlog

from libs.postgres.errors import ConcurrentUpdate, OutcomeUnknown, is_aborted, sqlstate_of
from libs.postgres.retry import jittered

T = TypeVar("T")

Isolation = Literal["read_committed", "repeatable_read", "serializable"]
Work = Callable[[asyncpg.Connection], Awaitable[T]]

TRIES = 5
FIRST_PAUSE = 0.01

log = structlog.get_logger(__name__)


async def run_transaction(connection: asyncpg.Connection, work: Work[T], isolation: Isolation) -> T:
    """Run `work` between BEGIN and COMMIT, or ROLLBACK when it raises.

    Raises `OutcomeUnknown` when COMMIT was sent and no answer came.
    """
    committing = False
    try:
        async with connection.transaction(isolation=isolation):
            result = await work(connection)
            committing = True
    except Exception as error:
        if committing and not is_aborted(error):
            raise OutcomeUnknown from error
        raise
    return result


async def repeat(
    attempt: Callable[[], Awaitable[T]],
    repeatable: type[Exception] | tuple[type[Exception], ...],
    on_retry: Callable[[Exception], None],
) -> T:
    """Await `attempt()`, at most five times while it raises `repeatable`; then the last error.

    Each retry is logged with the SQLSTATE; the request's id and route come from the context.
    """
    for number in range(1, TRIES):
        try:
            return await attempt()
        except repeatable as error:
            on_retry(error)
            cause = error.__cause__ or error
            log.warning(
                "transaction is repeated",
                attempt=number,
                sqlstate=sqlstate_of(cause),
                error=f"{type(cause).__name__}: {cause}",
            )
        await asyncio.sleep(jittered(FIRST_PAUSE * 2**number))
    return await attempt()


@contextmanager
def retry_on_violation(rules: Collection[str]) -> Iterator[None]:
    """Raise the violation of one of these constraints as `ConcurrentUpdate`.

    For rules that the model checks too: the database refuses only if another transaction
    committed in between. The repeated transaction sees that change and explains the refusal.
    """
    try:
        yield
    except asyncpg.IntegrityConstraintViolationError as error:
        if error.constraint_name not in rules:
            raise
        raise ConcurrentUpdate(error.constraint_name) from error
