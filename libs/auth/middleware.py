"""Finds out who is calling, before a handler is reached."""

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from libs.auth.access import Access, access_of
from libs.auth.challenges import forbidden, unauthenticated, unauthorized, unavailable
from libs.auth.errors import InvalidToken, KeysUnavailable, UndeclaredAccess
from libs.auth.principal import Principal
from libs.auth.scopes import Scope
from libs.auth.verifier import TokenVerifier

PRINCIPAL = web.RequestKey("PRINCIPAL", Principal)


def authentication(verifier: TokenVerifier | web.AppKey[TokenVerifier]) -> Middleware:
    """Let a request reach its handler only if the caller is who the handler asks for.

    Sets `request[PRINCIPAL]`, except for public handlers. A handler that says nothing is an error
    here as it is in `check_routes`. A verifier that is made when the application starts is named
    by the key it will be found under.
    """

    @web.middleware
    async def authenticate(request: web.Request, handler: Handler) -> web.StreamResponse:
        # Of an address or a method that does not exist there is nothing to protect.
        if request.match_info.http_exception is not None:
            return await handler(request)
        access = _declared(request)
        if not access.public:
            request[PRINCIPAL] = await _caller(request, verifier)
            _check_access(request, access)
        return await handler(request)

    return authenticate


def require_scope(request: web.Request, scope: Scope, *others: Scope) -> None:
    """Raise the 403 unless the caller has ANY of these, where it depends on what is asked for."""
    _check_access(request, Access((scope, *others)))


def _declared(request: web.Request) -> Access:
    access = access_of(request.match_info.handler)
    if access is None:
        raise UndeclaredAccess(f"{request.match_info.handler!r} does not say who may call it")
    return access


async def _caller(
    request: web.Request, verifier: TokenVerifier | web.AppKey[TokenVerifier]
) -> Principal:
    token = _bearer_token(request)
    if isinstance(verifier, web.AppKey):
        verifier = request.config_dict[verifier]
    try:
        return await verifier.verify(token)
    except InvalidToken as error:
        raise unauthorized(error.outcome) from error
    except KeysUnavailable as error:
        raise unavailable(error.retry_after) from error


def _check_access(request: web.Request, access: Access) -> None:
    if not access.allows(request[PRINCIPAL].scopes):
        raise forbidden(access.scopes)


def _bearer_token(request: web.Request) -> str:
    """RFC 6750 2.1; the body (2.2) and the address (2.3) are no place for a token."""
    given = request.headers.getall(hdrs.AUTHORIZATION, ())
    if len(given) > 1:
        raise unauthorized()
    scheme, _, token = given[0].partition(" ") if given else ("", "", "")
    if scheme.lower() != "bearer":
        raise unauthenticated()
    return token.lstrip(" ")
