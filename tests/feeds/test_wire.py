import json
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from libs.auth import MachineTokens
from libs.feed.client import FeedClient, FeedUnavailable
from libs.feed.wire import CONTENT_TYPE, InvalidBatch, decode_batch
from tests.support.issuer import Issuer

GOOD: dict[str, Any] = {
    "specversion": "1.0",
    "id": "1",
    "source": "/v1/entries",
    "type": "timesheet.submitted",
    "subject": "week-1",
    "time": "2026-11-23T12:00:00Z",
    "sequence": "00000000000000000001",
    "data": {},
}


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in GOOD.items() if key != name}


def test_a_batch_may_be_empty_and_events_may_have_unknown_attributes() -> None:
    (one,) = decode_batch(json.dumps([GOOD | {"dataschema": "urn:x", "colour": "red"}]).encode())

    assert decode_batch(b"[]") == []
    assert (one.sequence, one.subject) == (1, "week-1")


@pytest.mark.parametrize(
    "batch",
    [
        "",
        "nonsense",
        "{}",
        "[1]",
        '["\\ud800"]',
        *(json.dumps([without(name)]) for name in GOOD),
        json.dumps([GOOD | {"specversion": "0.3"}]),
        json.dumps([GOOD | {"type": ""}]),
        json.dumps([GOOD | {"time": "yesterday"}]),
        json.dumps([GOOD | {"time": "2026-11-23T12:00:00"}]),
        json.dumps([GOOD | {"time": 5}]),
        json.dumps([GOOD | {"sequence": "first"}]),
        json.dumps([GOOD | {"sequence": None}]),
        json.dumps([GOOD | {"data": []}]),
        json.dumps([GOOD | {"datacontenttype": ""}]),
        json.dumps([GOOD | {"dataschema": None}]),
        json.dumps([GOOD | {"not allowed": "x"}]),
        json.dumps([GOOD | {"sequence": "2"}, GOOD]),
    ],
)
def test_anything_but_a_batch_of_events_in_order_is_refused(batch: str) -> None:
    with pytest.raises(InvalidBatch):
        decode_batch(batch.encode())


@pytest.mark.parametrize(
    ("status", "content_type", "head", "body"),
    [
        (200, "application/json", "1", "[]"),
        (200, CONTENT_TYPE, "many", "[]"),
        (200, CONTENT_TYPE, "1", "[{}]"),
        (302, CONTENT_TYPE, "1", "[]"),
        (404, CONTENT_TYPE, "1", "[]"),
        (500, "text/html", "1", "<html>"),
    ],
)
async def test_an_invalid_response_counts_as_an_unavailable_feed(
    issuer: Issuer,
    session: aiohttp.ClientSession,
    status: int,
    content_type: str,
    head: str,
    body: str,
) -> None:
    async def show_feed(_request: web.Request) -> web.Response:
        headers = {"Feed-Head": head, "Content-Type": content_type, "Location": "/elsewhere"}
        return web.Response(status=status, text=body, headers=headers)

    app = web.Application()
    app.router.add_get("/feed", show_feed)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    tokens = MachineTokens(
        session, issuer.token_url, "follower", "follower-secret", issuer.audience
    )
    client = FeedClient(session, "http://{}:{}/feed".format(*runner.addresses[0]), tokens)

    with pytest.raises(FeedUnavailable):
        await client.fetch(0, 10, 0)
    await runner.cleanup()
