"""Exit codes of the program, and the exceptions that end an upload."""

from enum import IntEnum


class ExitCode(IntEnum):
    """The exit codes of the command, for scripts."""

    OK = 0
    """The service accepted every row."""
    ROWS_FAILED = 1
    """Some rows are invalid or were rejected by the service."""
    INVALID_INPUT = 2
    """An option, a setting or the file as a whole is invalid, and no row was sent."""
    UNREACHABLE = 3
    """The service or the token endpoint could not be reached, or denied access."""
    REJECTED = 4
    """The service rejected the upload as a whole. A retry of the same file will not help."""
    INTERRUPTED = 130


class BatchError(Exception):
    """Ends the upload. The message is shown to the user."""

    exit_code = ExitCode.INVALID_INPUT


class InvalidInput(BatchError):
    """An option, a setting or the file as a whole is invalid."""


class Unreachable(BatchError):
    """The service or the token endpoint could not be reached."""

    exit_code = ExitCode.UNREACHABLE


class AccessDenied(BatchError):
    """The service was reached and denied access to this client."""

    exit_code = ExitCode.UNREACHABLE


class Rejected(BatchError):
    """The service rejected the upload as a whole."""

    exit_code = ExitCode.REJECTED
