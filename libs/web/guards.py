"""Guards check a request before its handler runs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

Guard = Callable[[web.Request], Awaitable[None]]
"""Checks a request, or reads something of it for later. Raises the refusal."""


def run_guards(guards: Sequence[Guard]) -> Middleware:
    """Await each guard in order, then the handler.

    One middleware for all, because a middleware stays on the stack until the response: each costs
    a microsecond or two of a request, a guard a fraction of that.
    """

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        for guard in guards:
            await guard(request)
        return await handler(request)

    return middleware
