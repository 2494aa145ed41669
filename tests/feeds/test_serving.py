import asyncio
import json
import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from libs.feed.events import Event
from libs.feed.wire import data_as, decode_batch
from libs.postgres.pool import Database
from libs.postgres.settings import DatabaseSettings
from tests.feeds.conftest import NOON, Serve, Served, event, fetch, publish_all
from tests.support.client import Caller, Reply
from tests.unit.postgres.polling import until
from tests.unit.postgres.relay import Relay

FEED = "/v1/entries/feed"
LISTENERS = """
    SELECT pid FROM pg_stat_activity
    WHERE query LIKE 'LISTEN%' AND datname = current_database()
"""
IDLE = """
    SELECT count(*) = 0 FROM pg_stat_activity
    WHERE state <> 'idle' AND datname = current_database() AND pid <> pg_backend_pid()
"""


def subjects(reply: Reply) -> list[str]:
    return [one["subject"] for one in reply.json]


async def listening(publisher: Database) -> list[int]:
    await until(lambda: fetch(publisher, LISTENERS))
    return await fetch(publisher, LISTENERS)


async def is_idle(publisher: Database) -> bool:
    """Whether nothing but the asking itself is under way in the database."""
    return (await fetch(publisher, IDLE)) == [True]


async def waiting(request: asyncio.Task[Reply]) -> None:
    """Until the request has had the time to find nothing."""
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.shield(request), 0.1)


async def what_is_heard(served: Served, publisher: Database) -> list[str]:
    """By one who waits, within two seconds of its being published."""
    request = asyncio.create_task(served.caller().get(f"{FEED}?wait=30"))
    await waiting(request)
    await publish_all(publisher, event())
    return subjects(await asyncio.wait_for(request, 2))


async def test_the_feed_asks_for_its_scope(served: Served) -> None:
    anonymous = await Caller(served.session, served.url, None).get(FEED)
    other = await served.caller("read:timesheets").get(FEED)

    assert (anonymous.status, other.status) == (401, 403)
    assert 'scope="read:events"' in other.headers["WWW-Authenticate"]


async def test_the_response_is_a_batch_of_cloudevents(served: Served, publisher: Database) -> None:
    await publish_all(publisher, event("week-1", minutes=480), event("week-2", note="é"))

    reply = await served.caller().get(FEED)
    first, second = (JSONFormat().read(CloudEvent, json.dumps(one)) for one in reply.json)

    assert reply.headers["Content-Type"] == "application/cloudevents-batch+json"
    assert first.get_attributes() | {"id": ""} == {
        "specversion": "1.0",
        "id": "",
        "source": "/v1/entries",
        "type": "timesheet.submitted",
        "subject": "week-1",
        "time": NOON,
        "datacontenttype": "application/json",
        "sequence": "00000000000000000001",
    }
    assert (first.get_data(), second.get_data()) == ({"minutes": 480}, {"note": "é"})
    assert first.get_id() != second.get_id()
    assert first.get_extension("sequence") < second.get_extension("sequence")


async def test_a_follower_decodes_what_was_encoded(served: Served, publisher: Database) -> None:
    await publish_all(publisher, event("week-1", minutes=480))

    (delivery,) = decode_batch((await served.caller().get(FEED)).body)

    assert (delivery.sequence, delivery.source, delivery.type) == (
        1,
        "/v1/entries",
        "timesheet.submitted",
    )
    assert (delivery.subject, delivery.time, data_as(dict, delivery)) == (
        "week-1",
        NOON,
        {"minutes": 480},
    )


async def test_the_link_leads_through_the_whole_feed(served: Served, publisher: Database) -> None:
    await publish_all(publisher, *(event(f"week-{number}") for number in range(5)))
    seen, address = [], f"{FEED}?limit=2"
    for _ in range(4):
        reply = await served.caller().get(address)
        seen.append(subjects(reply))
        address = reply.headers["Link"].removeprefix("<").removesuffix('>; rel="next"')
        assert parse_qs(urlsplit(address).query)["after"] == [reply.headers["Feed-Cursor"]]
        assert reply.headers["Feed-Head"] == "5"

    assert seen == [["week-0", "week-1"], ["week-2", "week-3"], ["week-4"], []]
    assert "limit=2" in address


async def test_an_events_sequence_is_a_cursor_too(served: Served, publisher: Database) -> None:
    await publish_all(publisher, event("week-1"), event("week-2"))
    first = (await served.caller().get(FEED)).json[0]["sequence"]

    assert subjects(await served.caller().get(f"{FEED}?after={first}")) == ["week-2"]


@pytest.mark.parametrize(
    "query",
    [
        "after=-1",
        "after=x",
        "after=",
        "after=1_0",
        "after=123456789012345678901",
        "limit=0",
        "limit=1001",
        "limit=x",
        "wait=-1",
        "wait=31",
        "wait=nan",
        "wait=x",
        "other=1",
    ],
)
async def test_wrong_parameters_are_refused(served: Served, query: str) -> None:
    assert (await served.caller().get(f"{FEED}?{query}")).status == 422


