"""Authenticate and authorise callers: OAuth 2 bearer tokens (RFC 6750, RFC 9068) for aiohttp.

    keys = JwksKeys(session, settings.issuer, settings.jwks_url)
    verifier = TokenVerifier(settings.issuer, settings.audience, keys)
    app = web.Application(middlewares=[authentication(verifier)])

    @requires(Scope.READ_TIMESHEETS)
    async def list_entries(request: web.Request) -> web.Response:
        caller = request[PRINCIPAL]
        ...

    app.router.add_get("/v1/entries", list_entries)
    check_routes(app)

Rejections are aiohttp's exceptions with the headers of RFC 6750. Callbacks receive what is to be
counted, so that any metrics library will do.
"""

from libs.auth.access import (
    Access,
    access_of,
    authenticated,
    check_routes,
    public,
    requires,
    scopes_of,
)
from libs.auth.errors import (
    AuthError,
    InvalidToken,
    KeysUnavailable,
    MachineTokenError,
    MachineTokenRefused,
    MachineTokenUnavailable,
    Outcome,
    TooManyRejections,
    UndeclaredAccess,
)
from libs.auth.keys import FetchOutcome, JwksKeys
from libs.auth.machine import MachineTokens
from libs.auth.middleware import PRINCIPAL, authentication, authenticator, require_scope
from libs.auth.principal import Principal
from libs.auth.rejection_limit import RejectionLimit
from libs.auth.scopes import Scope, granted_scopes
from libs.auth.settings import AuthSettings, MachineSettings
from libs.auth.verifier import TokenVerifier

__all__ = [
    "PRINCIPAL",
    "Access",
    "AuthError",
    "AuthSettings",
    "FetchOutcome",
    "InvalidToken",
    "JwksKeys",
    "KeysUnavailable",
    "MachineSettings",
    "MachineTokenError",
    "MachineTokenRefused",
    "MachineTokenUnavailable",
    "MachineTokens",
    "Outcome",
    "Principal",
    "RejectionLimit",
    "Scope",
    "TokenVerifier",
    "TooManyRejections",
    "UndeclaredAccess",
    "access_of",
    "authenticated",
    "authentication",
    "authenticator",
    "check_routes",
    "granted_scopes",
    "public",
    "require_scope",
    "requires",
    "scopes_of",
]
