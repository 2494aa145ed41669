"""A small application of a few awkward routes, over real HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web
from marshmallow import fields

from libs.web.app import create_application
from libs.web.contract import Contract, endpoint
from libs.web.logs import CALLER
from libs.web.metrics import Metrics
from libs.web.problems import ServiceUnavailable
from libs.web.request_body import BODY_SECONDS
from libs.web.schemas import Day, PageQuery, StrictSchema, Text, Truth, WholeNumber
from libs.web.server import running
from libs.web.settings import Environment, WebSettings
from libs.web.validation import body_of, query_of
from tests.support.client import Caller


class NoteSchema(StrictSchema):
    minutes = WholeNumber(minimum=1, maximum=60, required=True)
    note = Text(maximum=10, load_default="")
    day = Day()
    urgent = Truth()
    inner = fields.Nested(StrictSchema.from_dict({"a/b": WholeNumber(minimum=0, maximum=1)}))


async def crash(_request: web.Request) -> web.Response:
    raise RuntimeError("the password is swordfish")


@endpoint(Contract(summary="Echo", query=PageQuery(), body=NoteSchema(), answers={200: None}))
async def echo(request: web.Request) -> web.Response:
    body = body_of(request, dict)
    return web.json_response({"note": body["note"], "limit": query_of(request, dict)["limit"]})


@endpoint(Contract(summary="Wait", answers={200: None}))
async def wait(_request: web.Request) -> web.Response:
    await asyncio.sleep(0.2)
    return web.Response(text="done")


@endpoint(Contract(summary="Stream", answers={200: None}))
async def stream(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    await response.write(b"piece by piece")
    return response


@endpoint(Contract(summary="Refuse", answers={200: None}))
async def refuse(_request: web.Request) -> web.Response:
    raise ServiceUnavailable("Too busy.") from DatabaseError()


class DatabaseError(Exception):
    """As the database's errors do, it names its SQLSTATE."""

    sqlstate = "55P03"


ROUTES = [
    web.get("/stream", stream, allow_head=False),
    web.get("/refuse/{id}", refuse, allow_head=False),
    web.get("/crash/{id}", crash, allow_head=False),
    web.post("/echo", echo),
    web.get("/wait", wait, allow_head=False),
]


async def name_caller(request: web.Request) -> None:
    if "X-Caller" in request.headers:
        request[CALLER] = request.headers["X-Caller"]


def web_settings(**variables: str) -> WebSettings:
    ports = {"HOST": "127.0.0.1", "PORT": "0", "ADMIN_PORT": "0", "SHUTDOWN_DELAY": "0"}
    return WebSettings.read(Environment({**ports, **variables}))


def make_app(settings: WebSettings) -> web.Application:
    return create_application(settings, Metrics(), ROUTES, [name_caller])


class Served:
    def __init__(
        self, app: web.Application, session: aiohttp.ClientSession, ports: tuple[int, int]
    ) -> None:
        self.app = app
        self.port = ports[0]
        self.caller = Caller(session, f"http://127.0.0.1:{ports[0]}", None)
        self.admin = Caller(session, f"http://127.0.0.1:{ports[1]}", None)


@pytest.fixture
async def served(session: aiohttp.ClientSession) -> AsyncIterator[Served]:
    settings = web_settings(CORS_ORIGINS="https://app.example", RATE_LIMIT="2")
    app = make_app(settings)
    app[BODY_SECONDS] = 0.2
    async with running(app, settings) as ports:
        yield Served(app, session, ports)
