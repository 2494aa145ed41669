"""JSON objects from outside, read strictly."""

import json
from typing import Any, Never

import msgspec
from aiohttp import ClientResponse

MAX_DEPTH = 16

_WHITESPACE = " \t\r\n"


class InvalidDocument(ValueError):
    """It is not a JSON object as we take it. The message never quotes it."""


def parse_object(data: bytes) -> dict[str, Any]:
    """Read a JSON object, refusing what parsers disagree about (RFC 8259 4, RFC 8725 2.4).

    That is a name given twice at any depth, NaN and Infinity, nesting deeper than `MAX_DEPTH`, and
    whatever is not UTF-8. Raises `InvalidDocument`.
    """
    value = _plain_value(data) or _strict_value(data)
    if type(value) is not dict:
        raise InvalidDocument("not a JSON object")
    # With no more brackets than that, nesting cannot be deeper: most texts need no walk.
    if data.count(b"{") + data.count(b"[") > MAX_DEPTH and _is_deeper(value, MAX_DEPTH):
        raise InvalidDocument("nested too deeply")
    return value


async def receive_object(response: ClientResponse, limit: int) -> dict[str, Any]:
    """Read a JSON object of at most `limit` bytes from an answer. Raises `InvalidDocument`."""
    data = bytearray()
    async for chunk in response.content.iter_chunked(limit):
        data += chunk
        if len(data) > limit:
            raise InvalidDocument(f"longer than {limit} bytes")
    return parse_object(bytes(data))


def _plain_value(data: bytes) -> object:
    """The value of a text that is just as we would have written it, else None.

    Such a text gives no name twice, and issuers write no other: a third of the strict time.
    """
    try:
        value = msgspec.json.decode(data)
        return value if msgspec.json.encode(value) == data else None
    except (ValueError, RecursionError):
        return None


def _strict_value(data: bytes) -> object:
    try:
        text = data.decode("utf-8").strip(_WHITESPACE)
        value, end = _decode(text)
    except (ValueError, RecursionError) as error:
        raise InvalidDocument("not strict JSON") from error
    if end != len(text):
        raise InvalidDocument("more than JSON")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise InvalidDocument("a name is given twice")
    return members


def _no_constant(name: str) -> Never:
    raise InvalidDocument(f"{name} is not JSON")


def _is_deeper(value: object, depth: int) -> bool:
    if isinstance(value, dict):
        return depth == 0 or any(_is_deeper(member, depth - 1) for member in value.values())
    if isinstance(value, list):
        return depth == 0 or any(_is_deeper(item, depth - 1) for item in value)
    return False


_decode = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant).raw_decode
