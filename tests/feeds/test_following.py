"""Followers against a real feed: the lease, the end of a follower, and metrics."""

import asyncio
import time
from dataclasses import replace

import asyncpg
import pytest
from aiohttp import web
from prometheus_client import CollectorRegistry, generate_latest
from structlog.testing import capture_logs

from libs.auth import MachineSettings
from libs.feed.client import Batch, FeedClient
from libs.feed.following import Source, follow
from libs.feed.schema import FEED_V1_DOWN, FEED_V1_UP
from libs.feed.wire import Delivery, data_as
from libs.postgres.pool import Database, database_context
from libs.postgres.settings import DatabaseSettings
from libs.web.metrics import METRICS, Metrics
from tests.conftest import Databases
from tests.feeds.conftest import (
    HANDLERS,
    QUICK,
    SOURCE,
    Replicas,
    Serve,
    Served,
    each,
    event,
    fetch,
    note_effect,
    publish_all,
)
from tests.unit.postgres.polling import until
from tests.unit.postgres.relay import Relay

EFFECTS = "SELECT what FROM effects ORDER BY number"


async def has_effects(db: Database, *expected: str) -> bool:
    return await fetch(db, EFFECTS) == list(expected)


def metric(registry: CollectorRegistry, name: str) -> float | None:
    return registry.get_sample_value(f"timesheets_feed_{name}", {"source": SOURCE})


async def test_events_take_effect_at_once_and_in_order(
    publisher: Database, own: Database, replicas: Replicas
) -> None:
    await publish_all(publisher, event(what="a"), event(what="b"))
    await replicas.start()
    await until(lambda: has_effects(own, "a", "b"))

    effects, took = ["a", "b"], []
    for what in "cde":
        effects.append(what)
        began = time.perf_counter()
        await publish_all(publisher, event(what=what))
        await until(lambda: has_effects(own, *effects))
        took.append(time.perf_counter() - began)

    # The best of three: this machine may be doing something else.
    assert min(took) < 0.5


async def test_a_new_start_goes_on_where_the_last_one_ended(
    publisher: Database, own: Database, replicas: Replicas
) -> None:
    await publish_all(publisher, event(what="a"))
    task, _ = await replicas.start()
    await until(lambda: has_effects(own, "a"))
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await publish_all(publisher, event(what="b"))

    await replicas.start()
    await until(lambda: has_effects(own, "a", "b"))


async def test_of_many_replicas_one_follows(
    publisher: Database, own: Database, replicas: Replicas
) -> None:
    patient = replace(QUICK, lease=60)
    registries = [(await replicas.start(pace=patient))[1] for _ in range(4)]
    await until(lambda: any(metric(registry, "following") for registry in registries))
    for number in range(20):
        await publish_all(publisher, event(what=str(number)))
    await until(lambda: has_effects(own, *map(str, range(20))))

    assert sorted(metric(registry, "following") or 0 for registry in registries) == [0, 0, 0, 1]
    handled = [
        registry.get_sample_value(
            "timesheets_feed_events_total",
            {"source": SOURCE, "type": "timesheet.submitted", "outcome": "handled"},
        )
        for registry in registries
    ]
    assert sorted(handled, key=lambda count: count or 0) == [None, None, None, 20]


async def test_when_the_one_that_follows_ends_another_goes_on_at_once(
    publisher: Database, own: Database, replicas: Replicas
) -> None:
    patient = replace(QUICK, lease=60)
    first, _ = await replicas.start(pace=patient)
    await publish_all(publisher, event(what="a"))
    await until(lambda: has_effects(own, "a"))
    await replicas.start(pace=patient)

    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    began = time.perf_counter()
    await publish_all(publisher, event(what="b"))
    await until(lambda: has_effects(own, "a", "b"))

    assert time.perf_counter() - began < patient.lease / 2


async def test_when_the_one_that_follows_dies_another_goes_on_once_its_lease_is_over(
    publisher: Database,
    own: Database,
    replicas: Replicas,
    follower_settings: DatabaseSettings,
) -> None:
    async with Relay(follower_settings.dsn) as relay:
        await replicas.start(settings=replace(follower_settings, dsn=relay.url))
        await publish_all(publisher, event(what="a"))
        await until(lambda: has_effects(own, "a"))
        _, second = await replicas.start()

        await relay.down()
        began = time.perf_counter()
        await publish_all(publisher, event(what="b"))
        await until(lambda: has_effects(own, "a", "b"))

        assert time.perf_counter() - began < QUICK.lease + 20
        assert metric(second, "following") == 1
        await replicas.stop()


