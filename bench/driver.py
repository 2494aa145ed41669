"""Two ways to load a service: at a fixed rate, and over a fixed number of connections.

Open loop (`send_at_rate`): requests arrive when they are due, whatever became of those before, and
the latency counts from that moment. A stalled server is charged with all the requests that came
meanwhile; a closed loop would just not send them (coordinated omission).

Closed loop (`keep_busy`): a connection sends its next request when it has the response.

Both run on the event loop of this process. Its timers have a resolution of a millisecond, so
requests leave up to 1 ms late: `Outcome.lag` tells, and is part of the latencies.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import time
from array import array
from collections import Counter, deque
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

import msgspec

from bench.exchange import BROKEN, Connection, OnResponse, connect
from bench.percentiles import percentile
from libs.web.problems import ServiceUnavailable

MOST_CONNECTIONS = 256
"""Requests that are due while so many are under way wait in the driver, and their clock runs."""
UNAVAILABLE = ServiceUnavailable.status
MOST_LAG = 5.0
"""Milliseconds. A driver that is later than that at its p99 measures itself."""


class _Problem(msgspec.Struct):
    title: str = ""
    detail: str = ""


@dataclass(slots=True)
class Outcome:
    """The responses of one run. Latencies in milliseconds."""

    seconds: float = 0.0
    good: array[float] = field(default_factory=lambda: array("d"))
    """The latency of each response with a status below 400."""
    refused: array[float] = field(default_factory=lambda: array("d"))
    """The latency of each 503."""
    problems: Counter[str] = field(default_factory=Counter)
    """By status and detail, all other responses and the 503s."""
    late: array[float] = field(default_factory=lambda: array("d"))
    """The delay between when each request was due and when it was sent."""
    cpu: float = 0.0
    """The share of a core that this process took."""

    @property
    def rate(self) -> float:
        """Good responses a second."""
        return len(self.good) / self.seconds

    @property
    def failed(self) -> int:
        """The number of requests without a good response."""
        return sum(self.problems.values())

    @property
    def lag(self) -> float:
        """The p99 of the delay between when a request was due and when it was sent."""
        return percentile(self.late, 0.99)

    def latency(self, share: float) -> float:
        """A percentile of the good responses."""
        return percentile(self.good, share)

    def add(self, status: int, body: bytes, milliseconds: float) -> None:
        """Count one response. A status of `BROKEN` stands for a lost connection."""
        if BROKEN < status < 400:
            self.good.append(milliseconds)
            return
        if status == UNAVAILABLE:
            self.refused.append(milliseconds)
        self.problems[_in_words(status, body)] += 1

    def describe(self) -> str:
        """One line for the progress."""
        return (
            f"{self.rate:,.0f}/s p50 {self.latency(0.5):.1f} p99 {self.latency(0.99):.1f} "
            f"p99.9 {self.latency(0.999):.1f} ms, lag p99 {self.lag:.1f} ms, driver {self.cpu:.2f} "
            f"of a core, not good: {dict(self.problems) or 'none'}"
        )


def _in_words(status: int, body: bytes) -> str:
    if status == BROKEN:
        return "broken"
    try:
        problem = msgspec.json.decode(body, type=_Problem)
    except msgspec.DecodeError:
        return str(status)
    return f"{status} {problem.detail or problem.title}"


def schedule(rate: float, seconds: float) -> Iterator[float]:
    """The moments at which requests are due, in seconds from the start: evenly, `rate` a second."""
    return (number / rate for number in range(round(rate * seconds)))


async def send_at_rate(
    url: str,
    requests: Iterator[bytes],
    moments: Iterator[float],
    until: asyncio.Event | None = None,
    connections: int = MOST_CONNECTIONS,
) -> Outcome:
    """Send the next of `requests` at each of the moments, and wait for all responses.

    With `until` it ends early, when that is set.
    """
    loop_, outcome = asyncio.get_running_loop(), Outcome()
    sender = _Sender(outcome)
    async with _opened(url, connections, sender.on_response) as idle:
        sender.idle.extend(idle)
        with _measured(outcome):
            start = loop_.time()
            for moment in moments:
                due = start + moment
                if (early := due - loop_.time()) > 0:
                    await asyncio.sleep(early)
                if until is not None and until.is_set():
                    break
                sender.submit(due, next(requests))
            await sender.all_answered()
    return outcome


class _Sender:
    """Sends what is due over an idle connection, or over the next that becomes idle."""

    def __init__(self, outcome: Outcome) -> None:
        self.idle: deque[Connection] = deque()
        self._outcome = outcome
        self._time = asyncio.get_running_loop().time
        self._waiting: deque[tuple[float, bytes]] = deque()
        self._under_way = 0
        self._answered = asyncio.Event()

    def submit(self, due: float, request: bytes) -> None:
        self._outcome.late.append((self._time() - due) * 1000)
        self._under_way += 1
        if self.idle:
            self._send(self.idle.pop(), due, request)
        else:
            self._waiting.append((due, request))

    async def all_answered(self) -> None:
        while self._under_way:
            self._answered.clear()
            await self._answered.wait()

    def on_response(self, connection: Connection, status: int, body: bytes) -> None:
        if status == BROKEN and connection in self.idle:  # an idle one was closed
            self.idle.remove(connection)
            return
        self._outcome.add(status, body, (self._time() - connection.tag) * 1000)
        self._under_way -= 1
        if status == BROKEN:
            if not self.idle and not self._under_way:
                raise RuntimeError("every connection broke")
        elif self._waiting:
            self._send(connection, *self._waiting.popleft())
        else:
            self.idle.append(connection)
        if not self._under_way:
            self._answered.set()

    def _send(self, connection: Connection, due: float, request: bytes) -> None:
        connection.tag = due
        connection.send(request)


async def keep_busy(
    url: str, requests: Sequence[bytes], connections: int, seconds: float
) -> Outcome:
    """Send the requests in turn over that many connections for that long."""
    loop_, outcome = asyncio.get_running_loop(), Outcome()
    following = itertools.cycle(requests)
    over = asyncio.Event()

    def on_response(connection: Connection, status: int, body: bytes) -> None:
        if over.is_set():
            return
        now = loop_.time()
        outcome.add(status, body, (now - connection.tag) * 1000)
        if status != BROKEN:
            connection.tag = now
            connection.send(next(following))

    async with _opened(url, connections, on_response) as opened:
        with _measured(outcome):
            for connection in opened:
                connection.tag = loop_.time()
                connection.send(next(following))
            await asyncio.sleep(seconds)
            over.set()
    return outcome


@asynccontextmanager
async def _opened(
    url: str, connections: int, on_response: OnResponse
) -> AsyncIterator[list[Connection]]:
    opened = [await connect(url, on_response) for _ in range(connections)]
    try:
        yield opened
    finally:
        for connection in opened:
            connection.close()


@contextmanager
def _measured(outcome: Outcome) -> Iterator[None]:
    """Time the run. The garbage collector would stop the driver for milliseconds."""
    gc.disable()
    began, before = time.perf_counter(), time.process_time()
    try:
        yield
    finally:
        outcome.seconds = time.perf_counter() - began
        outcome.cpu = (time.process_time() - before) / outcome.seconds
        gc.enable()
