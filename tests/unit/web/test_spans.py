"""Spans are encoded and sampled as OpenTelemetry's own packages do it."""

from __future__ import annotations

from random import Random

import pytest
from opentelemetry.context import Context
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1 import trace_pb2
from opentelemetry.sdk.trace import sampling as sdk
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    TraceFlags,
    set_span_in_context,
)

from libs.web.otlp import (
    CONSUMER,
    INTERNAL,
    SERVER,
    Attributes,
    describe,
    encode_request,
    encode_resource,
    encode_span,
)
from libs.web.settings import SettingsError
from libs.web.trace_sampling import ARGUMENT, SAMPLER, Sampling

TRACE, SPAN, PARENT = bytes(range(16)), b"\x01" * 8, b"\xff" * 8
SDK_SAMPLERS = {
    "always_on": sdk.ALWAYS_ON,
    "always_off": sdk.ALWAYS_OFF,
    "traceidratio": sdk.TraceIdRatioBased(0.25),
    "parentbased_always_on": sdk.DEFAULT_ON,
    "parentbased_always_off": sdk.DEFAULT_OFF,
    "parentbased_traceidratio": sdk.ParentBasedTraceIdRatio(0.25),
}


def sent(attributes: Attributes = (), *, error: bool = False, kind: int = SERVER) -> bytes:
    description = describe("GET /v1/entries/ä", kind, attributes, is_error=error)
    return encode_span((TRACE, SPAN, PARENT), (1_700_000_000_000_000_001, 2**62), description)


def test_protobuf_reads_every_field_of_a_request() -> None:
    attributes = (
        ("http.route", "/v1/entries/ä"),
        ("http.response.status_code", 503),
        ("big", 2**62),
    )
    resource = encode_resource((("service.name", "entries"), ("long", "x" * 300)), "timesheets")
    root = encode_span((TRACE, SPAN, None), (1, 2), describe("a", INTERNAL, (), is_error=False))

    read = ExportTraceServiceRequest.FromString(
        encode_request(resource, [sent(attributes, error=True), root])
    )

    [of_resource] = read.resource_spans
    assert [(it.key, it.value.string_value) for it in of_resource.resource.attributes] == [
        ("service.name", "entries"),
        ("long", "x" * 300),
    ]
    [scoped] = of_resource.scope_spans
    assert scoped.scope.name == "timesheets"
    span, alone = scoped.spans
    assert (span.trace_id, span.span_id, span.parent_span_id) == (TRACE, SPAN, PARENT)
    assert span.name == "GET /v1/entries/ä"
    assert span.kind == trace_pb2.Span.SPAN_KIND_SERVER
    assert (span.start_time_unix_nano, span.end_time_unix_nano) == (
        1_700_000_000_000_000_001,
        2**62,
    )
    assert span.status.code == trace_pb2.Status.STATUS_CODE_ERROR
    found = {it.key: it.value for it in span.attributes}
    assert found["http.route"].string_value == "/v1/entries/ä"
    assert found["http.response.status_code"].int_value == 503
    assert found["big"].int_value == 2**62
    assert (alone.parent_span_id, alone.status.code) == (b"", trace_pb2.Status.STATUS_CODE_UNSET)
    size = read.ByteSize()
    read.DiscardUnknownFields()
    assert read.ByteSize() == size, "a field is unknown to the specification"


def test_kinds_are_those_of_the_specification() -> None:
    assert (INTERNAL, SERVER, CONSUMER) == (
        trace_pb2.Span.SPAN_KIND_INTERNAL,
        trace_pb2.Span.SPAN_KIND_SERVER,
        trace_pb2.Span.SPAN_KIND_CONSUMER,
    )


@pytest.mark.parametrize("name", SDK_SAMPLERS)
@pytest.mark.parametrize("flags", [0, 1])
def test_a_trace_that_began_elsewhere_is_sampled_as_the_sdk_would(name: str, flags: int) -> None:
    sampling, random = Sampling.read({SAMPLER: name, ARGUMENT: "0.25"}), Random(flags)
    for _ in range(1000):
        trace_id = random.getrandbits(128) or 1
        parent = SpanContext(trace_id, 1, is_remote=True, trace_flags=TraceFlags(flags))
        context = set_span_in_context(NonRecordingSpan(parent), Context())
        decision = SDK_SAMPLERS[name].should_sample(context, trace_id, "", SpanKind.SERVER).decision
        ours = sampling.covers(trace_id.to_bytes(16, "big"), flags)
        assert ours == (decision is sdk.Decision.RECORD_AND_SAMPLE)


@pytest.mark.parametrize(
    ("name", "argument", "fewest", "most"),
    [
        ("", "", 1000, 1000),
        ("parentbased_always_off", "", 0, 0),
        ("traceidratio", "", 1000, 1000),
        ("parentbased_traceidratio", "0.25", 150, 350),
        ("parentbased_traceidratio", "0", 0, 0),
    ],
)
def test_new_traces_are_sampled_at_the_ratio(
    name: str, argument: str, fewest: int, most: int
) -> None:
    sampling = Sampling.read({SAMPLER: name, ARGUMENT: argument})
    made = [sampling.new_trace() for _ in range(1000)]
    ids = {one for one in made if one is not None}
    assert fewest <= len(ids) <= most
    assert all(len(one) == 16 and sampling.covers(one, 1) for one in ids)


@pytest.mark.parametrize(
    ("environ", "mistake"),
    [
        ({SAMPLER: "jaeger_remote"}, "OTEL_TRACES_SAMPLER must be always_on"),
        ({SAMPLER: "traceidratio", ARGUMENT: "10%"}, "must be a number from 0 to 1; it is '10%'"),
        ({SAMPLER: "traceidratio", ARGUMENT: "nan"}, "must be a number from 0 to 1"),
    ],
)
def test_a_sampler_that_cannot_work_is_refused(environ: dict[str, str], mistake: str) -> None:
    with pytest.raises(SettingsError, match=mistake):
        Sampling.read(environ)
