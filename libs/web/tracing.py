"""Traces by OpenTelemetry, sent by OTLP over HTTP while OTEL_EXPORTER_OTLP_ENDPOINT is set.

The packages are optional (requirements/tracing.in) and imported only then. Sampling and the rest
are the SDK's own settings, for example OTEL_TRACES_SAMPLER=parentbased_traceidratio and
OTEL_TRACES_SAMPLER_ARG=0.1.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from typing import Any

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from libs.web.build import Build
from libs.web.context import current_traceparent
from libs.web.metrics import TRACE_ID, route_of
from libs.web.settings import SettingsError

MAX_QUERY_TEXT = 500

# One for the process, like the logs: connections and followers write spans, too.
_tracer: Any = None
_SERVER: Any = None  # SpanKind.SERVER
_is_sampled: ContextVar[bool] = ContextVar("is_sampled", default=False)


def start_tracing(service: str, environ: Mapping[str, str]) -> bool:
    """Send spans from now on, if the environment names a receiver. Raises `SettingsError`."""
    global _tracer, _SERVER
    if not environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"):
        return False
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.trace import SpanKind
    except ImportError as error:
        mistake = (
            "OTEL_EXPORTER_OTLP_ENDPOINT is set, but requirements/tracing.txt is not installed"
        )
        raise SettingsError((mistake,)) from error
    build = Build.read(environ)
    resource = Resource.create({"service.name": service, "service.version": build.version})
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    _tracer, _SERVER = provider.get_tracer("timesheets"), SpanKind.SERVER
    return True


def is_tracing() -> bool:
    return _tracer is not None


@web.middleware
async def trace_request(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Write a span for the request, if it is sampled; its log lines and events belong to it.

    A request that is not sampled must cost little, so it makes no span and starts no trace.
    Only for applications that are created after `start_tracing`. Polls of a feed get no span: they
    wait on purpose.
    """
    route = route_of(request)
    if route.endswith("/feed"):
        return await handler(request)
    span = _tracer.start_span(
        f"{request.method} {route}", context=_parent(current_traceparent()), kind=_SERVER
    )
    if not span.is_recording():
        return await handler(request)
    return await _trace_sampled(span, route, request, handler)


async def _trace_sampled(
    span: Any, route: str, request: web.Request, handler: Handler
) -> web.StreamResponse:
    from opentelemetry.trace import StatusCode, use_span

    span.set_attributes({"http.request.method": request.method, "http.route": route})
    structlog.contextvars.bind_contextvars(traceparent=_traceparent(span))
    request[TRACE_ID] = f"{span.get_span_context().trace_id:032x}"
    _is_sampled.set(True)  # each request is handled by a task of its own
    with use_span(span, end_on_exit=True):
        response = await handler(request)
        span.set_attribute("http.response.status_code", response.status)
        if response.status >= 500:
            span.set_status(StatusCode.ERROR)
        return response


@contextmanager
def stage(name: str) -> Iterator[None]:
    """A span around a stage of long work, such as an upload, if its request is sampled."""
    if not is_sampled():
        yield
        return
    with _tracer.start_as_current_span(name):
        yield


def is_sampled() -> bool:
    """Whether the current request is traced and sampled."""
    return _is_sampled.get()


def start_query_spans(connection: Any) -> None:
    """Write a span for each query of an asyncpg connection. Only where `is_sampled`: a logger of
    queries costs time for each query, whether its span is kept or not."""
    connection.add_query_logger(_record_query)


def stop_query_spans(connection: Any) -> None:
    connection.remove_query_logger(_record_query)


def record_events(source: str, events: Iterable[tuple[str, str | None]], began: float) -> None:
    """Write a span for each event (type, traceparent) applied since `began` (Unix time)."""
    if _tracer is None:
        return
    from opentelemetry.trace import SpanKind

    for kind, traceparent in events:
        if traceparent is not None:
            _tracer.start_span(
                f"apply {kind}",
                context=_parent(traceparent),
                kind=SpanKind.CONSUMER,
                start_time=_nanoseconds(began),
                attributes={"messaging.source.name": source},
            ).end()


def _record_query(record: Any) -> None:
    ended = time.time()
    span = _tracer.start_span(
        "SQL",
        start_time=_nanoseconds(ended - record.elapsed),
        attributes={
            "db.system.name": "postgresql",
            "db.query.text": _one_line(record.query),
        },
    )
    if record.exception is not None:
        span.record_exception(record.exception)
    span.end(_nanoseconds(ended))


@lru_cache(maxsize=512)
def _one_line(query: str) -> str:
    return " ".join(query.split())[:MAX_QUERY_TEXT]


def _parent(traceparent: str | None) -> Any:
    """The context to start a span in; None without a parent, which is the cheaper way."""
    if traceparent is None:
        return None
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    return TraceContextTextMapPropagator().extract({"traceparent": traceparent})


def _traceparent(span: Any) -> str:
    context = span.get_span_context()
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{int(context.trace_flags):02x}"


def _nanoseconds(seconds: float) -> int:
    return int(seconds * 1e9)
