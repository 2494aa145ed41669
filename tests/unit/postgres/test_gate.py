"""The queue before the pool, by itself."""

from __future__ import annotations

import asyncio

import pytest

from libs.postgres.gate import Gate
from libs.web.problems import ServiceUnavailable


def gate(places: int = 1, *, max_waiting: int = 10, max_wait: float = 60.0) -> Gate[str]:
    return Gate(places, max_waiting, max_wait, lambda _reason: None)


async def in_turn() -> None:
    """Until whoever can go on has gone on."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_what_is_handed_on_goes_to_whoever_waits_longest() -> None:
    one = gate()
    assert await one.enter() is None
    first, second = asyncio.create_task(one.enter()), asyncio.create_task(one.enter())
    await in_turn()
    assert one.hand_on("a connection")
    assert await first == "a connection"
    assert not second.done()
    one.leave()
    assert await second is None
    assert (one.inside, one.waiting) == (1, 0)


async def test_nothing_is_handed_on_where_nobody_waits() -> None:
    one = gate()
    await one.enter()
    assert not one.hand_on("a connection")
    assert one.inside == 1
    one.leave()
    assert await one.enter() is None


async def test_who_gives_up_just_when_it_is_his_turn_passes_it_on() -> None:
    one = gate()
    await one.enter()
    first, second = asyncio.create_task(one.enter()), asyncio.create_task(one.enter())
    await in_turn()
    assert one.hand_on("a connection")
    first.cancel()
    assert await second == "a connection"
    assert first.cancelled()
    assert (one.inside, one.waiting) == (1, 0)


async def test_what_nobody_took_is_left_for_the_next() -> None:
    one = gate()
    await one.enter()
    waiter = asyncio.create_task(one.enter())
    await in_turn()
    assert one.hand_on("a connection")
    waiter.cancel()
    await asyncio.gather(waiter, return_exceptions=True)
    assert one.inside == 0
    assert await one.enter() == "a connection"
    assert one.take_left_over() == []


async def test_what_was_left_can_be_taken_away() -> None:
    one = gate()
    await one.enter()
    waiter = asyncio.create_task(one.enter())
    await in_turn()
    one.hand_on("a connection")
    waiter.cancel()
    await asyncio.gather(waiter, return_exceptions=True)
    assert one.take_left_over() == ["a connection"]
    assert await one.enter() is None


@pytest.mark.parametrize("hands_on", [False, True])
async def test_who_has_given_up_is_passed_over(*, hands_on: bool) -> None:
    one = gate(max_wait=0.01)
    await one.enter()
    with pytest.raises(ServiceUnavailable):
        await one.enter()
    gone = asyncio.create_task(one.enter())
    await in_turn()
    gone.cancel()
    if hands_on:
        assert not one.hand_on("a connection")
    one.leave()
    await asyncio.gather(gone, return_exceptions=True)
    assert (one.inside, one.waiting) == (0, 0)
    assert await one.enter() is None
