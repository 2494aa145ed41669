"""A load that retries nothing: one kept-alive connection a worker, every answer counted."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Call:
    """A request to send; `body` is JSON, or empty."""

    method: str
    path: str
    body: bytes = b""


@dataclass(slots=True)
class Tally:
    """The responses, and every failure in words."""

    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        """The number of responses."""
        return sum(self.statuses.values())

    def count(self, method: str, status: int) -> int:
        """The number of responses to this method with this status."""
        return self.statuses[method, status]


class Worker:
    """Sends one request after the other over one connection, or a new one each time."""

    def __init__(self, url: str, token: str, tally: Tally) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port or 80
        self._token = token
        self._tally = tally
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def send(self, call: Call) -> None:
        """Send a call and count its response or its failure. Raises nothing for either."""
        try:
            status = await self._exchange(call)
            self._tally.statuses[call.method, status] += 1
        except (OSError, asyncio.IncompleteReadError, ValueError) as error:
            self._tally.failures.append(f"{call.method} {call.path}: {error!r}")
            await self.close()

    async def close(self) -> None:
        """Close the connection; the next call opens another."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None

    async def _exchange(self, call: Call) -> int:
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._host, self._port)
        reader, writer = self._streams
        head = (
            f"{call.method} {call.path} HTTP/1.1\r\nHost: api\r\n"
            f"Authorization: Bearer {self._token}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(call.body)}\r\n\r\n"
        )
        writer.write(head.encode() + call.body)
        answer = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = answer.split("content-length: ")[1].split("\r\n")[0]
        await reader.readexactly(int(length))
        if "connection: close" in answer:
            await self.close()
        return int(answer.split(" ", 2)[1])


async def steady_load(
    url: str, token: str, rate: float, make_call: Callable[[int], Call], until: asyncio.Event
) -> Tally:
    """`rate` requests a second over 20 connections until the event; the last ones are finished."""
    tally, workers, numbers = Tally(), 20, itertools.count()

    async def work(worker: Worker) -> None:
        while not until.is_set():
            await worker.send(make_call(next(numbers)))
            await asyncio.sleep(workers / rate)
        await worker.close()

    await asyncio.gather(*(work(Worker(url, token, tally)) for _ in range(workers)))
    return tally
