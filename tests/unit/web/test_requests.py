"""Good and bad requests, to every service."""

from __future__ import annotations

import asyncio
import gzip
import json

import pytest

from libs.web.health import LIFECYCLE
from libs.web.request_body import MAX_JSON_BYTES
from tests.unit.web.conftest import Served

JSON = {"Content-Type": "application/json"}


async def test_an_unexpected_error_hides_details_but_is_logged_and_counted(
    served: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    reply = await served.caller.get("/crash/7?x=1", headers={"X-Request-Id": "find-me"})
    assert (reply.status, reply.headers["Content-Type"]) == (500, "application/problem+json")
    assert reply.json["request_id"] == "find-me"
    assert reply.headers["X-Request-Id"] == "find-me"
    assert b"swordfish" not in reply.body
    assert b"Runtime" not in reply.body
    logged = capsys.readouterr().out
    assert "find-me" in logged
    assert "RuntimeError" in logged
    metrics = (await served.admin.get("/metrics")).body.decode()
    assert 'timesheets_http_unhandled_errors_total{method="GET",route="/crash/{id}"} 1.0' in metrics
    assert 'status="500"' in metrics


async def test_a_problem_names_the_address_as_a_uri(served: Served) -> None:
    """RFC 9457 section 3.1.5: `instance` is a URI reference."""
    reply = await served.caller.get("/nowhere/a%20b%C3%BC%7Cc?x=1")
    assert reply.json["instance"] == "/nowhere/a%20b%C3%BC%7Cc"


@pytest.mark.parametrize("given", ["", "a b", "x" * 129, "naïve"])
async def test_a_request_id_that_is_not_safe_to_log_is_replaced(served: Served, given: str) -> None:
    reply = await served.caller.get("/wait", headers={"X-Request-Id": given})
    assert len(reply.headers["X-Request-Id"]) == 32


@pytest.mark.parametrize(
    ("body", "codes"),
    [
        ({}, {("/minutes", "required")}),
        ({"minutes": True}, {("/minutes", "invalid")}),
        ({"minutes": "8"}, {("/minutes", "invalid")}),
        ({"minutes": 1.0}, {("/minutes", "invalid")}),
        ({"minutes": 61}, {("/minutes", "invalid")}),
        ({"minutes": None}, {("/minutes", "null")}),
        ({"minutes": 10**30}, {("/minutes", "invalid")}),
        ({"minutes": 1, "urgent": 1}, {("/urgent", "invalid")}),
        ({"minutes": 1, "day": "2026-02-30"}, {("/day", "invalid")}),
        ({"minutes": 1, "day": "0001-01-01"}, {("/day", "invalid")}),
        ({"minutes": 1, "day": "2026-11-23T00:00"}, {("/day", "invalid")}),
        ({"minutes": 1, "note": "x" * 11}, {("/note", "invalid")}),
        ({"minutes": 1, "note": "a\0b"}, {("/note", "invalid")}),
        ({"minutes": 1, "other": 1, "more": 2}, {("/other", "unknown"), ("/more", "unknown")}),
        ({"minutes": 1, "inner": {"a/b": 7}}, {("/inner/a~1b", "invalid")}),
        ([], {("", "invalid")}),
        (None, {("", "invalid")}),
        ("text", {("", "invalid")}),
    ],
)
async def test_each_invalid_field_is_reported_by_its_pointer(
    served: Served, body: object, codes: set[tuple[str, str]]
) -> None:
    reply = await served.caller.post("/echo", data=json.dumps(body).encode(), headers=JSON)
    assert (reply.status, reply.codes) == (422, codes)


async def test_text_is_kept_composed_and_trimmed(served: Served) -> None:
    reply = await served.caller.post("/echo", {"minutes": 1, "note": " e\u0301 "})
    assert reply.json == {"note": "é", "limit": 50}


@pytest.mark.parametrize(
    ("query", "codes"),
    [
        ("limit=0", {("/limit", "invalid")}),
        ("limit=201", {("/limit", "invalid")}),
        ("limit=ten", {("/limit", "invalid")}),
        ("limit=1&limit=2", {("/limit", "repeated")}),
        ("a/b=1&a/b=2", {("/a~1b", "repeated")}),
        ("page=2", {("/page", "unknown")}),
    ],
)
async def test_invalid_parameters_are_reported_too(
    served: Served, query: str, codes: set[tuple[str, str]]
) -> None:
    reply = await served.caller.post(f"/echo?{query}", {"minutes": 1})
    assert (reply.status, reply.codes) == (422, codes)
    assert {error["location"] for error in reply.json["errors"]} == {"query"}


@pytest.mark.parametrize(
    "body", [b"", b"{", b"nope", b'{"minutes": NaN}', b"\xff\xfe", b"[" * 100_000, b'{"a":1}x']
)
async def test_what_is_not_json_is_400(served: Served, body: bytes) -> None:
    assert (await served.caller.post("/echo", data=body, headers=JSON)).status == 400


@pytest.mark.parametrize("charset", ["utf-8", "UTF-8", "Utf-8", "utf8", '"UTF8"'])
async def test_utf_8_has_several_spellings(served: Served, charset: str) -> None:
    kind = {"Content-Type": f"application/json; charset={charset}"}
    assert (await served.caller.post("/echo", data=b'{"minutes": 1}', headers=kind)).status == 200


async def test_another_type_is_415_and_a_larger_body_413(served: Served) -> None:
    as_text = await served.caller.post("/echo", data=b"{}", headers={"Content-Type": "text/plain"})
    assert as_text.status == 415
    large = b" " * (MAX_JSON_BYTES + 1)
    assert (await served.caller.post("/echo", data=large, headers=JSON)).status == 413
    bomb = gzip.compress(b" " * 10_000_000)
    packed = JSON | {"Content-Encoding": "gzip"}
    assert (await served.caller.post("/echo", data=bomb, headers=packed)).status == 415


async def test_a_body_that_drips_is_cut_off(served: Served) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(
        b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Content-Length: 100\r\n\r\n{"
    )
    answer = await reader.readuntil(b"\r\n\r\n")
    writer.close()
    await writer.wait_closed()
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"Connection: close" in answer


async def test_a_caller_over_the_limit_gets_retry_after(served: Served) -> None:
    replies = [await served.caller.get("/wait", headers={"X-Caller": "erin"}) for _ in range(2)]
    burst = await asyncio.gather(
        *(served.caller.get("/wait", headers={"X-Caller": "maya"}) for _ in range(6))
    )
    assert {reply.status for reply in replies} == {200}
    refused = [reply for reply in burst if reply.status == 429]
    assert 1 <= len(refused) <= 2
    assert refused[0].headers["Retry-After"] == "1"
    assert refused[0].headers["RateLimit"] == '"caller";r=0;t=1'


async def test_unknown_addresses_and_methods_are_problems_too(served: Served) -> None:
    missing = await served.caller.get("/nowhere")
    assert (missing.status, missing.json["title"]) == (404, "Not Found")
    wrong = await served.caller.delete("/wait")
    assert (wrong.status, wrong.headers["Allow"]) == (405, "GET")
    assert wrong.headers["Content-Type"] == "application/problem+json"


async def test_responses_are_not_cached_by_intermediaries(served: Served) -> None:
    reply = await served.caller.get("/wait")
    assert reply.headers["Cache-Control"] == "no-store"
    assert reply.headers["X-Content-Type-Options"] == "nosniff"


async def test_the_probes_follow_the_phases_of_the_process(served: Served) -> None:
    assert (await served.admin.get("/livez")).status == 200
    assert (await served.admin.get("/readyz")).status == 200
    served.app[LIFECYCLE].draining = True
    assert (await served.admin.get("/livez")).status == 200
    draining = await served.admin.get("/readyz")
    assert (draining.status, draining.body) == (503, b"draining\n")
    assert (await served.caller.get("/wait")).headers["Connection"] == "close"
