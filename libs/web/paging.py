"""Lists in pages, by keyset: a cursor names the last row seen, so rows may come and go."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec
from aiohttp import web

from libs.web.etags import matches_etag
from libs.web.problems import FieldError, UnprocessableContent
from libs.web.responses import encode_json

CURSOR_PARAMETERS = ("cursor", "approved_since")

KeyT = TypeVar("KeyT", bound=msgspec.Struct)


def encode_cursor(key: msgspec.Struct) -> str:
    """The cursor that continues after the key: its JSON as base64url without padding.

    The name of the key's class is the last element, so that the cursor of another list is refused
    though its values have the same types. Releases that do not know it ignore it.
    """
    parts = [*msgspec.to_builtins(key), type(key).__name__]
    return base64.urlsafe_b64encode(msgspec.json.encode(parts)).rstrip(b"=").decode()


def decode_cursor(cursor: str | None, kind: type[KeyT]) -> KeyT | None:
    """The key that `cursor` holds; raises `UnprocessableContent` for one that we never gave."""
    if cursor is None:
        return None
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        key = msgspec.json.decode(raw, type=kind)
        name = msgspec.json.decode(raw, type=list)[len(kind.__struct_fields__) :]
    except (binascii.Error, ValueError, msgspec.MsgspecError) as error:
        raise _not_a_cursor() from error
    # PostgreSQL holds no NUL, so no key of ours does. Cursors of earlier releases have no name.
    if b"\\u0000" in raw or name not in ([], [kind.__name__]):
        raise _not_a_cursor()
    return key


def forged_cursor(request: web.Request) -> UnprocessableContent | None:
    """The refusal of a request whose cursor holds a value that no row can have.

    For errors of arithmetic and of the database's types: without a cursor in the query they are
    faults of this service, and None is returned.
    """
    for parameter in CURSOR_PARAMETERS:
        if parameter in request.query:
            return _not_a_cursor(parameter)
    return None


def _not_a_cursor(parameter: str = "cursor") -> UnprocessableContent:
    return UnprocessableContent(
        [FieldError(f"/{parameter}", "This is not a cursor of this list.", "cursor", "query")]
    )


def page_response(
    request: web.Request, items: Sequence[Any], next_key: msgspec.Struct | None, **members: Any
) -> web.Response:
    """`{"items": [...], "next": address or null}` and the same address as a `Link` (RFC 8288).

    Its weak ETag is the hash of the content, so that a client that has it gets 304.
    """
    following = _following(request, next_key)
    body = encode_json({"items": items, "next": following, **members})
    etag = f'W/"{hashlib.sha256(body).hexdigest()[:20]}"'
    headers = {"ETag": etag} | ({"Link": f'<{following}>; rel="next"'} if following else {})
    if matches_etag(request, etag):
        return web.Response(status=304, headers=headers)
    return web.Response(body=body, headers=headers, content_type="application/json")


def _following(request: web.Request, next_key: msgspec.Struct | None) -> str | None:
    if next_key is None:
        return None
    return str(request.rel_url.update_query(cursor=encode_cursor(next_key)))
