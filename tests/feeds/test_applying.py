"""Each event takes effect exactly once, whatever is lost, repeated or cannot be handled."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace

import asyncpg
import pytest
from structlog.testing import capture_logs

from libs.feed import inbox
from libs.feed.applying import CONFLICT_ROUNDS, LeaseLost
from libs.feed.events import publish
from libs.feed.wire import Delivery, data_as
from libs.postgres.errors import ConcurrentUpdate, DatabaseBusy
from libs.postgres.pool import Database
from libs.postgres.settings import DatabaseSettings
from libs.web.problems import ServiceUnavailable
from tests.feeds.conftest import (
    SOURCE,
    delivery,
    each,
    event,
    fetch,
    note_effect,
    started,
)
from tests.feeds.follows import Follows, cursor, dead_letters, effects
from tests.support.events import data_of
from tests.unit.postgres.relay import Relay

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


async def take_lock(connection: asyncpg.Connection, delivered: Delivery) -> None:
    await connection.execute("SELECT pg_advisory_xact_lock(99)")
    await note_effect(connection, delivered)


async def take_too_long(connection: asyncpg.Connection, _delivered: Delivery) -> None:
    await connection.execute("SET LOCAL statement_timeout = '1ms'; SELECT pg_sleep(10)")


async def test_an_event_is_retried_while_a_lock_is_held_and_then_handled(own: Database) -> None:
    follows = Follows(own, {"timesheet.submitted": each(take_lock)})
    await follows.lead()
    async with own.connection() as connection, connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(99)")
        for _ in range(2):
            with pytest.raises(DatabaseBusy):
                await follows.apply(*FIVE)
    await follows.apply(*FIVE)

    assert await effects(own) == BOUND
    assert await dead_letters(own) == []


async def test_a_busy_database_never_makes_an_event_a_dead_letter(own: Database) -> None:
    follows = Follows(own, {"timesheet.submitted": each(take_too_long)})
    await follows.lead()
    with capture_logs() as lines:
        for _ in range(20):
            with pytest.raises(DatabaseBusy):
                await follows.apply(FIVE[0])

    assert await dead_letters(own) == []
    assert await cursor(own) == 0
    assert follows.registry.get_sample_value("timesheets_feed_busy_total", {"source": SOURCE}) == 20
    assert {(line["log_level"], line["sqlstate"]) for line in lines} == {("warning", "57014")}


async def test_events_before_one_that_finds_the_database_busy_are_applied(own: Database) -> None:
    async def handle(connection: asyncpg.Connection, delivered: Delivery) -> None:
        handle_one = take_too_long if delivered.sequence == 3 else note_effect
        await handle_one(connection, delivered)

    follows = Follows(own, {"timesheet.submitted": each(handle)})
    await follows.lead()
    with pytest.raises(DatabaseBusy):
        await follows.apply(*FIVE)

    assert await effects(own) == BOUND[:2]
    assert await cursor(own) == 2


async def test_an_event_that_always_violates_a_constraint_becomes_a_dead_letter(
    own: Database,
) -> None:
    async def lose(_connection: asyncpg.Connection, _delivered: Delivery) -> None:
        raise ConcurrentUpdate("day_has_24_hours")

    follows = Follows(own, {"timesheet.submitted": each(lose)})
    await follows.lead()
    for _ in range(CONFLICT_ROUNDS - 1):
        with pytest.raises(DatabaseBusy):
            await follows.apply(FIVE[0])
    await follows.apply(FIVE[0])

    assert await dead_letters(own) == [(1, "ConcurrentUpdate: day_has_24_hours")]


async def test_applying_events_renews_the_lease(own: Database) -> None:
    first, second = Follows(own), Follows(own)
    await first.lead(seconds=0)
    await first.apply(FIVE[0])

    assert await second.lead() is None


async def test_a_process_that_lost_the_lease_applies_nothing(own: Database) -> None:
    first, second = Follows(own), Follows(own)
    await first.lead(seconds=0)
    assert await second.lead() is not None

    with pytest.raises(LeaseLost):
        await first.apply(*FIVE)
    assert await effects(own) == []
    await second.apply(*FIVE)
    assert await effects(own) == BOUND


async def test_two_processes_that_both_believe_to_hold_the_lease_apply_each_event_once(
    own: Database,
) -> None:
    """The row of the cursor decides, not who is believed to be the one."""
    first, second = Follows(own), Follows(own)
    second.applier._holder = first.holder
    await first.lead()

    await asyncio.gather(first.apply(*FIVE), second.apply(*FIVE))

    assert await effects(own) == BOUND


async def test_nobody_takes_the_lease_while_events_are_applied_even_if_it_has_expired(
    own: Database,
) -> None:
    async def let_others_try(connection: asyncpg.Connection, delivery: Delivery) -> None:
        tried.append(await second.lead())
        await note_effect(connection, delivery)

    tried: list[inbox.FollowerLease | None] = []
    first = Follows(own, {"timesheet.submitted": each(let_others_try)})
    second = Follows(own)
    await first.lead(seconds=0)
    await first.apply(FIVE[0])

    assert tried == [None]
    await clear_lead(own)
    lead = await second.lead()
    assert lead is not None
    assert lead.after == 1


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


class Crash:
    """Cuts the way to the database at its n-th message, before or after it arrives there."""

    def __init__(self, relay: Relay, messages: int, *, arrives: bool) -> None:
        self._relay = relay
        self._left = messages
        self._arrives = arrives
        self.happened = False
        relay.on_request = self._on_request

    def _on_request(self, _sent: bytes) -> bool:
        self._left -= 1
        if self._left >= 0:
            return True
        self.happened = True
        # A process that is dead does not come back and try again.
        self._relay.on_request = self._cut
        if not self._arrives:
            return self._cut(b"")
        self._relay.on_answer = self._cut
        return True

    def _cut(self, _sent: bytes) -> bool:
        self._relay.cut()
        return False


@pytest.mark.parametrize("arrives", [False, True], ids=["lost", "unanswered"])
async def test_a_crash_between_any_two_statements_neither_loses_nor_doubles_an_effect(
    own: Database, follower_settings: DatabaseSettings, arrives: bool
) -> None:
    """One of the events cannot be handled, so that every way of applying them is taken."""
    batch = [FIVE[0], replace(FIVE[1], data=data_of({"fail": "broken"}))]
    crashes = 0
    while True:
        async with Relay(follower_settings.dsn) as relay:
            happened = await crash_at(relay, follower_settings, crashes, batch, arrives=arrives)
        survivor = Follows(own)
        await clear_lead(own)
        assert await survivor.lead() is not None
        await survivor.apply(*batch)

        assert await effects(own) == ["effect 1"], f"after a crash at message {crashes}"
        assert [sequence for sequence, _ in await dead_letters(own)] == [2]
        assert await cursor(own) == 2
        if not happened:
            break
        await start_over(own)
        crashes += 1

    assert crashes > 20


async def crash_at(
    relay: Relay,
    settings: DatabaseSettings,
    messages: int,
    batch: list[Delivery],
    *,
    arrives: bool,
) -> bool:
    dying = replace(settings, dsn=relay.url, pool_max=1)
    async with started(dying) as db:
        follows = Follows(db)
        await follows.lead()
        crash = Crash(relay, messages, arrives=arrives)
        try:
            await follows.apply(*batch)
        except ServiceUnavailable:
            assert crash.happened
        return crash.happened


async def clear_lead(db: Database) -> None:
    async with db.connection() as connection:
        await connection.execute("UPDATE feed_cursors SET held_until = '-infinity'")


async def start_over(db: Database) -> None:
    async with db.connection() as connection:
        await connection.execute(
            "DELETE FROM effects; DELETE FROM feed_cursors; DELETE FROM feed_set_aside"
        )


async def test_a_dead_letter_is_stored_as_it_came(follows: Follows) -> None:
    came = replace(delivery(1, fail="é", hours={"2026-11-23": 480}), traceparent="00-a")
    await follows.apply(came)

    async with follows.db.connection() as connection:
        (kept,) = await inbox.list_dead_letters(connection)
        raw = await connection.fetchval("SELECT event FROM feed_set_aside")
    assert kept.delivery == came
    assert json.loads(raw)["data"]["hours"] == {"2026-11-23": 480}
