"""HEAD is served wherever GET is, with the same access and headers (RFC 9110 9.3.2)."""

from __future__ import annotations

import re
from collections.abc import Iterable

import pytest

from libs.auth import Scope, access_of
from tests.conftest import Guarded
from tests.support.client import ADMINISTRATOR, Service

PERIOD = "?from=2026-11-01&to=2026-11-30"
QUERIES = {
    "/v1/reports/entries": PERIOD,
    "/v1/reports/weeks": f"{PERIOD}&approved_since=0&format=csv",
    "/v1/reports/totals": f"{PERIOD}&group_by=person",
    "/v1/reports/missing": "?week=2026-W48",
}


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
        path = route.path + QUERIES.get(route.template, "")
        head, get = await caller.request("HEAD", path), await caller.get(path)

        assert head.body == b"", str(route)
        assert head.status == get.status, str(route)
        assert "Server" not in head.headers
        assert _names(head.headers) == _names(get.headers), str(route)


@pytest.mark.parametrize("form", ["csv", "ndjson", "xlsx"])
async def test_head_of_a_report_has_the_headers_and_problems_of_its_snapshot(
    entries: Service, form: str
) -> None:
    payroll = entries.caller("payroll", Scope.READ_REPORTS)
    path = f"/v1/reports/entries{PERIOD}&format={form}"
    head, get = await payroll.request("HEAD", path), await payroll.get(path)
    refused = await payroll.request("HEAD", f"{path}&approved_since=x")

    assert (head.status, head.body, head.headers["ETag"]) == (200, b"", get.headers["ETag"])
    assert refused.status == 422


def _names(headers: Iterable[str]) -> set[str]:
    """The header names; a stream has no length, and is sent in chunks."""
    names = {name.lower() for name in headers}
    return {name for name in names if not re.fullmatch("content-length|transfer-encoding", name)}
