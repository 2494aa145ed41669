"""The floor: the queries of the services behind nothing, as little as aiohttp and asyncpg need.

It does not authenticate (X-Person names the caller), validate, log, measure or limit anything, and
it repairs no connection. The database constraints are the same.
"""

from __future__ import annotations

import asyncio
import os
import uuid
from collections import deque
from datetime import date, timedelta

import asyncpg
import msgspec
import uvloop
from aiohttp import web

from services.entries.store.entries import INSERT, LIST

CONNECTIONS = 10

_encode = msgspec.json.Encoder().encode
_no_id = uuid.UUID(int=0)


class Connections:
    """Open connections, held by hand: asyncpg's own pool resets them after each request."""

    def __init__(self, idle: list[asyncpg.Connection]) -> None:
        self._idle = idle
        self._waiting: deque[asyncio.Future[asyncpg.Connection]] = deque()

    async def acquire(self) -> asyncpg.Connection:
        """Take an idle connection, or wait for a released one, first come first served."""
        if self._idle:
            return self._idle.pop()
        future = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        return await future

    def release(self, connection: asyncpg.Connection) -> None:
        """Hand the connection to the first that waits, or keep it."""
        if self._waiting:
            self._waiting.popleft().set_result(connection)
        else:
            self._idle.append(connection)


HELD = web.AppKey("HELD", Connections)


async def list_entries(request: web.Request) -> web.Response:
    """Respond with a page of a person's entries, newest first."""
    query = request.query
    since, until = date.fromisoformat(query["from"]), date.fromisoformat(query["to"])
    after = until + timedelta(days=1)
    held = request.app[HELD]
    connection = await held.acquire()
    try:
        records = await connection.fetch(
            LIST, request.headers["X-Person"], since, until, after, _no_id, None, 51
        )
    finally:
        held.release(connection)
    return _json({"items": [dict(record) for record in records]}, 200)


async def create_entry(request: web.Request) -> web.Response:
    """Insert an entry and respond with 201."""
    new = msgspec.json.decode(await request.read())
    day = date.fromisoformat(new["date"])
    values = (day, new["project"], new["minutes"], new.get("task"), new.get("note", ""), True)
    held = request.app[HELD]
    connection = await held.acquire()
    try:
        record = await connection.fetchrow(
            INSERT, request.headers["X-Person"], uuid.uuid4(), "app", *values
        )
    finally:
        held.release(connection)
    return _json(dict(record), 201)


def _json(payload: object, status: int) -> web.Response:
    return web.Response(body=_encode(payload), status=status, content_type="application/json")


async def create_app() -> web.Application:
    """Connect to `DATABASE_URL` and return the application with its two routes."""
    address = os.environ["DATABASE_URL"]
    app = web.Application()
    app[HELD] = Connections([await asyncpg.connect(address) for _ in range(CONNECTIONS)])
    app.router.add_get("/v1/entries", list_entries)
    app.router.add_post("/v1/entries", create_entry)
    return app


if __name__ == "__main__":
    on_uvloop = os.environ["EVENT_LOOP"] == "uvloop"
    web.run_app(
        create_app(),
        host="127.0.0.1",
        port=int(os.environ["PORT"]),
        access_log=None,
        print=None,
        loop=uvloop.new_event_loop() if on_uvloop else None,
    )
