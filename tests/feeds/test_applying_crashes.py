"""Crashes between the statements of a page."""

from dataclasses import replace

import pytest

from libs.feed.wire import Delivery
from libs.postgres.pool import Database
from libs.postgres.settings import DatabaseSettings
from libs.web.problems import ServiceUnavailable
from tests.feeds.conftest import (
    clear_lead,
    delivery,
)
from tests.feeds.follows import Follows, cursor, dead_letters, effects
from tests.support.connections import started
from tests.support.events import data_of
from tests.unit.postgres.relay import Relay

FIVE = [delivery(number, f"week-{number}", what=f"effect {number}") for number in range(1, 6)]


BOUND = ["effect 1", "effect 2", "effect 3", "effect 4", "effect 5"]


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


async def start_over(db: Database) -> None:
    async with db.connection() as connection:
        await connection.execute(
            "DELETE FROM effects; DELETE FROM feed_cursors; DELETE FROM feed_set_aside"
        )
