"""A check for Schemathesis, which loads this file: HEAD answers as GET does, without a body."""

from __future__ import annotations

import requests
import schemathesis

TIMEOUT_SECONDS = 30
# Of a stream the length is unknown before it is sent.
COMPARED = ("Content-Type", "ETag", "Location", "Link", "WWW-Authenticate", "Cache-Control")


@schemathesis.check
def head_is_get_without_a_body(
    _context: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case
) -> None:
    if case.method.upper() != "GET" or response.status_code in (429, 503):
        return
    request = response.request
    head = requests.head(
        str(request.url),
        headers=dict(request.headers),
        timeout=TIMEOUT_SECONDS,
        allow_redirects=False,
    )
    assert head.status_code == response.status_code, (head.status_code, response.status_code)
    assert head.content == b""
    for name in COMPARED:
        [value] = response.headers.get(name.lower()) or [None]
        assert head.headers.get(name) == value, name
