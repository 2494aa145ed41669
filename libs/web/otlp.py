"""The protobuf encoding of spans that OTLP defines (opentelemetry-proto, trace/v1/trace.proto).

The SDK builds a message object per span, attribute and value; that took a third of what traces
cost. Here the parts of a span that repeat (its name, kind, attributes and status) are encoded once.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from struct import Struct

Attributes = tuple[tuple[str, str | int], ...]

INTERNAL, SERVER, CONSUMER = 1, 2, 5
"""Values of Span.SpanKind."""

_LENGTH_DELIMITED, _VARINT = 2, 0
_STATUS_ERROR = b"\x7a\x02\x18\x02"  # field 15: Status { code: STATUS_CODE_ERROR }
# Fields 1, 2, 7 and 8: trace_id, span_id, start_time_unix_nano, end_time_unix_nano.
_FIXED = Struct("<2s16s2s8sBQBQ")
_PARENT = b"\x22\x08"  # field 4: parent_span_id


def encode_span(
    ids: tuple[bytes, bytes, bytes | None],
    times: tuple[int, int],
    description: bytes,
) -> bytes:
    """`ids` are of the trace, the span and its parent; `times` are in Unix nanoseconds."""
    trace_id, span_id, parent_id = ids
    fixed = _FIXED.pack(b"\x0a\x10", trace_id, b"\x12\x08", span_id, 0x39, times[0], 0x41, times[1])
    if parent_id is None:
        return fixed + description
    return fixed + _PARENT + parent_id + description


@lru_cache(maxsize=2048)
def describe(name: str, kind: int, attributes: Attributes, *, is_error: bool) -> bytes:
    """The fields of a span that many spans share."""
    parts = [_text(5, name), _number(6, kind)]
    parts += [_message(9, _attribute(key, value)) for key, value in attributes]
    if is_error:
        parts.append(_STATUS_ERROR)
    return b"".join(parts)


def encode_resource(attributes: Attributes, scope: str) -> tuple[bytes, bytes]:
    """The encoded resource and scope, with which `encode_request` begins."""
    resource = b"".join(_message(1, _attribute(key, value)) for key, value in attributes)
    return _message(1, resource), _message(1, _text(1, scope))


def encode_request(resource: tuple[bytes, bytes], spans: Iterable[bytes]) -> bytes:
    """An ExportTraceServiceRequest of encoded spans."""
    scoped = resource[1] + b"".join(_message(2, span) for span in spans)
    return _message(1, resource[0] + _message(2, scoped))


def _attribute(key: str, value: str | int) -> bytes:
    held = _text(1, value) if isinstance(value, str) else _number(3, value)
    return _text(1, key) + _message(2, held)


def _text(field: int, text: str) -> bytes:
    return _message(field, text.encode())


def _message(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | _LENGTH_DELIMITED) + _varint(len(content)) + content


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3 | _VARINT) + _varint(value)


def _varint(value: int) -> bytes:
    """For numbers of 0 and above."""
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
