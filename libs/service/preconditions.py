"""The conditions of a request, for the command that it calls."""

from __future__ import annotations

from aiohttp import web

from libs.rules.preconditions import Preconditions
from libs.web.etags import creates_only, expected_versions


def preconditions_of(request: web.Request) -> Preconditions:
    """The conditions in `If-Match` and `If-None-Match`."""
    return Preconditions(
        versions=expected_versions(request),
        exists="If-Match" in request.headers,
        is_new=creates_only(request),
    )
