"""Traces by OpenTelemetry, sent by OTLP over HTTP while OTEL_EXPORTER_OTLP_ENDPOINT is set.

The packages are optional (requirements/tracing.in) and imported only then. The SDK's own variables
apply, for example OTEL_TRACES_SAMPLER=parentbased_traceidratio and OTEL_TRACES_SAMPLER_ARG=0.1.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from aiohttp import web
from aiohttp.typedefs import Handler

from libs.web.build import Build
from libs.web.context import LOG_FIELDS, traceparent_of
from libs.web.metrics import TRACE_ID, route_of
from libs.web.otlp import CONSUMER, SERVER, Attributes
from libs.web.settings import SettingsError

if TYPE_CHECKING:
    from libs.web.spans import Span, SpanWriter

MAX_QUERY_TEXT = 500

# One for the process, like the logs: connections and followers write spans, too.
_writer: SpanWriter | None = None
# The span that new ones belong to, if the current request is sampled.
_current: ContextVar[Span | None] = ContextVar("current_span", default=None)


def start_tracing(service: str, environ: Mapping[str, str]) -> bool:
    """Send spans from now on, if the environment names a receiver. Raises `SettingsError`."""
    global _writer
    if not environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"):
        return False
    try:
        from libs.web.spans import SpanWriter
    except ImportError as error:
        mistake = (
            "OTEL_EXPORTER_OTLP_ENDPOINT is set, but requirements/tracing.txt is not installed"
        )
        raise SettingsError((mistake,)) from error
    _writer = SpanWriter(service, Build.read(environ).version, environ)
    return True


def is_tracing() -> bool:
    """Whether spans are made at all."""
    return _writer is not None


@web.middleware
async def trace_request(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Write a span for the request, if it is sampled; its log lines and events belong to it.

    A request that is not sampled must cost little, so it makes no span and starts no trace.
    Only for applications that are created after `start_tracing`. Polls of a feed get no span: they
    wait on purpose.
    """
    span = None if _writer is None else _writer.start("", traceparent_of(request), SERVER)
    if _writer is None or span is None or (route := route_of(request)).endswith("/feed"):
        return await handler(request)
    span.name = f"{request.method} {route}"
    span.attributes = (("http.request.method", request.method), ("http.route", route))
    return await _trace_sampled(_writer, span, request, handler)


async def _trace_sampled(
    writer: SpanWriter, span: Span, request: web.Request, handler: Handler
) -> web.StreamResponse:
    LOG_FIELDS.set({**LOG_FIELDS.get(), "traceparent": span.traceparent})
    request[TRACE_ID] = span.trace_id
    _current.set(span)  # each request is handled by a task of its own
    try:
        response = await handler(request)
    except BaseException as error:
        writer.end(span, type(error).__qualname__)
        raise
    span.attributes = (*span.attributes, ("http.response.status_code", response.status))
    writer.end(span, str(response.status) if response.status >= 500 else None)
    return response


@contextmanager
def stage(name: str) -> Iterator[None]:
    """A span around a stage of long work, such as an upload, if its request is sampled."""
    parent = _current.get()
    if _writer is None or parent is None:
        yield
        return
    span = _writer.start_within(name, parent)
    token = _current.set(span)
    try:
        yield
    except BaseException as error:
        _writer.end(span, type(error).__qualname__)
        raise
    else:
        _writer.end(span)
    finally:
        _current.reset(token)


def is_sampled() -> bool:
    """Whether the current request is traced and sampled."""
    return _current.get() is not None


def start_query_spans(connection: Any) -> None:
    """Write a span for each query of an asyncpg connection. Only where `is_sampled`: a logger of
    queries costs time for each query, whether its span is kept or not."""
    connection.add_query_logger(_record_query)


def stop_query_spans(connection: Any) -> None:
    """Record no more spans for the statements of this connection."""
    connection.remove_query_logger(_record_query)


def record_events(source: str, events: Iterable[tuple[str, str | None]], began: float) -> None:
    """Write a span for each event (type, traceparent) applied since `began` (Unix time)."""
    if _writer is None:
        return
    for kind, traceparent in events:
        if traceparent is not None:
            span = _writer.start(f"apply {kind}", traceparent, CONSUMER)
            if span is not None:
                span.started = _nanoseconds(began)
                span.attributes = (("messaging.source.name", source),)
                _writer.end(span)


def _record_query(record: Any) -> None:
    parent = _current.get()
    if _writer is None or parent is None:
        return
    ended = time.time_ns()
    times = ended - _nanoseconds(record.elapsed), ended
    error = None if record.exception is None else type(record.exception).__qualname__
    _writer.write_within("SQL", parent, times, _query_attributes(record.query), error)


@lru_cache(maxsize=512)
def _query_attributes(query: str) -> Attributes:
    text = " ".join(query.split())[:MAX_QUERY_TEXT]
    return ("db.system.name", "postgresql"), ("db.query.text", text)


def _nanoseconds(seconds: float) -> int:
    return int(seconds * 1e9)
