"""The queue in front of the connections, without a database."""

from __future__ import annotations

import asyncio

import pytest
import uvloop

from libs.postgres.queue import (
    OVERLOADED_AFTER,
    OVERLOADED_WAIT,
    SHORT_WAIT,
    ConnectionQueue,
)
from libs.postgres.shares import Bounds, Share
from libs.web.problems import ServiceUnavailable

READS, WRITES, REPORTS, FEEDS = Share.READS, Share.WRITES, Share.REPORTS, Share.FEEDS


def queue_of(
    size: int = 1, *, max_waiting: int = 10, max_wait: float = 60.0
) -> ConnectionQueue[str]:
    return ConnectionQueue(Bounds(size), max_waiting, max_wait)


async def next_rounds() -> None:
    """Let every task that can go on do so."""
    for _ in range(5):
        await asyncio.sleep(0)


async def waiting(queue: ConnectionQueue[str], share: Share = READS) -> asyncio.Task[str | None]:
    task = asyncio.create_task(queue.acquire(share))
    await next_rounds()
    assert not task.done()
    return task


async def test_a_released_connection_goes_to_the_longest_waiter() -> None:
    queue = queue_of()
    assert await queue.acquire(READS) is None
    first, second = await waiting(queue), await waiting(queue)
    queue.release(READS, "a connection")
    assert await first == "a connection"
    assert not second.done()
    queue.release(READS, None)
    assert await second is None
    assert (queue.in_use, queue.waiting) == (1, 0)


async def test_a_released_connection_is_kept_when_nobody_waits() -> None:
    queue = queue_of()
    await queue.acquire(READS)
    queue.release(READS, "a connection")
    assert (queue.in_use, queue.idle) == (0, 1)
    assert await queue.acquire(READS) == "a connection"
    assert queue.idle == 0


async def test_the_connection_used_last_is_used_first() -> None:
    queue = queue_of(4)
    for _ in range(3):
        await queue.acquire(READS)
    for connection in ("oldest", "older", "newest"):
        queue.release(READS, connection)
    assert await queue.acquire(READS) == "newest"
    assert queue.remove_idle(lambda connection: connection == "oldest") == ["oldest"]
    assert queue.idle == 1


async def test_a_waiter_that_gives_up_as_it_is_served_passes_the_connection_on() -> None:
    queue = queue_of()
    await queue.acquire(READS)
    first, second = await waiting(queue), await waiting(queue)
    queue.release(READS, "a connection")
    first.cancel()
    assert await second == "a connection"
    assert first.cancelled()
    assert (queue.in_use, queue.waiting) == (1, 0)


async def test_a_connection_that_no_waiter_took_is_kept() -> None:
    queue = queue_of()
    await queue.acquire(READS)
    waiter = await waiting(queue)
    queue.release(READS, "a connection")
    waiter.cancel()
    await asyncio.gather(waiter, return_exceptions=True)
    assert (queue.in_use, queue.idle) == (0, 1)
    assert await queue.acquire(READS) == "a connection"


@pytest.mark.parametrize("released", ["a connection", None])
async def test_waiters_that_have_given_up_are_passed_over(released: str | None) -> None:
    queue = queue_of(max_wait=0.01)
    await queue.acquire(READS)
    with pytest.raises(ServiceUnavailable):
        await queue.acquire(READS)
    cancelled = await waiting(queue)
    cancelled.cancel()
    queue.release(READS, released)
    await asyncio.gather(cancelled, return_exceptions=True)
    assert (queue.in_use, queue.waiting) == (0, 0)
    assert await queue.acquire(READS) == released


async def test_waiters_are_refused_when_the_pool_closes() -> None:
    queue = queue_of()
    await queue.acquire(READS)
    waiter = await waiting(queue)
    queue.refuse_waiters(ServiceUnavailable("closed"))
    with pytest.raises(ServiceUnavailable, match="closed"):
        await waiter
    assert (queue.in_use, queue.waiting) == (1, 0)


