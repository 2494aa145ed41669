"""The floor: the queries of the services behind nothing, as little as aiohttp and asyncpg need.

It does not authenticate (X-Person names the caller), validate, log, measure or limit anything. The
database constraints are the same.
"""

from __future__ import annotations

import os
import uuid
from datetime import date, timedelta

import asyncpg
import msgspec
from aiohttp import web

from services.entries.store.entries import INSERT, LIST

POOL = web.AppKey("POOL", asyncpg.Pool)


async def list_entries(request: web.Request) -> web.Response:
    person = request.headers["X-Person"]
    since, until = (date.fromisoformat(request.query[name]) for name in ("from", "to"))
    after = until + timedelta(days=1)
    async with request.app[POOL].acquire() as connection:
        records = await connection.fetch(
            LIST, person, since, until, after, uuid.UUID(int=0), None, 51
        )
    return _json({"items": [dict(record) for record in records]}, 200)


async def create_entry(request: web.Request) -> web.Response:
    person, new = request.headers["X-Person"], msgspec.json.decode(await request.read())
    day = date.fromisoformat(new["date"])
    values = (day, new["project"], new["minutes"], new.get("task"), new.get("note", ""), True)
    async with request.app[POOL].acquire() as connection:
        record = await connection.fetchrow(INSERT, person, uuid.uuid4(), "app", *values)
    return _json(dict(record), 201)


def _json(payload: object, status: int) -> web.Response:
    body = msgspec.json.encode(payload)
    return web.Response(body=body, status=status, content_type="application/json")


async def create_app() -> web.Application:
    app = web.Application()
    app[POOL] = await asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=2, max_size=10)
    app.router.add_get("/v1/entries", list_entries)
    app.router.add_post("/v1/entries", create_entry)
    return app


if __name__ == "__main__":
    web.run_app(
        create_app(), host="127.0.0.1", port=int(os.environ["PORT"]), access_log=None, print=None
    )
