"""Each event takes effect exactly once, whatever is lost, repeated or cannot be handled."""

import json
from collections.abc import Sequence
from dataclasses import replace

import asyncpg
import pytest

from libs.feed import inbox
from libs.feed.events import publish
from libs.feed.wire import Delivery, data_as
from libs.postgres.pool import Database
from tests.feeds.conftest import (
    delivery,
    each,
    event,
    fetch,
    note_effect,
)
from tests.feeds.follows import Follows, cursor, dead_letters, effects
from tests.support.events import data_of

FIVE = [delivery(number, f"week-{number}", what=f"effect {number}") for number in range(1, 6)]
BOUND = ["effect 1", "effect 2", "effect 3", "effect 4", "effect 5"]


@pytest.fixture
async def follows(own: Database) -> Follows:
    made = Follows(own)
    await made.lead()
    return made


async def test_events_take_effect_in_their_order(follows: Follows) -> None:
    await follows.apply(*FIVE)

    assert await effects(follows.db) == BOUND
    assert await cursor(follows.db) == 5
    assert follows.counted("handled") == 5


async def test_an_event_that_is_delivered_again_has_no_effect(follows: Follows) -> None:
    await follows.apply(*FIVE[:3])
    await follows.apply(*FIVE[1:4])
    await follows.apply(FIVE[3], FIVE[4], FIVE[4])

    assert await effects(follows.db) == BOUND
    assert follows.counted("duplicate", "other") == 4


async def test_unknown_types_are_skipped(follows: Follows) -> None:
    await follows.apply(FIVE[0], replace(FIVE[1], type="timesheet.painted"), FIVE[2])

    assert await effects(follows.db) == ["effect 1", "effect 3"]
    assert await cursor(follows.db) == 3
    assert follows.counted("skipped", "other") == 1


async def test_an_event_that_cannot_be_handled_becomes_a_dead_letter_and_blocks_nothing(
    follows: Follows,
) -> None:
    await follows.apply(
        FIVE[0], replace(FIVE[1], data=data_of({"fail": "no such project"})), *FIVE[2:]
    )

    assert await effects(follows.db) == [BOUND[0], *BOUND[2:]]
    assert await cursor(follows.db) == 5
    assert await dead_letters(follows.db) == [(2, "LookupError: no such project")]
    assert (follows.counted("handled"), follows.counted("dead_letter")) == (4, 1)


async def test_an_event_that_the_database_refuses_becomes_a_dead_letter(own: Database) -> None:
    async def break_rule(connection: asyncpg.Connection, delivery: Delivery) -> None:
        """In the handler, by an invalid statement, or by a deferred constraint at COMMIT."""
        await connection.execute("INSERT INTO effects (what) VALUES ('must vanish')")
        await connection.execute(data_as(dict, delivery)["sql"])

    follows = Follows(own, {"timesheet.submitted": each(break_rule)})
    await follows.lead()
    await follows.apply(
        delivery(1, sql="SELECT 1"),
        delivery(2, sql="SELECT 1 / 0"),
        delivery(3, sql="SELECT nonsense"),
        delivery(4, sql="INSERT INTO effects (what, late) VALUES ('refers to nothing', -1)"),
        delivery(5, sql="SELECT 1"),
    )

    assert await effects(own) == ["must vanish", "must vanish"]
    letters = await dead_letters(own)
    assert [sequence for sequence, _ in letters] == [2, 3, 4]
    assert letters[2][1].startswith("ForeignKeyViolationError")


@pytest.mark.parametrize("reason", ["a\0b", "a\ud800b", "x" * 5000])
async def test_every_reason_can_be_stored(own: Database, reason: str) -> None:
    async def fail(_connection: asyncpg.Connection, _delivery: Delivery) -> None:
        raise LookupError(reason)

    follows = Follows(own, {"timesheet.submitted": each(fail)})
    await follows.lead()
    await follows.apply(FIVE[0])

    ((_, stored),) = await dead_letters(own)
    assert stored.startswith("LookupError: ")
    assert len(stored) <= 1000


