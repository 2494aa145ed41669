"""Maps PostgreSQL's errors to responses.

    ServiceUnavailable (503)
      DatabaseUnavailable    there is no connection to the database
        ConnectionLost       the connection broke, and nothing was committed
      DatabaseBusy           a lock, a statement or the server took too long
        TransactionConflict  another transaction was in the way, and nothing was committed
      OutcomeUnknown         the connection broke during COMMIT
    ConcurrentUpdate         raised by a transaction that wants to be repeated

SQLSTATEs: https://www.postgresql.org/docs/current/errcodes-appendix.html
"""

from __future__ import annotations

from collections.abc import Iterator

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
_CONFLICTS = (SERIALIZATION_FAILURE, DEADLOCK_DETECTED)
# The request is valid; the same one may well succeed a moment later.
_TRANSIENT = (QUERY_CANCELED, "53", "58")

_UNREACHABLE = "The database cannot be reached right now."
_LOCKED = "The same data is being changed right now, by an upload for example. Try again."
_BUSY = "The database is too busy for this right now."
UNKNOWN = "The connection to the database broke. The change may have been made or not."


class DatabaseUnavailable(ServiceUnavailable):
    """There is no connection to the database right now."""

    def __init__(self, detail: str = _UNREACHABLE) -> None:
        super().__init__(detail)


class ConnectionLost(DatabaseUnavailable):
    """The connection broke before COMMIT was sent: nothing was committed."""


class DatabaseBusy(ServiceUnavailable):
    """A lock, a statement or the server took too long, or the server has no room."""

    def __init__(self, detail: str = _BUSY) -> None:
        super().__init__(detail)


class TransactionConflict(DatabaseBusy):
    """The transaction was rolled back because of another one; repeating it may succeed."""


class OutcomeUnknown(ServiceUnavailable):
    """The connection broke while COMMIT was under way: the change may have been made or not.

    Repeating it is safe only with an idempotency key or an idempotent operation.
    """

    slug = "outcome-unknown"

    def __init__(self, detail: str = UNKNOWN) -> None:
        super().__init__(detail)


class ConcurrentUpdate(Exception):
    """Another transaction changed what this one had read. The transaction must be repeated."""


def has_lost_connection(error: BaseException, connection: asyncpg.Connection) -> bool:
    """Whether the connection is gone.

    Many kinds of exception report a closed socket, and some of them (a client that hangs up) say
    nothing about the database, so the state of the connection decides.

    A server that ends an idle session sends an error first and then closes the socket. A
    statement sent in between finds asyncpg between two states: `InternalClientError`. In a
    transaction ROLLBACK then fails with another error, whose context that one is.
    """
    broken = any(isinstance(each, asyncpg.InternalClientError) for each in _with_context(error))
    return broken or connection.is_closed() or sqlstate_of(error).startswith(_LOST)


def _with_context(error: BaseException) -> Iterator[BaseException]:
    """The error, and those that were being handled when it was raised."""
    found: BaseException | None = error
    while found is not None:
        yield found
        found = found.__context__


def is_conflict(error: BaseException) -> bool:
    """Whether the transaction was rolled back only because of another one."""
    return isinstance(error, ConcurrentUpdate) or sqlstate_of(error) in _CONFLICTS


def is_aborted(error: BaseException) -> bool:
    """Whether the error means for certain that nothing was committed.

    With severity ERROR the server has rolled the transaction back. FATAL, a time-out or a broken
    connection leave open whether COMMIT came first.
    """
    return getattr(error, "severity_en", None) == "ERROR"


def unavailable_for(error: BaseException) -> ServiceUnavailable | None:
    """The 503 for an error of the database on a working connection.

    None for an error that a repetition does not cure.
    """
    if is_conflict(error):
        return TransactionConflict()
    if sqlstate_of(error) == LOCK_NOT_AVAILABLE:
        return DatabaseBusy(_LOCKED)
    if isinstance(error, TimeoutError) or sqlstate_of(error).startswith(_TRANSIENT):
        return DatabaseBusy()
    return None


def raise_unavailable(error: Exception, connection: asyncpg.Connection) -> None:
    """Raise the `ServiceUnavailable` for an error that a repetition may cure; else return."""
    if isinstance(error, OutcomeUnknown):
        return
    if has_lost_connection(error, connection):
        raise ConnectionLost from error
    if unavailable := unavailable_for(error):
        raise unavailable from error


def sqlstate_of(error: BaseException | None) -> str:
    """The SQLSTATE of an error of the server, or an empty text."""
    return (getattr(error, "sqlstate", None) or "") if isinstance(error, Exception) else ""
