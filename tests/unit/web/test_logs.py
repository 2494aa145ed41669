"""What the logs never show."""

from __future__ import annotations

import json

import pytest
import structlog

from libs.web.logs import configure_logging, mask_secrets

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
