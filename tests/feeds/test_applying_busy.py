"""Events while the database is busy, and leases while events are applied."""

import asyncio

import asyncpg
import pytest
from structlog.testing import capture_logs

from libs.feed import inbox
from libs.feed.applying import CONFLICT_ROUNDS, LeaseLost
from libs.feed.wire import Delivery
from libs.postgres.errors import ConcurrentUpdate, DatabaseBusy
from libs.postgres.pool import Database
from tests.feeds.conftest import (
    SOURCE,
    clear_lead,
    delivery,
    each,
    note_effect,
)
from tests.feeds.follows import Follows, cursor, dead_letters, effects

FIVE = [delivery(number, f"week-{number}", what=f"effect {number}") for number in range(1, 6)]


BOUND = ["effect 1", "effect 2", "effect 3", "effect 4", "effect 5"]


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
