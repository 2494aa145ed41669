"""Events on the wire: JSON batches of CloudEvents 1.0.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md#4-json-batch-format
`sequence` is the extension of that name: a text whose order is that of the feed. `after` takes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from cloudevents.core.exceptions import CloudEventValidationError
from cloudevents.core.v1.event import CloudEvent

CONTENT_TYPE = "application/cloudevents-batch+json"
# As many digits as the largest bigint has, and one.
SEQUENCE_DIGITS = 20
# What the specification leaves open, or the library would make up.
_NEEDED = frozenset({"specversion", "id", "subject", "time", "sequence", "data"})

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(list[dict[str, Any]])


class InvalidBatch(Exception):
    """What was answered is not a batch of this feed's events; the message says why."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event as a follower gets it. `sequence` only ever grows from one to the next."""

    sequence: int
    id: str
    source: str
    type: str
    subject: str
    time: datetime
    data: dict[str, Any]
    traceparent: str | None = None


def encode_batch(source: str, rows: Iterable[Mapping[str, Any]]) -> bytes:
    """`rows` are records of the table events; `data` in them is JSON already."""
    return _encoder.encode([_encode(source, row) for row in rows])


def decode_batch(body: bytes) -> list[Delivery]:
    """The events of a batch, in order; raises `InvalidBatch`."""
    try:
        deliveries = [_decode(event) for event in _decoder.decode(body)]
    except (
        msgspec.MsgspecError,
        CloudEventValidationError,
        UnicodeDecodeError,
        LookupError,
        TypeError,
        ValueError,
    ) as error:
        raise InvalidBatch(f"not a batch of events: {error!r}") from error
    numbers = [delivery.sequence for delivery in deliveries]
    if numbers != sorted(numbers):
        raise InvalidBatch("the events are not in order")
    return deliveries


def encode_delivery(delivery: Delivery) -> str:
    return _encoder.encode(delivery).decode()


def decode_delivery(text: str) -> Delivery:
    return msgspec.json.decode(text, type=Delivery)


def _encode(source: str, row: Mapping[str, Any]) -> dict[str, Any]:
    attributes = {
        "specversion": "1.0",
        "id": str(row["id"]),
        "source": source,
        "type": row["type"],
        "subject": row["subject"],
        "time": row["time"],
        "datacontenttype": "application/json",
        "sequence": f"{row['sequence']:0{SEQUENCE_DIGITS}d}",
    }
    if row["traceparent"] is not None:
        attributes["traceparent"] = row["traceparent"]
    data = msgspec.Raw(row["data"].encode())
    return CloudEvent(attributes).get_attributes() | {"data": data}


def _decode(members: dict[str, Any]) -> Delivery:
    if missing := _NEEDED - members.keys():
        raise LookupError(f"an event without {', '.join(sorted(missing))}")
    data = members.pop("data")
    if not isinstance(data, dict):
        raise TypeError("the data of an event is an object")
    members["time"] = datetime.fromisoformat(members["time"])
    event = CloudEvent(members, data)
    return Delivery(
        sequence=int(members["sequence"]),
        id=event.get_id(),
        source=event.get_source(),
        type=event.get_type(),
        subject=members["subject"],
        time=members["time"],
        data=data,
        traceparent=members.get("traceparent"),
    )