async def test_an_answer_is_bounded_in_size(
    served: Served, publisher: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("libs.feed.serving.MAX_BYTES", 1000)
    large = [Event("t", f"week-{number}", NOON, {"note": "x" * 600}) for number in range(3)]
    await publish_all(publisher, *large)

    first = await served.caller().get(FEED)
    second = await served.caller().get(f"{FEED}?after={first.headers['Feed-Cursor']}")

    assert (subjects(first), subjects(second)) == (["week-0", "week-1"], ["week-2"])


@pytest.mark.parametrize("after", ["1", "99999999999999999999"])
async def test_a_cursor_ahead_of_the_feed_is_a_conflict(served: Served, after: str) -> None:
    """The feed's database is an older copy: what the follower has seen is gone from it."""
    reply = await served.caller().get(f"{FEED}?after={after}")

    assert reply.status == 409
    assert reply.json["type"].endswith("/cursor-ahead")


async def test_a_waiting_reader_gets_an_event_within_100_ms(
    served: Served, publisher: Database
) -> None:
    """The best of three: this machine may be doing something else."""
    await listening(publisher)
    took = []
    for after in range(3):
        request = asyncio.create_task(served.caller().get(f"{FEED}?after={after}&wait=30"))
        await waiting(request)
        began = time.perf_counter()
        await publish_all(publisher, event())
        assert subjects(await request) == ["week-1"]
        took.append(time.perf_counter() - began)

    assert min(took) < 0.1


async def test_a_reader_gets_an_empty_page_after_its_wait(served: Served) -> None:
    began = time.perf_counter()
    reply = await served.caller().get(f"{FEED}?wait=0.2")

    assert 0.2 <= time.perf_counter() - began < 10
    assert (reply.status, reply.json, reply.headers["Feed-Cursor"]) == (200, [], "0")


async def test_all_waiting_readers_share_one_connection(
    served: Served, publisher: Database
) -> None:
    before = await listening(publisher)
    requests = [
        asyncio.create_task(served.caller().get(f"{FEED}?after=0&wait=30")) for _ in range(30)
    ]
    await asyncio.gather(*(waiting(one) for one in requests))
    await until(lambda: is_idle(publisher))
    assert await fetch(publisher, LISTENERS) == before

    await publish_all(publisher, event())

    assert {len(reply.json) for reply in await asyncio.gather(*requests)} == {1}


async def test_readers_poll_without_the_listener_and_it_comes_back(
    served: Served, publisher: Database
) -> None:
    (killed,) = await listening(publisher)
    request = asyncio.create_task(served.caller().get(f"{FEED}?wait=30"))
    await waiting(request)
    await fetch(publisher, "SELECT pg_terminate_backend($1)", killed)
    await publish_all(publisher, event())

    assert subjects(await asyncio.wait_for(request, 2)) == ["week-1"]
    assert await listening(publisher) != [killed]


async def test_the_listening_connection_is_checked_and_kept(
    serve: Serve, publisher: Database, urls: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("libs.feed.notifier.ALIVE_EVERY", 0.01)
    monkeypatch.setattr("libs.feed.notifier.POLL_INTERVAL", 60)
    monkeypatch.setattr("libs.feed.notifier.POLL_INTERVAL_LISTENING", 60)
    async with serve(DatabaseSettings(urls[0])) as served:
        assert await what_is_heard(served, publisher) == ["week-1"]


async def test_readers_poll_when_no_notification_arrives(
    serve: Serve, publisher: Database, urls: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("libs.feed.notifier.CHANNEL", "somewhere_else")
    monkeypatch.setattr("libs.feed.notifier.POLL_INTERVAL_LISTENING", 0.2)
    async with serve(DatabaseSettings(urls[0])) as served:
        assert await what_is_heard(served, publisher) == ["week-1"]


async def test_waiting_readers_are_dismissed_when_the_process_drains(served: Served) -> None:
    request = asyncio.create_task(served.caller().get(f"{FEED}?wait=30"))
    await waiting(request)

    served.lifecycle.draining = True
    reply = await asyncio.wait_for(request, 1)

    assert (reply.status, reply.json) == (200, [])
    assert (await asyncio.wait_for(served.caller().get(f"{FEED}?wait=30"), 1)).json == []


async def test_when_too_many_wait_the_next_is_answered_at_once(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("libs.feed.serving.MAX_WAITING", 1)
    request = asyncio.create_task(served.caller().get(f"{FEED}?wait=30"))
    await waiting(request)

    assert (await asyncio.wait_for(served.caller().get(f"{FEED}?wait=30"), 1)).json == []
    served.lifecycle.draining = True
    await request


async def test_without_the_database_the_feed_answers_503_and_goes_on_by_itself(
    serve: Serve, publisher: Database, urls: tuple[str, str]
) -> None:
    async with Relay(urls[0]) as relay, serve(DatabaseSettings(relay.url)) as served:
        await publish_all(publisher, event())
        await relay.down()
        refused: Any = [await served.caller().get(FEED) for _ in range(3)]
        await relay.up()

        assert {reply.status for reply in refused} == {503}
        assert refused[0].headers["Retry-After"] == "1"
        await until(lambda: answers(served))


async def answers(served: Served) -> bool:
    return (await served.caller().get(FEED)).status == 200
