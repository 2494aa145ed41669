import asyncio
from collections.abc import Awaitable, Callable

import asyncpg
import pytest

from libs.feed.events import PUBLISH, deferred_publish, publish
from libs.postgres.pool import Database
from libs.web.context import LOG_FIELDS
from tests.feeds.conftest import NOON, event, fetch, publish_all

WRITERS = 20
EVENTS = 15

NAIVE = "INSERT INTO events (type, subject, time, data) VALUES ('t', 's', now(), '{}')"

Write = Callable[[asyncpg.Connection], Awaitable[object]]


async def write_naively(connection: asyncpg.Connection) -> None:
    await connection.execute(NAIVE)


async def write_by_publishing(connection: asyncpg.Connection) -> None:
    await publish(connection, event())


async def poll_while(db: Database, writing: asyncio.Task[object]) -> set[int]:
    """The numbers that a reader sees who reads behind the last number it saw."""
    seen: set[int] = set()
    last_look = False
    while not last_look:
        last_look = writing.done()
        after = max(seen, default=0)
        seen |= set(await fetch(db, "SELECT sequence FROM events WHERE sequence > $1", after))
    return seen


async def missed(db: Database, write: Write) -> int:
    """Count the events of concurrent writers that a polling reader does not see."""

    async def write_some() -> None:
        for _ in range(EVENTS):
            await db.transact(write_and_linger)

    async def write_and_linger(connection: asyncpg.Connection) -> None:
        # On a busy machine the last of the writers waits longer than a request may.
        await connection.execute("SET LOCAL lock_timeout = '30s'")
        await write(connection)
        await connection.execute("SELECT pg_sleep(random() * 0.002)")

    async def write_all() -> None:
        await asyncio.gather(*(write_some() for _ in range(WRITERS)))

    seen = await poll_while(db, asyncio.create_task(write_all()))
    there = set(await fetch(db, "SELECT sequence FROM events"))
    assert len(there) == WRITERS * EVENTS
    return len(there - seen)


async def test_numbers_that_are_simply_counted_up_make_pollers_miss_events(
    publisher: Database,
) -> None:
    """The proof that the test below proves something."""
    assert await missed(publisher, write_naively) > 0


async def test_no_reader_misses_an_event_of_20_concurrent_writers(publisher: Database) -> None:
    assert await missed(publisher, write_by_publishing) == 0


async def test_a_number_is_given_in_the_order_of_commits(publisher: Database) -> None:
    async def publish_first(connection: asyncpg.Connection) -> None:
        await publish(connection, event("first"))
        second = asyncio.create_task(publish_all(publisher, event("second")))
        waits = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        while not (await fetch(publisher, waits))[0]:
            assert not second.done()
        tasks.append(second)

    tasks: list[asyncio.Task[None]] = []
    await publisher.transact(publish_first)
    await asyncio.gather(*tasks)

    order = await fetch(publisher, "SELECT subject FROM events ORDER BY sequence")
    assert order == ["first", "second"]


async def test_a_long_transaction_that_publishes_nothing_holds_nothing_up(
    publisher: Database,
) -> None:
    async def upload(connection: asyncpg.Connection) -> None:
        await connection.execute("INSERT INTO effects (what) VALUES ('a row of a batch')")
        await asyncio.wait_for(publish_all(publisher, event()), timeout=1)
        assert await fetch(publisher, "SELECT count(*) FROM events") == [1]

    await publisher.transact(upload)


async def test_events_published_together_keep_their_order(publisher: Database) -> None:
    subjects = [f"week-{number}" for number in range(1000)]

    async def work(connection: asyncpg.Connection) -> None:
        async with deferred_publish(connection):
            for subject in subjects:
                await publish(connection, event(subject))

    await publisher.transact(work)
    assert await fetch(publisher, "SELECT subject FROM events ORDER BY sequence") == subjects


async def test_an_event_that_is_rolled_back_is_not_published(publisher: Database) -> None:
    async def publish_and_fail(connection: asyncpg.Connection) -> None:
        await publish(connection, event("undone"))
        raise LookupError

    with pytest.raises(LookupError):
        await publisher.transact(publish_and_fail)
    await publish_all(publisher, event("done"))

    assert await fetch(publisher, "SELECT subject FROM events") == ["done"]


@pytest.mark.parametrize(("kind", "subject"), [("", "week-1"), ("timesheet.submitted", "")])
async def test_an_event_has_its_type_and_its_subject(
    publisher: Database, kind: str, subject: str
) -> None:
    with pytest.raises(asyncpg.CheckViolationError, match="event_says_what_and_of_whom"):
        await publish_all(publisher, event(subject, kind))


async def test_the_data_of_an_event_is_an_object(publisher: Database) -> None:
    """Any other value could not be decoded, and would block every follower."""
    async with publisher.connection() as connection:
        with pytest.raises(asyncpg.CheckViolationError, match="event_data_is_an_object"):
            await connection.execute(PUBLISH, ["t"], ["s"], [NOON.isoformat()], [None], ["[]"])


async def test_an_event_carries_the_trace_of_the_request_that_made_it(
    publisher: Database,
) -> None:
    trace = f"00-{'a' * 32}-{'b' * 16}-01"
    token = LOG_FIELDS.set({"traceparent": trace})
    await publish_all(publisher, event())
    LOG_FIELDS.reset(token)
    await publish_all(publisher, event())

    assert await fetch(publisher, "SELECT traceparent FROM events ORDER BY sequence") == [
        trace,
        None,
    ]


async def test_work_of_many_pieces_publishes_at_its_end(publisher: Database) -> None:
    """So the others, who publish last too, never wait for it with what it still needs."""

    async def work(connection: asyncpg.Connection) -> None:
        async with deferred_publish(connection):
            await publish(connection, event("first"))
            assert await connection.fetchval("SELECT count(*) FROM events") == 0
            await asyncio.wait_for(publish_all_as_others(), timeout=1)
            await publish(connection, event("second"))

    async def publish_all_as_others() -> None:
        async with publisher.connection() as connection, connection.transaction():
            await connection.execute(PUBLISH, ["t"], ["other"], [NOON.isoformat()], [None], ["{}"])

    await publisher.transact(work)

    order = await fetch(publisher, "SELECT subject FROM events ORDER BY sequence")
    assert order == ["other", "first", "second"]


async def test_events_of_an_inner_piece_of_work_are_published_with_those_of_the_outer(
    publisher: Database,
) -> None:
    async def work(connection: asyncpg.Connection) -> None:
        async with deferred_publish(connection):
            async with deferred_publish(connection):
                await publish(connection, event("inner"))
            assert await connection.fetchval("SELECT count(*) FROM events") == 0
            await publish(connection, event("outer"))

    await publisher.transact(work)

    subjects = await fetch(publisher, "SELECT subject FROM events ORDER BY sequence")
    assert subjects == ["inner", "outer"]