class LoopClock:
    """The clock of the event loop, which stands still: its timers end when the test says so."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        loop = asyncio.get_running_loop()
        self.now = loop.time()
        monkeypatch.setattr(loop, "time", lambda: self.now)

    async def pass_by(self, seconds: float) -> None:
        self.now += seconds
        await next_rounds()


async def test_waits_are_short_while_no_request_is_served_soon(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock, queue = LoopClock(monkeypatch), queue_of(max_wait=2.0)
    await queue.acquire(READS)
    burst = await waiting(queue)
    await clock.pass_by(OVERLOADED_AFTER + 0.1)
    late = await waiting(queue)
    await clock.pass_by(OVERLOADED_WAIT + 0.01)
    with pytest.raises(ServiceUnavailable):
        await late
    queue.release(READS, None)
    await burst
    served = await waiting(queue)
    await clock.pass_by(OVERLOADED_WAIT + 0.01)
    assert not served.done()
    queue.release(READS, None)
    await served


async def test_a_queue_that_never_empties_is_none_too_long_while_requests_are_served_soon(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock, queue = LoopClock(monkeypatch), queue_of(max_wait=2.0, max_waiting=100)
    await queue.acquire(READS)
    waiters = [await waiting(queue) for _ in range(50)]
    pause = SHORT_WAIT / 60
    for _ in range(round(2 * OVERLOADED_AFTER / pause)):
        waiters.append(await waiting(queue))
        await clock.pass_by(pause)
        queue.release(READS, "a connection")
        assert await waiters.pop(0) == "a connection"
    # The service stalls for longer than a request may wait in an overloaded one.
    waiters.append(await waiting(queue))
    await clock.pass_by(2 * OVERLOADED_WAIT)
    assert not any(waiter.done() for waiter in waiters)
    for waiter in waiters:
        queue.release(READS, "a connection")
        await waiter


def test_a_deadline_that_has_passed_fails_no_other_waiter_on_uvloop() -> None:
    async def wait_twice() -> None:
        queue = queue_of(max_wait=0.0)
        await queue.acquire(READS)
        waiters = queue.acquire(READS), queue.acquire(READS)
        outcomes = await asyncio.gather(*waiters, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [ServiceUnavailable] * 2
        assert queue.waiting == 0
        queue.release(READS, "a connection")
        assert queue.idle == 1

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(wait_twice())


async def test_shedding_is_reported_with_the_share_and_the_reason() -> None:
    shed: list[tuple[Share, str]] = []
    queue: ConnectionQueue[str] = ConnectionQueue(
        Bounds(1), 1, 0.01, lambda share, reason: shed.append((share, reason))
    )
    await queue.acquire(READS)
    late = asyncio.create_task(queue.acquire(READS))
    await next_rounds()
    with pytest.raises(ServiceUnavailable):
        await queue.acquire(READS)
    with pytest.raises(ServiceUnavailable):
        await late
    assert shed == [(READS, "full"), (READS, "late")]


async def test_work_in_the_background_cannot_take_every_connection() -> None:
    queue = queue_of(10)
    for _ in range(2):
        await queue.acquire(REPORTS)
    third = await waiting(queue, REPORTS)
    for _ in range(8):
        await queue.acquire(READS)
    assert queue.in_use == 10
    queue.release(READS, "a connection")
    assert not third.done()
    queue.release(REPORTS, None)
    assert await third == "a connection"


async def test_writes_that_wait_for_locks_leave_connections_for_reads() -> None:
    queue = queue_of(8)
    for _ in range(6):
        await queue.acquire(WRITES)
    write, feed = await waiting(queue, WRITES), await waiting(queue, FEEDS)
    for _ in range(2):
        await queue.acquire(READS)
    read = await waiting(queue)
    queue.release(WRITES, "a connection")
    assert await write == "a connection"
    queue.release(READS, "another")
    assert await read == "another"
    assert not feed.done()
    queue.release(WRITES, "a third")
    assert await feed == "a third"
    assert queue.held_by(WRITES) == 5


async def test_each_share_has_a_queue_of_its_own_length() -> None:
    queue = queue_of(1, max_waiting=1)
    await queue.acquire(READS)
    await waiting(queue, REPORTS)
    with pytest.raises(ServiceUnavailable):
        await queue.acquire(REPORTS)
    await waiting(queue, READS)
    assert queue.waiting == 2


@pytest.mark.parametrize("size", [1, 2, 3, 4, 10, 60])
async def test_a_pool_of_any_size_serves_every_share(size: int) -> None:
    queue = queue_of(size)
    for share in Share:
        assert await queue.acquire(share) is None
        queue.release(share, None)
    assert queue.in_use == 0
