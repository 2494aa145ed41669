"""Reading a request's JSON body: its type, its size, its time, its text."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Never

from aiohttp import hdrs, web

from libs.web.problems import (
    BadRequest,
    ClientClosedRequest,
    ContentTooLarge,
    RequestTimeout,
    UnsupportedMediaType,
)

MAX_JSON_BYTES = 256 * 1024
# aiohttp bounds slow headers only: a body that drips would stay open for ever.
BODY_SECONDS = web.AppKey("BODY_SECONDS", float)
DEFAULT_BODY_SECONDS = 15.0


async def read_json(request: web.Request) -> Any:
    """The decoded body.

    Raises `UnsupportedMediaType`, `ContentTooLarge`, `RequestTimeout` or `BadRequest`.
    """
    if request.content_type != "application/json" and not request.content_type.endswith("+json"):
        raise UnsupportedMediaType("The body must be application/json.")
    if not is_utf8(request):
        raise UnsupportedMediaType("The body must be UTF-8.")
    if request.headers.get(hdrs.CONTENT_ENCODING, "identity").strip().lower() != "identity":
        raise UnsupportedMediaType("The body must not have a Content-Encoding.")
    return decode_json(await _read(request))


def is_utf8(request: web.Request) -> bool:
    """Whether the body is in UTF-8 by its Content-Type: names of character sets have no case (RFC
    9110 section 8.3.2), and many programs leave the hyphen out."""
    return (request.charset or "utf-8").lower() in ("utf-8", "utf8")


def decode_json(body: bytes) -> Any:
    """The value of a JSON text in UTF-8. Raises `BadRequest`, also for a repeated name (RFC 8259 4:
    what it means differs between parsers)."""
    try:
        return json.loads(
            body.decode(), object_pairs_hook=_unique_names, parse_constant=_refuse_constant
        )
    except (ValueError, RecursionError) as error:
        raise BadRequest("The body is not JSON.") from error


def _unique_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise BadRequest("The body has an object with a repeated name.")
    return value


def _refuse_constant(name: str) -> Never:
    raise ValueError(f"{name} is not JSON")


async def _read(request: web.Request) -> bytes:
    try:
        if request.content.is_eof():  # it came with the headers: there is nothing to wait for
            return await request.read()
        async with asyncio.timeout(request.app[BODY_SECONDS]):
            return await request.read()
    except TimeoutError as error:
        raise RequestTimeout(
            "The body did not arrive in time.", headers={"Connection": "close"}
        ) from error
    except web.HTTPRequestEntityTooLarge as error:
        raise ContentTooLarge(
            f"The body is larger than {MAX_JSON_BYTES} bytes.", headers={"Connection": "close"}
        ) from error
    except ConnectionError as error:
        raise ClientClosedRequest("The client closed the request.") from error
    except web.RequestPayloadError as error:
        raise BadRequest("The body cannot be decoded.") from error
