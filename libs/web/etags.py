"""Versions as entity tags (RFC 9110 section 8.8.3): 304 for the unchanged, 412 for the stale."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from libs.web.problems import FieldError, UnprocessableContent
from libs.web.responses import encode_json, json_response

_TAG = re.compile(r'(?P<weak>W/)?"(?P<version>[0-9]{1,18})(?:\.[^"]*)?"')


def etag_of(version: int, *variant: object) -> str:
    """The tag of a version; `variant` is what else the representation depends on.

    Only the version is compared by `If-Match`: an entry whose week was submitted looks
    different but is the same version of the entry.
    """
    value = ".".join(str(part) for part in (version, *variant) if part is not None)
    return f'"{value}"'


def etag_of_representation(representation: Any) -> str:
    """The tag of a resource as it is sent: its version and the hash of everything in it.

    `representation` is a mapping or a struct with the member `version`. The hash covers what
    changes without a new version, such as whether a week can be submitted today.
    """
    is_mapping = isinstance(representation, Mapping)
    version = representation["version"] if is_mapping else representation.version
    return etag_of(version, hashlib.sha256(encode_json(representation)).hexdigest()[:16])


def resource_response(
    request: web.Request, payload: Any, etag: str, *, status: int = 200, **headers: str
) -> web.Response:
    """The resource with its tag, or 304 where `If-None-Match` of a read names that tag."""
    if matches_etag(request, etag):
        return web.Response(status=304, headers={"ETag": etag})
    return json_response(payload, status=status, headers={"ETag": etag, **headers})


def expected_versions(request: web.Request) -> frozenset[int] | None:
    """The versions in `If-Match`, one of which the resource must have; None without the header
    or where it is `*`.

    Weak tags never match (RFC 9110 section 13.1.1), so they add no version.

    Raises `UnprocessableContent` for what is not one of our tags, and for a header without any: a
    client that sends an empty one has lost the tag, and would overwrite what it has not read.
    """
    if "If-Match" not in request.headers:
        return None
    given = ",".join(request.headers.getall("If-Match")).strip()
    if given == "*":
        return None
    # Empty elements of a list are ignored (RFC 9110 section 5.6.1.2).
    tags = [_TAG.fullmatch(tag.strip()) for tag in given.split(",") if tag.strip()]
    if not tags or None in tags:
        raise UnprocessableContent(
            [FieldError("/If-Match", "This is not an ETag of this resource.", "etag", "header")]
        )
    return frozenset(int(tag["version"]) for tag in tags if tag and not tag["weak"])


def creates_only(request: web.Request) -> bool:
    """Whether `If-None-Match: *` asks that nothing existing be replaced."""
    return request.headers.get("If-None-Match", "").strip() == "*"


def matches_etag(request: web.Request, etag: str) -> bool:
    """Whether a read names `etag` in `If-None-Match`, by the weak comparison of RFC 9110."""
    if "If-None-Match" not in request.headers or request.method not in ("GET", "HEAD"):
        return False
    given = ",".join(request.headers.getall("If-None-Match"))
    tags = [tag.strip().removeprefix("W/") for tag in given.split(",")]
    return etag.removeprefix("W/") in tags or "*" in tags
