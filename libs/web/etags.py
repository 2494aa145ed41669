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

NO_VERSION = -1
"""No resource has this version."""


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


def expected_version(request: web.Request) -> int | None:
    """The version in `If-Match`; None where there is no such header or it is `*`.

    Of several tags the one with the highest version counts: versions only grow, so the others
    cannot be current. Weak tags never match (RFC 9110 section 13.1.1): `NO_VERSION`.

    Raises `UnprocessableContent` for what is not one of our tags.
    """
    given = ",".join(request.headers.getall("If-Match", [])).strip()
    if given in ("", "*"):
        return None
    tags = [_TAG.fullmatch(tag.strip()) for tag in given.split(",")]
    if None in tags:
        raise UnprocessableContent(
            [FieldError("/If-Match", "This is not an ETag of this resource.", "etag", "header")]
        )
    return max((int(tag["version"]) for tag in tags if tag and not tag["weak"]), default=NO_VERSION)


def creates_only(request: web.Request) -> bool:
    """Whether `If-None-Match: *` asks that nothing existing be replaced."""
    return request.headers.get("If-None-Match", "").strip() == "*"


def matches_etag(request: web.Request, etag: str) -> bool:
    """Whether a read names `etag` in `If-None-Match`, by the weak comparison of RFC 9110."""
    header = request.headers.get("If-None-Match")
    if header is None or request.method not in ("GET", "HEAD"):
        return False
    tags = [tag.strip().removeprefix("W/") for tag in header.split(",")]
    return etag.removeprefix("W/") in tags or "*" in tags
