"""Problems that the gateway lets the services answer for it."""

from __future__ import annotations

import pytest

from libs.service.gateway_problems import PATHS
from libs.web.problems import CONTENT_TYPE
from tests.conftest import Guarded


@pytest.mark.parametrize("status", [429, 502, 503, 504])
async def test_the_gateways_errors_become_problems(guarded: Guarded, status: int) -> None:
    url = "https%3A%2F%2Fapi.exampleco.com%2Fv1%2Fentries%3Flimit%3D1"
    reply = await guarded.service.bearer(None).get(f"/problems/{status}?url={url}")
    assert (reply.status, reply.json["status"]) == (status, status)
    assert reply.headers["Content-Type"].startswith(CONTENT_TYPE)
    assert reply.json["instance"] == "/v1/entries"
    assert int(reply.headers["Retry-After"]) > 0


async def test_a_path_of_a_service_without_pods_is_unavailable(
    guarded: Guarded,
) -> None:
    for name, paths in PATHS.items():
        for path in paths:
            reply = await guarded.service.bearer(None).get(f"{path}/unknown/path")
            expected = 404 if name == guarded.name else 503
            assert (reply.status, reply.json["status"]) == (expected, expected)


async def test_a_path_that_nobody_serves_is_not_found(guarded: Guarded) -> None:
    for path in ("/v1", "/v1/nothing", "/v1/peoplexyz", "/problems/200"):
        reply = await guarded.service.bearer(None).get(path)
        assert (reply.status, reply.json["status"]) == (404, 404)
