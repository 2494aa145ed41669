"""The context of a request from its first byte: its id, its route and its trace."""

from __future__ import annotations

import re
from collections.abc import Mapping, MutableMapping
from contextvars import ContextVar
from random import getrandbits
from typing import Any

from aiohttp import web

REQUEST_ID = web.RequestKey("REQUEST_ID", str)
HEADER = "X-Request-Id"

LOG_FIELDS: ContextVar[Mapping[str, str]] = ContextVar("log_fields", default={})  # noqa: B039 - never changed
"""The fields of every log line of the current request: `request_id`, `route`, `traceparent`.

One variable for all: structlog's `bind_contextvars` keeps one for each, which costs 3 µs a request.
"""

_acceptable_id = re.compile(r"[A-Za-z0-9._:-]{1,128}").fullmatch
# https://www.w3.org/TR/trace-context/#traceparent-header-field-values
_traceparent = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}").fullmatch


def request_id_of(request: web.BaseRequest) -> str:
    """The caller's `X-Request-Id` where it is safe to log, or a new one."""
    given = request.headers.get(HEADER, "")
    return given if _acceptable_id(given) else f"{getrandbits(128):032x}"


def traceparent_of(request: web.BaseRequest) -> str | None:
    """The W3C trace context that came with the request, if it is well formed."""
    given = request.headers.get("traceparent", "")
    return given if _traceparent(given) else None


def current_traceparent() -> str | None:
    """The trace of the request that is being answered, to hand on to others."""
    return LOG_FIELDS.get().get("traceparent")


def add_log_fields(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> Any:
    """A structlog processor that adds the fields of the request; the line's own take precedence."""
    return {**LOG_FIELDS.get(), **event}


def bind_context(request: web.Request, route: str) -> None:
    """Give the request its id, and every log line written meanwhile its id, route and trace."""
    request_id = request_id_of(request)
    request[REQUEST_ID] = request_id
    fields = {"request_id": request_id, "route": route}
    if traceparent := traceparent_of(request):
        fields["traceparent"] = traceparent
    LOG_FIELDS.set(fields)  # each request is handled by a task of its own, so this ends with it


def send_request_id(request: web.Request, response: web.StreamResponse) -> None:
    """Name the request in its response."""
    if request_id := request.get(REQUEST_ID):
        response.headers[HEADER] = request_id
