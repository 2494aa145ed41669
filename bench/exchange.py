"""HTTP/1.1 over one kept-alive connection, as cheaply as asyncio can.

A driver that shares the machine with the service it measures must not take its CPU time: an
exchange costs some 25 µs, a tenth of aiohttp's client.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import cast
from urllib.parse import urlsplit

from bench.load import Call

BROKEN = 0
"""The status of a request whose connection broke before the response."""

OnResponse = Callable[["Connection", int, bytes], None]

_HEAD_END = b"\r\n\r\n"
_length_of = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE).search


def encode(call: Call) -> bytes:
    """The request as bytes."""
    body = call.body.encode()
    lines = [
        f"{call.method} {call.path} HTTP/1.1",
        "Host: api",
        f"Authorization: Bearer {call.token}",
    ]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join(lines).encode() + _HEAD_END + body


class Connection(asyncio.Protocol):
    """One exchange at a time. `on_response` gets the status and the body of each response.

    It gets the status `BROKEN` once, when the connection is lost, in the middle of an exchange or
    between two. `tag` belongs to the sender: it holds the time of the request until the response.
    """

    def __init__(self, on_response: OnResponse) -> None:
        self.tag = 0.0
        self.is_open = False
        self._on_response = on_response
        self._transport: asyncio.Transport | None = None
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport; called by asyncio."""
        self._transport = cast("asyncio.Transport", transport)
        self.is_open = True

    def connection_lost(self, _error: Exception | None) -> None:
        """Report `BROKEN`, unless this side closed the connection; called by asyncio."""
        if self.is_open:
            self.is_open = False
            self._on_response(self, BROKEN, b"")

    def send(self, request: bytes) -> None:
        """Send an encoded request. Raises `RuntimeError` before the connection is made."""
        if self._transport is None:
            raise RuntimeError("not connected yet")
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Report the response once it is complete. Raises `RuntimeError` without Content-Length."""
        received = self._received = self._received + data if self._received else data
        head = received.find(_HEAD_END)
        if head < 0:
            return
        found = _length_of(received, 0, head + 2)
        if found is None:
            raise RuntimeError(f"a response without a length: {received[:head]!r}")
        body = head + len(_HEAD_END)
        if len(received) < body + int(found[1]):
            return
        self._received = b""
        self._on_response(self, int(received[9:12]), received[body:])

    def close(self) -> None:
        """Close the connection; nothing is reported any more."""
        self.is_open = False
        if self._transport is not None:
            self._transport.close()


async def connect(url: str, on_response: OnResponse) -> Connection:
    """A connection to the host and port of the URL."""
    parts = urlsplit(url)
    _, connection = await asyncio.get_running_loop().create_connection(
        lambda: Connection(on_response), parts.hostname or "", parts.port or 80
    )
    return connection
