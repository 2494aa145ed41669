"""A client that hangs up in the middle of a body is no failure of the service."""

from __future__ import annotations

import asyncio
import json
from urllib.parse import urlsplit

import pytest

from tests.support.client import Service
from tests.support.issuer import PERSON

TIMES = 50
PATHS = ("POST /v1/entries", "PUT /v1/entries/6a1f0a52-3c5e-4d0e-9f6c-2b7a5d7f3c11")


async def hang_up(entries: Service, target: str, token: str) -> None:
    address = urlsplit(entries.url)
    _, writer = await asyncio.open_connection(address.hostname, address.port)
    head = (
        f"{target} HTTP/1.1\r\nHost: api\r\nAuthorization: Bearer {token}\r\n"
        "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n"
    )
    writer.write(head.encode() + b'{"minute')
    await writer.drain()
    await asyncio.sleep(0.02)
    writer.transport.abort()


@pytest.mark.parametrize("target", PATHS)
async def test_hanging_up_50_times_is_counted_as_499_and_logs_no_error(
    entries: Service, target: str, capsys: pytest.CaptureFixture[str]
) -> None:
    token = entries.token(sub="auth0|erin", scope=PERSON)
    capsys.readouterr()
    for _ in range(TIMES):
        await hang_up(entries, target, token)
    method = target.split()[0]
    async with asyncio.timeout(10):
        while (
            f'method="{method}"' not in (metrics := await scrape(entries))
            or count(metrics, "499") < TIMES
        ):
            await asyncio.sleep(0.05)

    assert not [line for line in metrics.splitlines() if 'status="5' in line]
    lines = map(json.loads, capsys.readouterr().out.splitlines())
    assert {line["level"] for line in lines} <= {"debug", "info"}


async def scrape(entries: Service) -> str:
    text: str = (await entries.admin.get("/metrics")).body.decode()
    return text


def count(metrics: str, status: str) -> float:
    """The requests with this status."""
    return sum(
        float(line.rsplit(" ", 1)[1])
        for line in metrics.splitlines()
        if "requests_total{" in line and f'status="{status}"' in line
    )
