"""A database whose client dies between two statements, when a test says so."""

from __future__ import annotations

from typing import Any, TypeVar

import asyncpg

from libs.postgres.pool import Database
from libs.postgres.transactions import Isolation, Work

T = TypeVar("T")


class Crash(BaseException):
    """The process is gone. Not an `Exception`: nobody in it gets to handle this."""


class CountedConnection:
    """A connection that is cut after so many statements."""

    def __init__(self, connection: asyncpg.Connection, statements: int) -> None:
        self._connection = connection
        self.left = statements

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._connection, name)
        if name not in ("execute", "fetch", "fetchrow", "fetchval"):
            return method

        async def counted(*arguments: Any, **options: Any) -> Any:
            if self.left == 0:
                raise Crash(name)
            self.left -= 1
            return await method(*arguments, **options)

        return counted


class CrashingDatabase(Database):
    """After `crash_after(n)` the next transaction dies before its statement n + 1; with more
    than it has, right after COMMIT, which is when nobody learns that it was made."""

    _statements: int | None = None

    def crash_after(self, statements: int | None) -> None:
        self._statements = statements

    async def transact(self, work: Work[T], *, isolation: Isolation = "read_committed") -> T:
        statements, self._statements = self._statements, None
        if statements is None:
            return await super().transact(work, isolation=isolation)

        async def dying(connection: asyncpg.Connection) -> T:
            return await work(CountedConnection(connection, statements))

        await super().transact(dying, isolation=isolation)
        raise Crash("after COMMIT")
