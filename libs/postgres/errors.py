"""What the database's errors mean for whoever waits for an answer.

SQLSTATEs: https://www.postgresql.org/docs/current/errcodes-appendix.html
"""

from __future__ import annotations

import asyncpg

from libs.web.problems import ServiceUnavailable

SERIALIZATION_FAILURE = "40001"
DEADLOCK_DETECTED = "40P01"
READ_ONLY_TRANSACTION = "25006"
TOO_MANY_CONNECTIONS = "53300"
LOCK_NOT_AVAILABLE = "55P03"
QUERY_CANCELED = "57014"

# The connection, or the server behind it, is of no further use: a restart, a crash, a failover.
_LOST = ("08", READ_ONLY_TRANSACTION, "57P01", "57P02", "57P03")
_CROSSED = (SERIALIZATION_FAILURE, DEADLOCK_DETECTED)
# Nothing is wrong with the request; the same one may well succeed a moment later.
_PASSING = (*_CROSSED, LOCK_NOT_AVAILABLE, QUERY_CANCELED, "53", "58")


class DatabaseUnavailable(ServiceUnavailable):
    """There is no way to the database right now."""


class DatabaseBusy(ServiceUnavailable):
    """The database did not get to it in time: a lock, a slow statement, no room."""


UNKNOWN = "The connection to the database broke. The change may have been made or not."


class OutcomeUnknown(ServiceUnavailable):
    """The connection broke while COMMIT was under way: the change may have been made or not.

    Only an idempotency key, or an operation that may be repeated, makes trying again safe.
    """

    slug = "outcome-unknown"


class ConcurrentUpdate(Exception):
    """What a transaction had read was changed by another one before it wrote: begin it anew."""


def has_lost_connection(error: BaseException, connection: asyncpg.Connection) -> bool:
    """Whether the connection is gone. A closed socket is told by many kinds of exception, some
    of which (a client that hangs up) say nothing about the database, so it is looked at.

    A server that ends a session nobody uses says so first and closes the socket then. What is
    asked for in between finds asyncpg between two states: `InternalClientError`.
    """
    broken = isinstance(error, asyncpg.InternalClientError)
    return broken or is_closed(connection) or _state(error).startswith(_LOST)


def may_be_repeated(error: BaseException) -> bool:
    """Whether the transaction was rolled back only because another one was in its way."""
    return isinstance(error, ConcurrentUpdate) or _state(error) in _CROSSED


def is_aborted(error: BaseException) -> bool:
    """Whether an error that COMMIT ended in means for certain that nothing was committed.

    An ERROR is the server's word that the transaction is rolled back. FATAL, a time-out or a
    broken connection leave open what came first.
    """
    return getattr(error, "severity_en", None) == "ERROR"


def passing_trouble(error: BaseException) -> DatabaseBusy | None:
    """The refusal to answer with, or None for an error that trying again does not cure."""
    passing = isinstance(error, TimeoutError | ConcurrentUpdate)
    if passing or _state(error).startswith(_PASSING):
        return DatabaseBusy("The database is too busy for this right now.")
    return None


def is_closed(connection: asyncpg.Connection) -> bool:
    """Also of one of the pool that it has taken away; its own method raises then."""
    try:
        return bool(connection.is_closed())
    except asyncpg.InterfaceError:  # the pool took it away when it closed
        return True


def _state(error: BaseException) -> str:
    return (getattr(error, "sqlstate", None) or "") if isinstance(error, Exception) else ""
