"""Authenticates the caller and checks access before a handler runs."""

import time
from collections.abc import Awaitable, Callable

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from libs.auth.access import Access, access_of
from libs.auth.challenges import (
    forbidden,
    step_up_required,
    too_many_rejections,
    unauthenticated,
    unauthorized,
    unavailable,
)
from libs.auth.errors import InvalidToken, KeysUnavailable, TooManyRejections, UndeclaredAccess
from libs.auth.principal import Principal
from libs.auth.scopes import Scope
from libs.auth.verifier import TokenVerifier

PRINCIPAL = web.RequestKey("PRINCIPAL", Principal)


def authenticator(
    verifier: TokenVerifier | web.AppKey[TokenVerifier],
    *,
    admit: Callable[[web.Request], Awaitable[None]] | None = None,
    step_up_max_age: float | None = None,
    clock: Callable[[], float] = time.time,
) -> Callable[[web.Request], Awaitable[None]]:
    """A check that admits a request only as its handler declares, to be awaited before it runs.

    Sets `request[PRINCIPAL]`, except for public handlers. A handler without declared access is an
    error here as it is in `check_routes`. A verifier that is created when the application starts
    is given as its application key. `admit` may refuse a caller whose token is valid, before the
    scopes are checked: it is called with `request[PRINCIPAL]` set. `step_up_max_age` is how old a
    second factor may be, in seconds, for handlers that require one; None asks for none. `clock`
    returns a Unix time.
    """

    async def authenticate(request: web.Request) -> None:
        # An unknown address or method has nothing to protect.
        if request.match_info.http_exception is not None:
            return
        access = _declared(request)
        if not access.public:
            token, known = _bearer_token(request), _verifier(request, verifier)
            request[PRINCIPAL] = known.remembered(token) or await _verify(known, token)
            if admit is not None:
                await admit(request)
            _check_access(request, access)
            if access.step_up and step_up_max_age is not None:
                _check_second_factor(request[PRINCIPAL], step_up_max_age, clock())

    return authenticate


def authentication(
    verifier: TokenVerifier | web.AppKey[TokenVerifier],
    *,
    admit: Callable[[web.Request], Awaitable[None]] | None = None,
    step_up_max_age: float | None = None,
    clock: Callable[[], float] = time.time,
) -> Middleware:
    """The same as a middleware."""
    authenticate = authenticator(
        verifier, admit=admit, step_up_max_age=step_up_max_age, clock=clock
    )

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        await authenticate(request)
        return await handler(request)

    return middleware


def require_scope(request: web.Request, scope: Scope, *others: Scope) -> None:
    """Raise 403 unless the caller has ANY of these scopes, where the request decides."""
    _check_access(request, Access((scope, *others)))


def _declared(request: web.Request) -> Access:
    access = access_of(request.match_info.handler)
    if access is None:
        raise UndeclaredAccess(f"{request.match_info.handler!r} declares no access")
    return access


async def _verify(verifier: TokenVerifier, token: str) -> Principal:
    try:
        return await verifier.verify(token)
    except InvalidToken as error:
        raise unauthorized(error.outcome) from error
    except TooManyRejections as error:
        raise too_many_rejections() from error
    except KeysUnavailable as error:
        raise unavailable(error.retry_after) from error


def _verifier(
    request: web.Request, verifier: TokenVerifier | web.AppKey[TokenVerifier]
) -> TokenVerifier:
    """The verifier, or that of the application or of one that contains it, which takes longer."""
    if not isinstance(verifier, web.AppKey):
        return verifier
    try:
        return request.app[verifier]
    except KeyError:
        return request.config_dict[verifier]


def _check_access(request: web.Request, access: Access) -> None:
    if not access.allows(request[PRINCIPAL].scopes):
        raise forbidden(access.scopes)


def _check_second_factor(principal: Principal, max_age: float, now: float) -> None:
    """Machines have no second factor: their credentials are issued for the purpose."""
    if principal.is_machine:
        return
    if principal.second_factor_at is None or now - principal.second_factor_at > max_age:
        raise step_up_required(int(max_age))


def _bearer_token(request: web.Request) -> str:
    """RFC 6750 2.1; tokens in the body (2.2) and in the address (2.3) are not accepted."""
    given = request.headers.getall(hdrs.AUTHORIZATION, ())
    if len(given) > 1:
        raise unauthorized()
    scheme, _, token = given[0].partition(" ") if given else ("", "", "")
    if scheme.lower() != "bearer":
        raise unauthenticated()
    return token.lstrip(" ")
