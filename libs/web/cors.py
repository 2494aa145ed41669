"""Cross-origin requests (the Fetch standard), for the origins that the settings name."""

from __future__ import annotations

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from libs.web.responses import Preparation

_METHODS = "GET, POST, PUT, PATCH, DELETE"
_ALLOWED = (
    "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Traceparent, "
    "X-Request-Id"
)
_EXPOSED = (
    "Content-Disposition, Deprecation, ETag, Feed-Cursor, Feed-Head, Idempotency-Replayed, Link, "
    "Location, RateLimit, RateLimit-Policy, Report-Cursor, Retry-After, Sunset, "
    "WWW-Authenticate, X-Request-Id"
)
_PREFLIGHT_SECONDS = "600"


def answer_preflights(origins: tuple[str, ...]) -> Middleware:
    """Answer the preflight requests of the named origins, which carry no token."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not _is_preflight(request) or request.headers.get(hdrs.ORIGIN) not in origins:
            return await handler(request)
        headers = {
            hdrs.ACCESS_CONTROL_ALLOW_METHODS: _METHODS,
            hdrs.ACCESS_CONTROL_ALLOW_HEADERS: _ALLOWED,
            hdrs.ACCESS_CONTROL_MAX_AGE: _PREFLIGHT_SECONDS,
        }
        return web.Response(status=204, headers=headers)

    return middleware


def allow_origins(origins: tuple[str, ...]) -> Preparation:
    """Let the named origins read every response.

    Errors and streams included: without the header a web application sees a network error in
    place of "token expired". `Vary` is set for every origin, so that a cache keeps them apart.
    """

    def allow_origin(request: web.Request, response: web.StreamResponse) -> None:
        response.headers.add(hdrs.VARY, "Origin")
        origin = request.headers.get(hdrs.ORIGIN)
        if origin in origins:
            response.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = origin
            response.headers[hdrs.ACCESS_CONTROL_EXPOSE_HEADERS] = _EXPOSED

    return allow_origin


def _is_preflight(request: web.Request) -> bool:
    return (
        request.method == hdrs.METH_OPTIONS
        and hdrs.ACCESS_CONTROL_REQUEST_METHOD in request.headers
    )
