"""Secrets that the logs never show."""

from __future__ import annotations

import asyncio
import json
import logging
import subprocess
import sys
from typing import Any

import pytest
import structlog
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from libs.web.health import LIFECYCLE
from libs.web.logs import AccessLog, configure_logging, escape_unprintable, mask_secrets
from tests.unit.postgres.polling import until
from tests.unit.web.conftest import Served

JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJlcmluIn0.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (f"Authorization: Bearer {JWT}", "Authorization: Bearer ***"),
        (f"token {JWT} refused", "token *** refused"),
        ("postgresql://entries:s3cret@db:5432/x", "postgresql://entries:***@db:5432/x"),
        ("grant_type=x&client_secret=abc&scope=y", "grant_type=x&client_secret=***&scope=y"),
        ('{"refresh_token": "v1.abc"}', '{"refresh_token": "***"}'),
        ("nothing to hide", "nothing to hide"),
    ],
)
def test_secrets_are_blotted_out(text: str, masked: str) -> None:
    assert mask_secrets(text) == masked


def test_a_line_is_json_and_carries_the_context(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("json", "info", "entries")
    with structlog.contextvars.bound_contextvars(request_id="r-1"):
        structlog.get_logger("x").info("hello", password="p", note=f"see {JWT}")
    line = json.loads(capsys.readouterr().err)
    assert line.pop("at")
    assert line == {
        "event": "hello",
        "level": "info",
        "service": "entries",
        "request_id": "r-1",
        "password": "***",
        "note": "see ***",
    }


def test_the_trace_of_a_line_has_the_names_that_collectors_know(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logging("json", "info", "entries")
    trace, span = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
    with structlog.contextvars.bound_contextvars(traceparent=f"00-{trace}-{span}-01"):
        structlog.get_logger("x").info("hello")
    line = json.loads(capsys.readouterr().err)
    assert (line["trace_id"], line["span_id"]) == (trace, span)
    assert "traceparent" not in line


def test_what_ends_the_process_is_one_line_like_every_other() -> None:
    program = (
        "from libs.web.logs import configure_logging\n"
        "configure_logging('json', 'info', 'entries')\n"
        "raise RuntimeError('no database')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    line = json.loads(done.stderr)
    assert (line["event"], line["level"], line["service"]) == ("crashed", "critical", "entries")
    assert "RuntimeError: no database" in line["exception"]


@pytest.mark.parametrize(
    ("path", "status", "logged"),
    [("/v1/entries/feed", 200, 0), ("/v1/entries/feed", 503, 1), ("/v1/entries", 200, 1)],
)
def test_polls_of_a_feed_are_no_news(
    path: str, status: int, logged: int, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging("json", "info", "entries")
    access = AccessLog(logging.getLogger("access"), "")
    access.log(make_mocked_request("GET", path), web.Response(status=status), 0.1)
    assert len(capsys.readouterr().err.splitlines()) == logged


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("/v1/people/auth0|zoë", "/v1/people/auth0|zoë"),
        ("/v1/\x1b[2J", "/v1/\\u001b[2J"),
        ("/v1/\x9b2J\x7f", "/v1/\\u009b2J\\u007f"),
        ("/v1/\u2028", "/v1/\\u2028"),
    ],
)
def test_a_terminal_finds_nothing_to_obey(text: str, escaped: str) -> None:
    assert escape_unprintable(text) == escaped


def access_lines(printed: str) -> list[dict[str, Any]]:
    lines = map(json.loads, printed.splitlines())
    return [line for line in lines if line["event"] == "request"]


async def exchange(port: int, request: bytes) -> bytes:
    """Everything that comes back on a connection that the server closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request + b"Host: x\r\nConnection: close\r\n\r\n")
    received = await reader.read()
    writer.close()
    await writer.wait_closed()
    return received


@pytest.mark.parametrize(
    "request_line",
    [
        f"GET /v1/{JWT} HTTP/1.1\r\nX-Request-Id: r-1\r\n",
        f"GET /wait HTTP/1.1\r\nX-Request-Id: {JWT}\r\n",
        f"{JWT} /wait HTTP/1.1\r\n",
        f"GET /wait?access_token={JWT} HTTP/1.1\r\n",
    ],
)
async def test_no_part_of_a_request_takes_a_token_into_the_log(
    served: Served, request_line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    await exchange(served.port, request_line.encode())
    printed = capsys.readouterr()
    assert access_lines(printed.out)
    assert JWT not in printed.out + printed.err


@pytest.mark.parametrize("path", ["/wait", "/stream", "/nowhere", "/refuse/1"])
async def test_the_access_log_counts_the_bytes_that_were_sent(
    served: Served, path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    received = await exchange(served.port, f"GET {path} HTTP/1.1\r\n".encode())
    [line] = access_lines(capsys.readouterr().out)
    assert line["bytes"] == len(received)
    assert "cut_off" not in line


async def test_a_response_whose_client_has_left_is_marked_in_the_access_log(
    served: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n")
    await until(lambda: len(served.app[LIFECYCLE].requests) == 1)
    writer.transport.abort()
    await until(lambda: len(served.app[LIFECYCLE].requests) == 0)
    await asyncio.sleep(0)
    [line] = access_lines(capsys.readouterr().out)
    assert (line["bytes"], line["cut_off"]) == (0, True)


async def test_a_level_above_info_leaves_out_the_access_log(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logging("json", "warning", "entries")
    access = AccessLog(logging.getLogger("access"), "")
    access.log(make_mocked_request("GET", "/v1/entries"), web.Response(), 0.1)
    assert not capsys.readouterr().err
