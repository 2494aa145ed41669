"""HEAD is served wherever GET is, with the same access and headers (RFC 9110 9.3.2)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from libs.auth import Scope, access_of
from tests.conftest import Guarded
from tests.support.client import ADMINISTRATOR


async def test_every_get_has_its_head_with_the_same_access(guarded: Guarded) -> None:
    found = {
        method: {
            route.resource.canonical: access_of(route.handler)
            for route in guarded.app.router.routes()
            if route.method == method and route.resource is not None
        }
        for method in ("GET", "HEAD")
    }

    assert found["HEAD"] == found["GET"]


async def test_head_has_the_headers_of_get_and_no_body(guarded: Guarded) -> None:
    caller = guarded.service.caller("ada", f"{ADMINISTRATOR} {Scope.READ_AUDIT}")
    for route in guarded.routes:
        if route.method != "GET" or "feed" in route.path:
            continue
        query = "?from=2026-11-01&to=2026-11-30" if "reports" in route.path else ""
        path = route.path + query
        head, get = await caller.request("HEAD", path), await caller.get(path)

        assert head.body == b"", str(route)
        assert head.status == get.status, str(route)
        assert "Server" not in head.headers
        assert _names(head.headers) <= _names(get.headers), str(route)


def _names(headers: Iterable[str]) -> set[str]:
    """The header names; streams have no length."""
    names = {name.lower() for name in headers}
    return {name for name in names if not re.fullmatch("content-length|transfer-encoding", name)}
