"""Spans, written as OTLP. Importing this needs requirements/tracing.txt.

A span of the SDK is made when it starts, with a lock, limits and a copy of its attributes. Here it
is encoded when it ends, of values that no longer change. Batches and sending are the SDK's.
"""

from __future__ import annotations

import atexit
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import getrandbits

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult
from opentelemetry.trace import SpanContext, TraceFlags

from libs.web.otlp import (
    INTERNAL,
    Attributes,
    describe,
    encode_request,
    encode_resource,
    encode_span,
)
from libs.web.trace_sampling import Sampling

__all__ = ["Span", "SpanWriter"]

# The SDK's queue takes sampled spans only; the ids are in the encoded span.
_SAMPLED = SpanContext(1, 1, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))


@dataclass(slots=True)
class Span:
    """Work that has begun and is sampled. `started` is Unix time in nanoseconds."""

    name: str
    trace: bytes
    id: bytes
    parent: bytes | None
    started: int
    kind: int = INTERNAL
    attributes: Attributes = ()

    @property
    def trace_id(self) -> str:
        """The trace's id in hexadecimal digits."""
        return self.trace.hex()

    @property
    def traceparent(self) -> str:
        """The W3C trace context for what the work causes elsewhere."""
        return f"00-{self.trace.hex()}-{self.id.hex()}-01"


class EncodedSpan(ReadableSpan):
    """A span for the SDK's queue. Only `_Exporter` reads it."""

    def __init__(self, encoded: bytes) -> None:
        self._context = _SAMPLED
        self.encoded = encoded


class _Exporter(OTLPSpanExporter):
    """Sends encoded spans as the SDK does: its headers, certificates, compression and retries."""

    def __init__(self, resource: tuple[bytes, bytes]) -> None:
        super().__init__()
        self._resource = resource

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send a batch. A receiver that is away is logged, and the batch is dropped."""
        encoded = [span.encoded for span in spans if isinstance(span, EncodedSpan)]
        sent = self._client.export(encode_request(self._resource, encoded))
        return SpanExportResult.SUCCESS if sent.success else SpanExportResult.FAILURE


class SpanWriter:
    """Decides what is sampled, and sends what has ended. Raises nothing if the receiver is away:
    the SDK logs that and drops spans."""

    def __init__(self, service: str, version: str, environ: Mapping[str, str]) -> None:
        """Raises `SettingsError` for a sampler that does not exist."""
        self._sampling = Sampling.read(environ)
        made = Resource.create({"service.name": service, "service.version": version})
        attributes = tuple((key, str(value)) for key, value in made.attributes.items())
        self._processor = BatchSpanProcessor(_Exporter(encode_resource(attributes, "timesheets")))
        atexit.register(self._processor.shutdown)  # which sends the last ones

    def start(self, name: str, traceparent: str | None, kind: int) -> Span | None:
        """Begin the work that another service or client caused. None if it is not sampled."""
        if traceparent is None:
            trace, parent = self._sampling.new_trace(), None
            if trace is None:
                return None
        else:
            _, trace_id, span_id, flags = traceparent.split("-")
            trace, parent = bytes.fromhex(trace_id), bytes.fromhex(span_id)
            if not self._sampling.covers(trace, int(flags, 16)):
                return None
        return Span(name, trace, _span_id(), parent, time.time_ns(), kind)

    def start_within(self, name: str, parent: Span) -> Span:
        """Begin a part of the work whose span is `parent`."""
        return Span(name, parent.trace, _span_id(), parent.id, time.time_ns())

    def end(self, span: Span, error: str | None = None) -> None:
        """`error` is the kind of error that ended the work."""
        ids = span.trace, span.id, span.parent
        times = span.started, time.time_ns()
        self._write(ids, times, span.name, span.kind, span.attributes, error)

    def write_within(
        self,
        name: str,
        parent: Span,
        times: tuple[int, int],
        attributes: Attributes,
        error: str | None,
    ) -> None:
        """Write a part of the work that is over. `times` are its start and end."""
        ids = parent.trace, _span_id(), parent.id
        self._write(ids, times, name, INTERNAL, attributes, error)

    def _write(
        self,
        ids: tuple[bytes, bytes, bytes | None],
        times: tuple[int, int],
        name: str,
        kind: int,
        attributes: Attributes,
        error: str | None,
    ) -> None:
        if error is not None:
            attributes = (*attributes, ("error.type", error))
        description = describe(name, kind, attributes, is_error=error is not None)
        self._processor.on_end(EncodedSpan(encode_span(ids, times, description)))


def _span_id() -> bytes:
    # Never 0, which is no valid id.
    return (getrandbits(64) or 1).to_bytes(8, "big")
