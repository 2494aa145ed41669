"""A network between a program and its database that can be made to fail."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit


class Relay:
    """Passes bytes between clients and the server behind `url`.

    `on_request`, given what a client sends, may call `cut`; what it returns is whether the server
    still gets those bytes.
    """

    def __init__(self, url: str) -> None:
        self._target = urlsplit(url)
        self._server: asyncio.Server | None = None
        self._port = 0
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self.on_request: Callable[[bytes], bool] = lambda _sent: True
        self.on_answer: Callable[[bytes], bool] = lambda _sent: True
        self.passes_ends = True
        """Whether a connection that one side closed is closed towards the other."""
        self.accepted = 0
        """The number of connections so far."""

    @property
    def url(self) -> str:
        credentials = self._target.netloc.rpartition("@")[0]
        return f"postgresql://{credentials}@127.0.0.1:{self._port}{self._target.path}"

    async def __aenter__(self) -> Self:
        await self.up()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._flowing.set()
        await self.down()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def up(self) -> None:
        """Take connections, on the port that was taken first."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def down(self) -> None:
        """Refuse connections and cut those that are there."""
        if self._server is not None:
            self._server.close()
        self.cut()

    def cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    def freeze(self) -> None:
        """Keep all connections open and pass nothing, as a network does that lost a machine."""
        self._flowing.clear()

    def thaw(self) -> None:
        self._flowing.set()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        host, port = self._target.hostname, self._target.port
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        with suppress(OSError, asyncio.CancelledError):
            async with self._connected(host, port) as (server_reader, server_writer):
                self._writers |= {writer, server_writer}
                await asyncio.gather(
                    self._pass(reader, server_writer, lambda sent: self.on_request(sent)),
                    self._pass(server_reader, writer, lambda sent: self.on_answer(sent)),
                )
        writer.transport.abort()
        self._tasks.discard(task)

    @asynccontextmanager
    async def _connected(
        self, host: str | None, port: int | None
    ) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        reader, writer = await asyncio.open_connection(host, port)
        try:
            yield reader, writer
        finally:
            writer.transport.abort()

    async def _pass(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        passes: Callable[[bytes], bool],
    ) -> None:
        while data := await reader.read(65536):
            await self._flowing.wait()
            if passes(data):
                writer.write(data)
                await writer.drain()
        if self.passes_ends:
            writer.close()
