"""The refusals of RFC 6750 3, as aiohttp's exceptions: their text is for people."""

from collections.abc import Iterable

from aiohttp import hdrs, web

from libs.auth.errors import Outcome
from libs.auth.scopes import Scope

_EXPIRED = "The access token expired"
_INVALID = "The access token is not valid"


def unauthenticated() -> web.HTTPUnauthorized:
    """RFC 6750 3.1: who sent no token is told the scheme and nothing else."""
    return web.HTTPUnauthorized(
        text="This needs an access token", headers={hdrs.WWW_AUTHENTICATE: "Bearer"}
    )


def unauthorized(outcome: Outcome = Outcome.MALFORMED) -> web.HTTPUnauthorized:
    """Only that a good token ran out is told apart: its holder can renew it and knows no more."""
    reason = _EXPIRED if outcome is Outcome.EXPIRED else _INVALID
    challenge = f'Bearer error="invalid_token", error_description="{reason}"'
    return web.HTTPUnauthorized(text=reason, headers={hdrs.WWW_AUTHENTICATE: challenge})


def forbidden(scopes: Iterable[Scope]) -> web.HTTPForbidden:
    """Names the scopes of which any one would do."""
    reason = f"This needs the scope {' or '.join(scopes)}"
    challenge = (
        f'Bearer error="insufficient_scope", error_description="{reason}", '
        f'scope="{" ".join(scopes)}"'
    )
    return web.HTTPForbidden(text=reason, headers={hdrs.WWW_AUTHENTICATE: challenge})


def unavailable(retry_after: int) -> web.HTTPServiceUnavailable:
    return web.HTTPServiceUnavailable(
        text="Access tokens cannot be checked at the moment",
        headers={hdrs.RETRY_AFTER: str(retry_after)},
    )
