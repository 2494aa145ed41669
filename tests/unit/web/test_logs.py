"""Secrets that the logs never show."""

from __future__ import annotations

import json
import logging
import subprocess
import sys

import pytest
import structlog
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from libs.web.logs import AccessLog, configure_logging, mask_secrets

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
