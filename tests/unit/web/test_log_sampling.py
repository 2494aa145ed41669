from __future__ import annotations

import json

import pytest

from libs.web.log_sampling import LogSampler
from tests.unit.web.conftest import Served


def test_lines_are_bounded_for_each_key_and_second_and_the_others_counted() -> None:
    now = 0.0
    sampler = LogSampler(2, lambda: now)
    assert [sampler.admit("busy") for _ in range(5)] == [0, 0, None, None, None]
    assert sampler.admit("away") == 0
    now = 1.0
    assert [sampler.admit("busy") for _ in range(3)] == [3, 0, None]


async def test_a_503_is_logged_once_with_its_cause_its_route_and_its_request(
    served: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    await served.caller.get("/refuse/7", headers={"X-Request-Id": "find-me"})
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    [line] = [line for line in lines if line["event"] == "request answered with 503"]
    assert line["level"] == "warning"
    assert line["sqlstate"] == "55P03"
    assert line["route"] == "/refuse/{id}"
    assert line["request_id"] == "find-me"