async def test_the_next_page_is_read_while_one_is_applied(
    publisher: Database, own: Database, replicas: Replicas, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def note_fetch(client: FeedClient, after: int, limit: int, wait: float) -> Batch:
        requested.append(after)
        return await fetch_page(client, after, limit, wait)

    async def hesitate(connection: asyncpg.Connection, delivery: Delivery) -> None:
        await until(lambda: 10 in requested)
        await note_effect(connection, delivery)

    requested: list[int] = []
    fetch_page = FeedClient.fetch
    monkeypatch.setattr(FeedClient, "fetch", note_fetch)
    expected = [str(number) for number in range(12)]
    await publish_all(publisher, *(event(what=what) for what in expected))
    await replicas.start({"timesheet.submitted": each(hesitate)})

    await until(lambda: has_effects(own, *expected))
    assert requested[:2] == [0, 10]


async def test_a_follower_that_is_always_busy_keeps_the_lease(
    publisher: Database, own: Database, replicas: Replicas
) -> None:
    """No page is empty here, so the lease is not renewed for that."""

    async def is_renewed() -> bool:
        await publish_all(publisher, event(what="more"))
        return await fetch(own, held_until) > first

    held_until = "SELECT held_until FROM feed_cursors"
    await replicas.start(pace=replace(QUICK, wait=30, lease=30.1))
    await publish_all(publisher, event(what="a"))
    await until(lambda: has_effects(own, "a"))
    first = await fetch(own, held_until)

    await until(is_renewed)


async def test_a_paused_process_does_not_disturb_its_successor(
    publisher: Database,
    own: Database,
    replicas: Replicas,
    follower_settings: DatabaseSettings,
) -> None:
    """A process that the machine froze in the middle of a transaction comes back too late."""

    async def stand_still(connection: asyncpg.Connection, delivery: Delivery) -> None:
        await note_effect(connection, delivery)
        if not frozen.is_set():
            frozen.set()
            relay.freeze()

    frozen = asyncio.Event()
    dying = replace(follower_settings, idle_in_transaction_timeout=0.2)
    async with Relay(follower_settings.dsn) as relay:
        await replicas.start(
            {"timesheet.submitted": each(stand_still)}, replace(dying, dsn=relay.url)
        )
        await publish_all(publisher, event(what="a"))
        await frozen.wait()
        await replicas.start()
        await until(lambda: has_effects(own, "a"))
        relay.thaw()
        await publish_all(publisher, event(what="b"))
        await until(lambda: has_effects(own, "a", "b"))
        await replicas.stop()


async def test_events_are_caught_up_with_after_the_feed_was_down(
    serve: Serve,
    publisher: Database,
    own: Database,
    replicas: Replicas,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("libs.feed.following.LONGEST_PAUSE", 0.1)
    with capture_logs() as lines:
        async with serve(publisher.settings) as other:
            _, registry = await replicas.start(served=other)
            await publish_all(publisher, event(what="a"))
            await until(lambda: has_effects(own, "a"))
        await until(lambda: bool(metric(registry, "failures_total")))
    await publish_all(publisher, event(what="b"))
    port = int(other.url.rpartition(":")[2])
    async with serve(publisher.settings, port):
        await until(lambda: has_effects(own, "a", "b"))
        await replicas.stop()

    unusual = [line for line in lines if line["log_level"] in ("warning", "error", "critical")]
    assert {line["event"] for line in unusual} == {"a feed cannot be followed now"}


async def test_a_token_that_is_no_longer_taken_is_replaced(
    publisher: Database, own: Database, replicas: Replicas, served: Served
) -> None:
    answer = {
        "access_token": served.issuer.machine_token("follower", "read:events", aud="elsewhere"),
        "token_type": "Bearer",
        "expires_in": 3600,
    }
    served.issuer.token_answer = lambda: web.json_response(answer)
    await publish_all(publisher, event(what="a"))
    _, registry = await replicas.start()
    await until(lambda: bool(metric(registry, "failures_total")))
    served.issuer.token_answer = None

    await until(lambda: has_effects(own, "a"))


async def test_dead_letters_are_counted(
    publisher: Database, own: Database, replicas: Replicas
) -> None:
    await publish_all(publisher, event(fail="broken"), event("week-2", what="b"))
    _, registry = await replicas.start()

    await until(lambda: has_effects(own, "b"))
    await until(lambda: metric(registry, "dead_letters") == 1)


async def test_the_lag_is_reported_and_zero_once_all_is_applied(
    publisher: Database, replicas: Replicas
) -> None:
    async def hesitate(connection: asyncpg.Connection, delivery: Delivery) -> None:
        if data_as(dict, delivery)["what"] == "3":
            await released.wait()
        await note_effect(connection, delivery)

    released = asyncio.Event()
    await publish_all(publisher, *(event(what=str(number)) for number in range(5)))
    _, registry = await replicas.start(
        {"timesheet.submitted": each(hesitate)}, pace=replace(QUICK, limit=3)
    )
    await until(lambda: metric(registry, "lag_events") == 2)
    assert (metric(registry, "lag_seconds") or 0) > 0
    released.set()

    await until(lambda: metric(registry, "lag_events") == 0)
    assert metric(registry, "lag_seconds") == 0
    last = metric(registry, "last_success_timestamp_seconds") or 0
    assert abs(time.time() - last) < 60


async def test_a_feed_that_was_set_back_is_not_followed(
    publisher: Database, own: Database, replicas: Replicas, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its database is an older copy: what comes next may differ from what was seen of it."""
    monkeypatch.setattr("libs.feed.following.LONGEST_PAUSE", 0.1)
    await publish_all(publisher, event(what="a"), event(what="b"))
    _, registry = await replicas.start()
    await until(lambda: has_effects(own, "a", "b"))
    async with publisher.connection() as connection:
        await connection.execute("DELETE FROM events WHERE sequence = 2")

    await until(lambda: bool(metric(registry, "failures_total")))
    assert await fetch(own, "SELECT after FROM feed_cursors") == [2]


async def test_following_goes_on_after_an_unexpected_error(
    publisher: Database, own: Database, replicas: Replicas, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("libs.feed.following.LONGEST_PAUSE", 0.1)
    async with own.connection() as connection:
        await connection.execute("ALTER TABLE feed_cursors RENAME TO elsewhere")
    await publish_all(publisher, event(what="a"))
    with capture_logs() as lines:
        _, registry = await replicas.start()
        await until(lambda: bool(metric(registry, "failures_total")))
    async with own.connection() as connection:
        await connection.execute("ALTER TABLE elsewhere RENAME TO feed_cursors")

    await until(lambda: has_effects(own, "a"))
    assert "following failed" in {line["event"] for line in lines}


async def test_an_application_follows_from_its_start_to_its_end(
    served: Served, publisher: Database, own: Database, follower_settings: DatabaseSettings
) -> None:
    app = web.Application()
    app[METRICS] = Metrics()
    machine = MachineSettings("follower", "follower-secret", served.issuer.token_url)
    source = Source(SOURCE, served.feed_url)
    app.cleanup_ctx.extend(
        [
            database_context(follower_settings),
            follow([source], {SOURCE: HANDLERS}, machine, served.issuer.audience),
        ]
    )
    runner = web.AppRunner(app)
    await runner.setup()
    await publish_all(publisher, event(what="a"))
    await until(lambda: has_effects(own, "a"))
    page = generate_latest(app[METRICS].registry).decode()
    await runner.cleanup()

    assert 'timesheets_feed_following{source="entries"} 1.0' in page
    assert await fetch(own, "SELECT holder FROM feed_cursors") == [None]


async def test_the_tables_can_be_taken_back(databases: Databases) -> None:
    connection = await asyncpg.connect(databases.empty())
    await connection.execute(FEED_V1_UP)
    await connection.execute(FEED_V1_DOWN)
    left = await connection.fetchval(
        "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"
    )
    await connection.close()

    assert left == 0
