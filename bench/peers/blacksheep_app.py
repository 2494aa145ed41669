"""The same two endpoints with BlackSheep, asyncpg, msgspec and PyJWT on granian, for speed.

    granian --interface asgi bench.peers.blacksheep_app:app

It checks what the services check in these two requests, remembers verified tokens until they
expire and logs each request. It has no metrics, no rate limit and no problems in RFC 9457's form;
its pool does not reset connections.
"""

from __future__ import annotations

import datetime as dt
import logging
import os
import sys
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import asyncpg
import jwt
import msgspec
from blacksheep import Application, Content, Request, Response
from msgspec import Meta

ISSUER, AUDIENCE = os.environ["AUTH_ISSUER"], os.environ["AUTH_AUDIENCE"]
COLUMNS = (
    "id, person, date, project, task, minutes, note, billable, source, external_id, version, "
    "created_at, updated_at"
)
LIST = f"""
    SELECT {COLUMNS} FROM entries WHERE person = $1 AND date BETWEEN $2 AND $3
    ORDER BY date DESC, id DESC LIMIT $4
"""
INSERT = f"""
    INSERT INTO entries (person, id, date, project, task, minutes, note, billable, source)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'app') RETURNING {COLUMNS}
"""
PROJECT = "SELECT active, billable FROM projects WHERE code = $1"
WEEK = "SELECT state, minutes FROM weeks WHERE person = $1 AND monday = $2"
REMEMBERED_TOKENS = 10_000

logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(asctime)s %(message)s")
log = logging.getLogger("access")
keys = jwt.PyJWKClient(f"{ISSUER}.well-known/jwks.json", cache_keys=True)
verified: dict[str, dict[str, Any]] = {}
app = Application()


class NewEntry(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a request that creates an entry."""

    date: dt.date
    project: Annotated[str, Meta(max_length=32)]
    minutes: Annotated[int, Meta(ge=1, le=1440)]
    task: Annotated[str, Meta(max_length=200)] | None = None
    note: Annotated[str, Meta(max_length=2000)] = ""
    billable: bool | None = None


_decode = msgspec.json.Decoder(NewEntry).decode
_encode = msgspec.json.Encoder().encode


class Refused(Exception):
    """A response that is no success; `status` is that of HTTP."""

    def __init__(self, status: int, title: str) -> None:
        super().__init__(title)
        self.status, self.title = status, title


async def keep_connection(_connection: asyncpg.Connection) -> None:
    """In place of asyncpg's reset, which is a round trip for each request."""


@app.on_start
async def connect(application: Application) -> None:
    """Open the pool of at most ten connections."""
    pool = await asyncpg.create_pool(
        os.environ["DATABASE_URL"], min_size=2, max_size=10, reset=keep_connection
    )
    application.services.register(asyncpg.Pool, instance=pool)


async def access_log(
    request: Request, handler: Callable[[Request], Awaitable[Response]]
) -> Response:
    """Log each request with its status and seconds, and turn `Refused` into a response."""
    began = time.perf_counter()
    try:
        response = await handler(request)
    except Refused as refusal:
        response = _json({"title": refusal.title}, refusal.status)
    log.info(
        '"%s %s" %d %.6f', request.method, request.url.path.decode(), response.status,
        time.perf_counter() - began,
    )  # fmt: skip
    return response


app.middlewares.append(access_log)


def caller(request: Request, scope: str) -> str:
    """Return the `sub` of the token. Raises `Refused` with 401, or 403 without the scope."""
    header = request.get_first_header(b"authorization") or b""
    kind, _, token = header.decode().partition(" ")
    if kind != "Bearer":
        raise Refused(401, "No token")
    claims = verified.get(token)
    if claims is None or claims["exp"] <= time.time():
        claims = _verify(token)
    if scope not in claims.get("scope", "").split():
        raise Refused(403, "Missing scope")
    return str(claims["sub"])


def _verify(token: str) -> dict[str, Any]:
    try:
        key = keys.get_signing_key_from_jwt(token)
        claims = jwt.decode(token, key, algorithms=["RS256"], audience=AUDIENCE, issuer=ISSUER)
    except jwt.PyJWTError as error:
        raise Refused(401, "Invalid token") from error
    if len(verified) >= REMEMBERED_TOKENS:
        verified.clear()
    verified[token] = claims
    return claims


@app.router.get("/v1/entries")
async def list_entries(request: Request, pool: asyncpg.Pool) -> Response:
    """List the person's entries of some days, newest first."""
    person, query = caller(request, "read:timesheets"), request.query
    try:
        since, until = (dt.date.fromisoformat(query[name][0]) for name in ("from", "to"))
        limit = int(query.get("limit", ["50"])[0])
    except (KeyError, ValueError) as error:
        raise Refused(422, "Wrong query") from error
    async with pool.acquire() as connection:
        records = await connection.fetch(LIST, person, since, until, limit)
    return _json({"items": [dict(record) for record in records]}, 200)


@app.router.post("/v1/entries")
async def create_entry(request: Request, pool: asyncpg.Pool) -> Response:
    """Create an entry of the person after the same checks as in the service."""
    person = caller(request, "create:timesheets")
    try:
        new = _decode(await request.read() or b"")
    except msgspec.MsgspecError as error:
        raise Refused(422, "Wrong fields") from error
    async with pool.acquire() as connection, connection.transaction():
        project = await connection.fetchrow(PROJECT, new.project)
        weekday = new.date.weekday()
        week = await connection.fetchrow(WEEK, person, new.date - dt.timedelta(days=weekday))
        if project is None or not project["active"]:
            raise Refused(422, "No such project")
        if week is not None and week["state"] != "open":
            raise Refused(409, f"The week is {week['state']}")
        if week is not None and week["minutes"][weekday] + new.minutes > 1440:
            raise Refused(422, "More than 24 hours a day")
        billable = project["billable"] if new.billable is None else new.billable
        values = (new.date, new.project, new.task, new.minutes, new.note, billable)
        record = await connection.fetchrow(INSERT, person, uuid.uuid4(), *values)
    return _json(dict(record), 201)


def _json(payload: object, status: int) -> Response:
    return Response(status, content=Content(b"application/json", _encode(payload)))
