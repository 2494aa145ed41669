from __future__ import annotations

import pytest

from libs.web.rate_limit import RateLimit


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def admitted(limit: RateLimit, caller: str = "erin") -> int:
    """The number of requests that pass at once."""
    count = 0
    while limit.take(caller) == 0:
        count += 1
        assert count < 1000
    return count


def test_a_caller_may_send_twice_the_rate_at_once() -> None:
    assert admitted(RateLimit(5, Clock())) == 10


@pytest.mark.parametrize("idle", [2.0, 60.0, 86_400.0])
def test_an_idle_caller_saves_up_no_more_than_a_full_burst(idle: float) -> None:
    clock = Clock()
    limit = RateLimit(5, clock)
    admitted(limit)
    clock.now += idle
    assert admitted(limit) == 10


def test_tokens_come_back_at_the_rate() -> None:
    clock = Clock()
    limit = RateLimit(5, clock)
    admitted(limit)
    assert limit.take("erin") == pytest.approx(0.2)
    clock.now += 1
    assert admitted(limit) == 5


def test_callers_do_not_share_a_bucket() -> None:
    limit = RateLimit(5, Clock())
    admitted(limit)
    assert limit.take("maya") == 0
