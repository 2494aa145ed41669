"""Observes each request: gives it its id and log fields, and counts it."""

from __future__ import annotations

import time

from aiohttp import web
from aiohttp.typedefs import Handler

from libs.web.context import bind_context
from libs.web.metrics import METRICS, TRACE_ID, route_of
from libs.web.tracing import is_tracing


@web.middleware
async def observe_request(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Name the request for its log lines, and count it and its duration by route and status."""
    route = route_of(request)
    bind_context(request, route)
    began = time.perf_counter()
    status = "499"  # nginx's word for a client that went away; nothing was answered
    try:
        response = await handler(request)
        status = str(response.status)
        return response
    except web.HTTPException as exception:
        status = str(exception.status)
        raise
    finally:
        seconds = time.perf_counter() - began
        trace_id = request.get(TRACE_ID) if is_tracing() else None
        request.app[METRICS].count_answer(request.method, route, status, seconds, trace_id)
