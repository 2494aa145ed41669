from __future__ import annotations

import pytest

from tests.unit.web.conftest import Served

ORIGIN = {"Origin": "https://app.example"}
STRANGER = {"Origin": "https://evil.example"}
PREFLIGHT = {"Access-Control-Request-Method": "PUT"}


async def test_a_preflight_of_a_named_origin_is_answered(served: Served) -> None:
    reply = await served.caller.request("OPTIONS", "/wait", headers=ORIGIN | PREFLIGHT)
    assert reply.status == 204
    assert "PUT" in reply.headers["Access-Control-Allow-Methods"]
    assert "If-Match" in reply.headers["Access-Control-Allow-Headers"]
    assert reply.headers["Access-Control-Allow-Origin"] == ORIGIN["Origin"]


async def test_a_preflight_of_another_origin_is_not(served: Served) -> None:
    reply = await served.caller.request("OPTIONS", "/wait", headers=STRANGER | PREFLIGHT)
    assert reply.status == 405
    assert "Access-Control-Allow-Origin" not in reply.headers


@pytest.mark.parametrize(
    ("path", "status"),
    [("/wait", 200), ("/stream", 200), ("/nowhere", 404), ("/crash/1", 500), ("/refuse/1", 503)],
)
async def test_a_named_origin_may_read_every_response(
    served: Served, path: str, status: int
) -> None:
    reply = await served.caller.get(path, headers=ORIGIN)
    assert reply.status == status
    assert reply.headers["Access-Control-Allow-Origin"] == ORIGIN["Origin"]
    exposed = reply.headers["Access-Control-Expose-Headers"]
    for name in ("Content-Disposition", "ETag", "Report-Cursor", "Retry-After", "Sunset"):
        assert name in exposed


@pytest.mark.parametrize("method", ["DELETE", "POST"])
async def test_an_allowed_origin_may_read_errors_of_the_router_and_the_validation(
    served: Served, method: str
) -> None:
    path = "/wait" if method == "DELETE" else "/echo"
    reply = await served.caller.request(method, path, json={}, headers=ORIGIN)
    assert reply.status in (405, 422)
    assert reply.headers["Access-Control-Allow-Origin"] == ORIGIN["Origin"]


@pytest.mark.parametrize("headers", [ORIGIN, STRANGER, {}])
async def test_a_cache_keeps_the_responses_of_origins_apart(
    served: Served, headers: dict[str, str]
) -> None:
    reply = await served.caller.get("/wait", headers=headers)
    assert "Origin" in reply.headers["Vary"]
    named = headers == ORIGIN
    assert ("Access-Control-Allow-Origin" in reply.headers) == named
