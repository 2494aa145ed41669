"""A database whose client dies between two statements, when a test says so."""

from __future__ import annotations

from typing import Any, TypeVar

import asyncpg

from libs.postgres.pool import Database
from libs.postgres.shares import Share
from libs.postgres.transactions import Isolation, Work

T = TypeVar("T")


class Crash(BaseException):
    """The process is gone. Not an `Exception`: nobody in it gets to handle this."""


class Stumble(Exception):
    """Something went wrong, once: what fails together may well succeed apart."""


class CountedConnection:
    """A connection on which the end comes after so many statements."""

    def __init__(
        self, connection: asyncpg.Connection, statements: int, end: type[BaseException]
    ) -> None:
        self._connection = connection
        self._end = end
        self.left = statements

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._connection, name)
        if name not in ("execute", "executemany", "fetch", "fetchrow", "fetchval"):
            return method

        async def counted(*arguments: Any, **options: Any) -> Any:
            if self.left == 0:
                raise self._end(name)
            self.left -= 1
            return await method(*arguments, **options)

        return counted


class CrashingDatabase(Database):
    """After `crash_after(n)` the next transaction dies before its statement n + 1; with more
    than it has, right after COMMIT, which is when nobody learns that it was made. After
    `stumble_after(n)` it merely fails there."""

    _planned: tuple[int, type[BaseException]] | None = None

    def crash_after(self, statements: int | None) -> None:
        self._planned = None if statements is None else (statements, Crash)

    def stumble_after(self, statements: int) -> None:
        self._planned = (statements, Stumble)

    async def transact(
        self,
        work: Work[T],
        *,
        isolation: Isolation = "read_committed",
        share: Share = Share.WRITES,
    ) -> T:
        planned, self._planned = self._planned, None
        if planned is None:
            return await super().transact(work, isolation=isolation, share=share)

        async def ending(connection: asyncpg.Connection) -> T:
            return await work(CountedConnection(connection, *planned))

        done = await super().transact(ending, isolation=isolation, share=share)
        if planned[1] is Crash:
            raise Crash("after COMMIT")
        return done
