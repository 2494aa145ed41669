"""The refusals of RFC 6750 3 and RFC 9470 3 as aiohttp's exceptions; the text is for people."""

from collections.abc import Iterable

from aiohttp import hdrs, web

from libs.auth.errors import Outcome
from libs.auth.scopes import Scope

_EXPIRED = "The access token expired"
_INVALID = "The access token is not valid"

# The authentication context class that Auth0 writes and accepts for a second factor.
SECOND_FACTOR_ACR = "http://schemas.openid.net/pape/policies/2007/06/multi-factor"


def unauthenticated() -> web.HTTPUnauthorized:
    """RFC 6750 3.1: without credentials the challenge names the scheme and nothing else."""
    return web.HTTPUnauthorized(
        text="This needs an access token", headers={hdrs.WWW_AUTHENTICATE: "Bearer"}
    )


def unauthorized(outcome: Outcome = Outcome.MALFORMED) -> web.HTTPUnauthorized:
    """Tell expired tokens apart, so that clients renew them; give no other detail."""
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


def step_up_required(max_age: int) -> web.HTTPUnauthorized:
    """RFC 9470 3: sign in again with a second factor at most `max_age` seconds old."""
    reason = "This needs a recent sign-in with a second factor"
    challenge = (
        f'Bearer error="insufficient_user_authentication", error_description="{reason}", '
        f'acr_values="{SECOND_FACTOR_ACR}", max_age="{max_age}"'
    )
    return web.HTTPUnauthorized(text=reason, headers={hdrs.WWW_AUTHENTICATE: challenge})


def too_many_rejections() -> web.HTTPTooManyRequests:
    """429: too many tokens were rejected to verify another one within this second."""
    return web.HTTPTooManyRequests(
        text="Too many access tokens were rejected; try again in a second",
        headers={hdrs.RETRY_AFTER: "1"},
    )


def unavailable(retry_after: int) -> web.HTTPServiceUnavailable:
    """503: the signing keys cannot be fetched. `retry_after` is in seconds."""
    return web.HTTPServiceUnavailable(
        text="Access tokens cannot be checked at the moment",
        headers={hdrs.RETRY_AFTER: str(retry_after)},
    )
