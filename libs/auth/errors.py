"""The outcomes and errors of authentication, each with its metric label."""

from enum import StrEnum


class Outcome(StrEnum):
    """The outcome of a verification, passed to `on_verified`. A closed set, fit for a metric."""

    REMEMBERED = "remembered"
    VERIFIED = "verified"
    MALFORMED = "malformed"
    """Not a compact JWS with a header as we take it: no signature was looked at."""
    UNKNOWN_KEY = "unknown_key"
    BAD_SIGNATURE = "bad_signature"
    BAD_CLAIMS = "bad_claims"
    """Signed by the issuer, but not for us or not as we take it."""
    NOT_YET_VALID = "not_yet_valid"
    EXPIRED = "expired"
    NO_KEYS = "no_keys"
    LIMITED = "limited"
    """Not looked at, because too many tokens were rejected."""


class AuthError(Exception):
    """The root of all errors of this package."""


class InvalidToken(AuthError):
    """The token is refused. The message says why, for logs and never for the caller."""

    def __init__(self, outcome: Outcome, reason: str) -> None:
        super().__init__(reason)
        self.outcome = outcome


class KeysUnavailable(AuthError):
    """There are no keys to verify a token with; `retry_after` is in seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__("the issuer's keys are not to be had")
        self.retry_after = retry_after


class TooManyRejections(AuthError):
    """New tokens are not verified for a moment, because too many were rejected."""


class UndeclaredAccess(AuthError):
    """Routes that do not say who may call them."""


class MachineTokenError(AuthError):
    """There is no token for this machine."""


class MachineTokenRefused(MachineTokenError):
    """The token endpoint said no (RFC 6749 5.2): asking again will not help."""


class MachineTokenUnavailable(MachineTokenError):
    """The token endpoint cannot be reached or makes no sense: asking again later may help."""
