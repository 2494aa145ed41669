import asyncio
import gc
from typing import Any

import pytest

from libs.auth.single_flight import Flight


class Call:
    """Brings its number once it is let go, or fails."""

    def __init__(self) -> None:
        self.times = 0
        self.gate = asyncio.Event()
        self.fails = False

    async def __call__(self) -> int:
        self.times += 1
        await self.gate.wait()
        if self.fails:
            raise OSError
        return self.times


@pytest.fixture
def call() -> Call:
    return Call()


@pytest.fixture
def flight(call: Call) -> Flight[int]:
    return Flight(call)


async def test_concurrent_callers_share_the_result(flight: Flight[int], call: Call) -> None:
    waiting = [asyncio.create_task(flight.join()) for _ in range(10)]
    await asyncio.sleep(0)
    call.gate.set()
    assert await asyncio.gather(*waiting) == [1] * 10


async def test_a_later_call_starts_a_new_one(flight: Flight[int], call: Call) -> None:
    call.gate.set()
    assert [await flight.join(), await flight.join()] == [1, 2]


async def test_a_waiter_that_gives_up_leaves_the_others_theirs(
    flight: Flight[int], call: Call
) -> None:
    impatient, patient = (asyncio.create_task(flight.join()) for _ in range(2))
    await asyncio.sleep(0)
    impatient.cancel()
    call.gate.set()
    assert await patient == 1
    assert impatient.cancelled()


async def test_all_waiters_get_the_failure_and_the_next_call_is_new(
    flight: Flight[int], call: Call
) -> None:
    call.fails = True
    call.gate.set()
    failures = await asyncio.gather(flight.join(), flight.join(), return_exceptions=True)
    assert [type(failure) for failure in failures] == [OSError, OSError]
    call.fails = False
    assert await flight.join() == 2


async def test_a_failure_nobody_waits_for_any_more_is_quiet(call: Call) -> None:
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    flight = Flight(call)
    call.fails = True
    call.gate.set()
    await asyncio.wait({flight.start()})
    del flight
    gc.collect()
    assert not complaints


async def test_closing_ends_the_call(flight: Flight[int]) -> None:
    waiting = asyncio.create_task(flight.join())
    await asyncio.sleep(0)
    await flight.close()
    assert not flight.is_under_way
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_closing_what_never_began_does_nothing(flight: Flight[int], call: Call) -> None:
    await flight.close()
    assert call.times == 0
