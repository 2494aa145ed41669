"""Malformed requests, and clients that hang up: problems, no tracebacks, no counted errors."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from tests.conftest import Guarded
from tests.support.issuer import Issuer


async def exchange(guarded: Guarded, sent: bytes) -> tuple[int, dict[str, str], bytes]:
    """The status, the headers and the body that these bytes are answered with."""
    port = int(guarded.service.url.rsplit(":", 1)[1])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(sent)
        head, _, body = (await asyncio.wait_for(reader.read(), 10)).partition(b"\r\n\r\n")
    finally:
        writer.close()
    status, *lines = head.decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    return int(status.split()[1]), headers, body


@pytest.mark.parametrize(
    "sent",
    [
        b"FOO /v1/entries HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /v1/entries HTTP/1.1\r\nHost: x\r\nBad Header: 1\r\n\r\n",
        b"GET /v1/entries HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 20_000 + b"\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
    ],
    ids=["method", "header", "long header", "TLS"],
)
async def test_what_the_parser_refuses_is_a_problem(
    guarded: Guarded, sent: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    status, headers, body = await exchange(guarded, sent)

    assert status == 400
    assert headers["content-type"].startswith("application/problem+json")
    problem: dict[str, Any] = json.loads(body)
    assert problem["type"].endswith("/bad-request")
    assert problem["detail"] == "The request is not valid HTTP."
    assert "aiohttp" not in headers.get("server", "")
    printed = capsys.readouterr()
    assert "Traceback" not in printed.out + printed.err


async def test_clients_that_hang_up_in_a_body_are_no_errors(
    guarded: Guarded, issuer: Issuer, capsys: pytest.CaptureFixture[str]
) -> None:
    path = {"entries": "POST /v1/entries", "approvals": "POST /v1/approvals/decisions"}.get(
        guarded.name, "PATCH /v1/profile"
    )
    method, address = path.split()
    token = issuer.token(scope="create:timesheets approve:timesheets")
    head = (
        f"{path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
        "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
    )
    port = int(guarded.service.url.rsplit(":", 1)[1])
    for _ in range(50):
        _reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head.encode())
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async def hang_ups() -> float:
        try:
            return await guarded.service.metric(
                f"{prefix}http_requests_total", method=method, route=address, status="499"
            )
        except ValueError:
            return 0

    text = (await guarded.service.admin.get("/metrics")).body.decode()
    prefix = "timesheets_" if "timesheets_http_requests_total" in text else ""
    async with asyncio.timeout(10):
        while await hang_ups() < 50:
            await asyncio.sleep(0.02)

    text = (await guarded.service.admin.get("/metrics")).body.decode()
    assert 'status="5' not in text
    printed = capsys.readouterr()
    assert '"level": "error"' not in printed.out + printed.err
