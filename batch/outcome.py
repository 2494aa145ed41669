"""How an upload can end, as exit codes and as what is raised on the way there."""

from enum import IntEnum


class Exit(IntEnum):
    GOOD = 0
    """Every row was taken, or was there already."""
    ROWS_FAILED = 1
    """Rows could not be read or were refused."""
    MISUSE = 2
    """An option, a setting or the file itself is wrong; nothing was sent."""
    UNREACHABLE = 3
    """The service or the token endpoint could not be reached, or did not let this client in."""
    REFUSED = 4
    """The service refused the upload as a whole; sending it again as it is will not help."""
    INTERRUPTED = 130


class BatchError(Exception):
    """The upload ends here; the message is for people."""

    exit = Exit.MISUSE


class Misuse(BatchError):
    """An option, a setting or the file is wrong."""


class Unreachable(BatchError):
    exit = Exit.UNREACHABLE


class NotAllowed(BatchError):
    """The service is there, and does not let this client in."""

    exit = Exit.UNREACHABLE


class Refused(BatchError):
    exit = Exit.REFUSED
