"""The three ways of saying no: to a program, to its user's browser, to the user."""

from dataclasses import dataclass


@dataclass(eq=False)
class OAuthError(Exception):
    """An answer of RFC 6749 section 5.2, as JSON."""

    error: str
    description: str
    status: int = 400


@dataclass(eq=False)
class RedirectError(Exception):
    """An answer of RFC 6749 section 4.1.2.1, sent back to where the application listens."""

    redirect_uri: str
    state: str | None
    error: str
    description: str


@dataclass(eq=False)
class PageError(Exception):
    """A request that cannot be answered to anybody but the person who looks at the browser.

    An address that is not registered is never redirected to.
    """

    description: str