async def test_events_that_follow_each_other_are_handled_together(own: Database) -> None:
    """Of whatever types, as long as one handler takes them."""

    async def note_page(_connection: asyncpg.Connection, events: Sequence[Delivery]) -> None:
        pages.append([one.sequence for one in events])

    async def note_other(_connection: asyncpg.Connection, events: Sequence[Delivery]) -> None:
        pages.append([-one.sequence for one in events])

    pages: list[list[int]] = []
    handlers = {"submitted": note_page, "withdrawn": note_page, "decided": note_other}
    follows = Follows(own, handlers)
    await follows.lead()
    kinds = ("submitted", "withdrawn", "painted", "submitted", "decided")
    await follows.apply(
        *(replace(one, type=kind) for one, kind in zip(FIVE, kinds, strict=True)),
    )

    assert pages == [[1, 2, 4], [-5]]


async def test_a_page_that_fails_is_halved_until_only_the_failing_event_is_left(
    own: Database,
) -> None:
    async def note_page(connection: asyncpg.Connection, events: Sequence[Delivery]) -> None:
        sizes.append(len(events))
        await each(note_effect)(connection, events)

    sizes: list[int] = []
    follows = Follows(own, {"timesheet.submitted": note_page})
    await follows.lead()
    page = [delivery(number, str(number), what=str(number)) for number in range(1, 9)]
    page[5] = delivery(6, "6", fail="broken")
    await follows.apply(*page)

    assert await effects(own) == ["1", "2", "3", "4", "5", "7", "8"]
    assert [sequence for sequence, _ in await dead_letters(own)] == [6]
    assert sizes == [8, 4, 4, 2, 1, 1, 2]


async def test_every_event_of_a_page_may_become_a_dead_letter(follows: Follows) -> None:
    await follows.apply(*(replace(one, data=data_of({"fail": "all"})) for one in FIVE))

    assert [sequence for sequence, _ in await dead_letters(follows.db)] == [1, 2, 3, 4, 5]
    assert await cursor(follows.db) == 5


async def test_events_that_handlers_publish_are_written_once_and_at_the_end(own: Database) -> None:
    async def answer(connection: asyncpg.Connection, delivery: Delivery) -> None:
        await publish(connection, event(delivery.subject, "decision.void"))
        assert await connection.fetchval("SELECT count(*) FROM events") == 0
        await note_effect(connection, delivery)

    follows = Follows(own, {"timesheet.submitted": each(answer)})
    await follows.lead()
    await follows.apply(*FIVE[:2])
    await follows.apply(*FIVE[:2])

    assert await fetch(own, "SELECT subject FROM events ORDER BY sequence") == ["week-1", "week-2"]


async def test_an_event_published_for_another_one_belongs_to_its_trace(own: Database) -> None:
    async def answer(connection: asyncpg.Connection, delivery: Delivery) -> None:
        await publish(connection, event(delivery.subject, "decision.void"), delivery.traceparent)

    trace = f"00-{'a' * 32}-{'b' * 16}-01"
    follows = Follows(own, {"timesheet.submitted": each(answer)})
    await follows.lead()
    await follows.apply(replace(FIVE[0], traceparent=trace), FIVE[1])

    assert await fetch(own, "SELECT traceparent FROM events ORDER BY sequence") == [trace, None]


async def test_a_later_event_of_the_same_subject_supersedes_a_dead_letter(
    follows: Follows,
) -> None:
    await follows.apply(delivery(1, "erin", fail="broken"), delivery(2, "pat", fail="broken"))
    await follows.apply(delivery(3, "erin", what="newer"))

    newer = await fetch(
        follows.db, "SELECT superseded_by FROM feed_set_aside ORDER BY source, sequence"
    )
    assert newer == [3, None]


async def test_a_dead_letter_is_stored_as_it_came(follows: Follows) -> None:
    came = replace(delivery(1, fail="é", hours={"2026-11-23": 480}), traceparent="00-a")
    await follows.apply(came)

    async with follows.db.connection() as connection:
        (kept,) = await inbox.list_dead_letters(connection)
        raw = await connection.fetchval("SELECT event FROM feed_set_aside")
    assert kept.delivery == came
    assert json.loads(raw)["data"]["hours"] == {"2026-11-23": 480}
