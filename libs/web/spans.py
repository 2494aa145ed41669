"""Spans of OpenTelemetry. Importing this needs requirements/tracing.txt.

A span of the SDK is made when it starts, with a lock, limits and a copy of its attributes. Here it
is made when it ends, of values that no longer change, which takes a third of the time. Sampling,
batches and sending are the SDK's.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)

__all__ = ["Span", "SpanContext", "SpanKind", "SpanWriter"]

_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
_UNSET, _ERROR = Status(StatusCode.UNSET), Status(StatusCode.ERROR)
_SCOPE = InstrumentationScope("timesheets")


@dataclass(slots=True)
class Span:
    """Work that has begun and is sampled. `started` is Unix time in nanoseconds."""

    name: str
    context: SpanContext
    parent: SpanContext | None
    started: int
    kind: SpanKind = SpanKind.INTERNAL
    attributes: dict[str, str | int] = field(default_factory=dict)

    @property
    def trace_id(self) -> str:
        """The trace's id in hexadecimal, as logs and collectors show it."""
        return f"{self.context.trace_id:032x}"

    @property
    def traceparent(self) -> str:
        """The value of the `traceparent` header (W3C Trace Context, section 3.2)."""
        context = self.context
        return f"00-{context.trace_id:032x}-{context.span_id:016x}-{int(context.trace_flags):02x}"


class _HashedResource(Resource):
    """A resource whose hash is computed once: the exporter asks for that of each span's, and the
    SDK's own writes the attributes as JSON each time."""

    def __hash__(self) -> int:
        return id(self)

    def __eq__(self, other: object) -> bool:
        return self is other


class SpanWriter:
    """Decides what is sampled, and sends what has ended. Raises nothing if the receiver is away:
    the SDK logs that and drops spans."""

    def __init__(self, service: str, version: str) -> None:
        made = Resource.create({"service.name": service, "service.version": version})
        self._resource = _HashedResource(made.attributes, made.schema_url)
        provider = TracerProvider(resource=self._resource)  # it sends the last ones at exit
        self._processor = BatchSpanProcessor(OTLPSpanExporter())
        provider.add_span_processor(self._processor)
        self._sampler, self._ids = provider.sampler, provider.id_generator

    def start(self, name: str, traceparent: str | None, kind: SpanKind) -> Span | None:
        """Begin the work that another service or client asked for. None if it is not sampled."""
        if traceparent is None:
            parent, context, trace_id = None, None, self._ids.generate_trace_id()
        else:
            parent = _remote(traceparent)
            context, trace_id = _holding(parent), parent.trace_id
        sampling = self._sampler.should_sample(context, trace_id, name, kind)
        if sampling.decision is not Decision.RECORD_AND_SAMPLE:
            return None
        own = SpanContext(trace_id, self._ids.generate_span_id(), False, _SAMPLED)
        return Span(name, own, parent, time.time_ns(), kind)

    def start_within(self, name: str, parent: SpanContext) -> Span:
        """Begin a part of the work whose span is `parent`."""
        own = SpanContext(parent.trace_id, self._ids.generate_span_id(), False, _SAMPLED)
        return Span(name, own, parent, time.time_ns())

    def end(self, span: Span, error: str | None = None) -> None:
        """`error` is the kind of error that ended the work."""
        if error is not None:
            span.attributes["error.type"] = error
        self._write(span, span.attributes, time.time_ns(), error)

    def write_within(
        self,
        name: str,
        parent: SpanContext,
        times: tuple[int, int],
        attributes: Mapping[str, str],
        error: str | None,
    ) -> None:
        """Write a part of the work that is over. `times` are its start and end."""
        own = SpanContext(parent.trace_id, self._ids.generate_span_id(), False, _SAMPLED)
        if error is not None:
            attributes = {**attributes, "error.type": error}
        self._write(Span(name, own, parent, times[0]), attributes, times[1], error)

    def _write(
        self, span: Span, attributes: Mapping[str, str | int], ended: int, error: str | None
    ) -> None:
        self._processor.on_end(
            ReadableSpan(
                name=span.name,
                context=span.context,
                parent=span.parent,
                resource=self._resource,
                attributes=attributes,
                kind=span.kind,
                instrumentation_scope=_SCOPE,
                status=_UNSET if error is None else _ERROR,
                start_time=span.started,
                end_time=ended,
            )
        )


def _remote(traceparent: str) -> SpanContext:
    """The span that a well-formed header names."""
    _, trace_id, span_id, flags = traceparent.split("-")
    return SpanContext(int(trace_id, 16), int(span_id, 16), True, TraceFlags(int(flags, 16)))


def _holding(parent: SpanContext) -> Context:
    return set_span_in_context(NonRecordingSpan(parent), Context())
