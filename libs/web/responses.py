"""Answers: JSON bodies, cached representations and what every answer carries."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
from aiohttp import web

Preparation = Callable[[web.Request, web.StreamResponse], None]
"""Completes the headers of a response before they are sent."""

_encoder = msgspec.json.Encoder()


def encode_json(payload: Any) -> bytes:
    """UTF-8 JSON; dates, moments and UUIDs as their RFC 3339 and RFC 9562 texts."""
    return _encoder.encode(payload)


def json_response(
    payload: Any, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """A response with the payload as JSON."""
    return web.Response(
        body=encode_json(payload),
        status=status,
        headers=headers,
        content_type="application/json",
    )


def prepare_by(
    *preparations: Preparation,
) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    """A signal for `on_response_prepare`. One for all: each signal is a coroutine of its own."""

    async def prepare(request: web.Request, response: web.StreamResponse) -> None:
        for complete in preparations:
            complete(request, response)

    return prepare
