"""Versions as entity tags (RFC 9110 section 8.8.3): 304 for the unchanged, 412 for the stale."""

from __future__ import annotations

import re
from typing import Any

from aiohttp import web

from libs.web.problems import FieldError, PreconditionFailed, UnprocessableContent
from libs.web.responses import json_response

_TAG = re.compile(r'"(?P<version>[0-9]{1,18})(?:\.[^"]*)?"')


def etag_of(version: int, *variant: object) -> str:
    """The tag of a version; `variant` is what else the representation depends on.

    Only the version is compared by `If-Match`: an entry whose week was submitted looks
    different but is the same version of the entry.
    """
    told = ".".join(str(part) for part in (version, *variant) if part is not None)
    return f'"{told}"'


def resource_response(
    request: web.Request, payload: Any, etag: str, *, status: int = 200, **headers: str
) -> web.Response:
    """The resource with its tag, or 304 where `If-None-Match` of a read names that tag."""
    if matches_etag(request, etag):
        return web.Response(status=304, headers={"ETag": etag})
    return json_response(payload, status=status, headers={"ETag": etag, **headers})


def expected_version(request: web.Request) -> int | None:
    """The version in `If-Match`; None where there is no such header or it is `*`.

    Raises `UnprocessableContent` for what is not one of our tags.
    """
    given = request.headers.get("If-Match")
    if given is None or given.strip() == "*":
        return None
    match = _TAG.fullmatch(given.strip())
    if match is None:
        raise UnprocessableContent(
            [FieldError("/If-Match", "This is not an ETag of this resource.", "etag", "header")]
        )
    return int(match["version"])


def creates_only(request: web.Request) -> bool:
    """Whether `If-None-Match: *` asks that nothing existing be replaced."""
    return request.headers.get("If-None-Match", "").strip() == "*"


def require_version(expected: int | None, present: int, current: Any) -> None:
    """Raise `PreconditionFailed`, with the present representation, for a stale version."""
    if expected is not None and expected != present:
        raise PreconditionFailed(
            "Somebody changed this meanwhile.",
            headers={"ETag": etag_of(present)},
            version=present,
            current=current,
        )


def matches_etag(request: web.Request, etag: str) -> bool:
    """Whether a read names `etag` in `If-None-Match`, by the weak comparison of RFC 9110."""
    header = request.headers.get("If-None-Match")
    if header is None or request.method not in ("GET", "HEAD"):
        return False
    tags = [tag.strip().removeprefix("W/") for tag in header.split(",")]
    return etag.removeprefix("W/") in tags or "*" in tags
