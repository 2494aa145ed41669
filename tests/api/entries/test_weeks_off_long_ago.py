"""Weeks off of long ago are published whenever they change: `overdue` has no limit."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta

import asyncpg
import pytest

from libs.postgres.pool import Database
from services.entries.commands.weeks_off import publish_changed_holidays, publish_known_people
from services.entries.store.holiday_calendars import holidays_of
from tests.api.entries.agency import learn as learn_silently
from tests.api.entries.test_decisions import NOW, learn
from tests.api.entries.test_weeks_off import FULL, MONDAYS, published
from tests.support.client import Caller
from tests.support.clock import StandingClock

LONG_AFTER = NOW + timedelta(weeks=120)
NOTHING = {**FULL, "from": "2026-11-30", "minutes": [0] * 7}
SINCE_2020 = {**MONDAYS, "from": "2020-01-01"}
# Easter Monday, the only working day of MONDAYS.
EASTER_2024 = "2024-W14"


async def submit(caller: Caller, week: str) -> None:
    assert (await caller.post(f"/v1/timesheets/{week}/submit")).status == 200


async def test_a_contract_is_corrected_in_every_week_since_the_person_is_known(
    ada: Caller, connection: asyncpg.Connection
) -> None:
    del ada
    await learn(connection, "erin", contracts=[FULL])
    await published(connection)
    await learn(connection, "erin", at=LONG_AFTER, contracts=[FULL, NOTHING], version=2)
    weeks = await published(connection)
    assert (weeks[0], len(weeks)) == (("2026-W49", True), 120 + 61)
    await learn(connection, "erin", at=LONG_AFTER, contracts=[FULL], version=3)
    assert await published(connection) == [(week, False) for week, _ in weeks]


async def test_the_weeks_after_one_of_long_ago_are_published_once_it_is_submitted(
    erin: Caller, connection: asyncpg.Connection
) -> None:
    await learn(connection, "erin", contracts=[SINCE_2020])
    weeks = dict(await published(connection))
    assert EASTER_2024 not in weeks
    await submit(erin, "2024-W10")
    earlier = dict(await published(connection))
    assert earlier[EASTER_2024]
    assert not earlier.keys() & weeks.keys()
    await submit(erin, "2024-W12")
    assert await published(connection) == []
    await learn(connection, "erin", contracts=[SINCE_2020, FULL], version=2)
    assert EASTER_2024 not in dict(await published(connection))
    await learn(connection, "erin", contracts=[{**FULL, "from": "2020-01-01"}], version=3)
    assert (await published(connection))[0] == (EASTER_2024, False)


async def test_weeks_submitted_before_the_person_was_known_are_followed_by_weeks_off(
    erin: Caller, connection: asyncpg.Connection
) -> None:
    await submit(erin, "2024-W10")
    await learn(connection, "erin", contracts=[SINCE_2020])
    assert (await published(connection))[0] == (EASTER_2024, True)


async def test_another_version_of_the_library_changes_weeks_of_long_ago(
    erin: Caller,
    connection: asyncpg.Connection,
    database: Database,
    clock: StandingClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await learn(connection, "erin", contracts=[SINCE_2020])
    await submit(erin, "2024-W10")
    await publish_changed_holidays(database, clock.now())
    await published(connection)

    def without_easter(calendar: str, year: int) -> dict[date, str]:
        days = dict(holidays_of(calendar, year))
        days.pop(date(2024, 4, 1), None)
        return days

    monkeypatch.setattr("services.entries.commands.weeks_off.holidays_of", without_easter)
    monkeypatch.setattr("services.entries.store.calendar.holidays_of", without_easter)
    await publish_changed_holidays(database, clock.now())
    assert await published(connection) == [(EASTER_2024, False)]


async def test_people_whom_an_earlier_release_knew_are_published_once(
    connection: asyncpg.Connection, database: Database, clock: StandingClock
) -> None:
    await learn_silently(connection, "mona", contracts=[SINCE_2020])
    await learn_silently(connection, "gone", contracts=[SINCE_2020], active=False)
    await asyncio.gather(*(publish_known_people(database, clock.now()) for _ in range(3)))
    weeks = await published(connection)
    assert weeks[0] == ("2023-W52", True)
    assert ("2026-W15", True) in weeks
    assert ("2027-W13", True) in weeks
    assert weeks == sorted(set(weeks))
    await publish_known_people(database, clock.now())
    assert await published(connection) == []


async def test_an_earlier_release_may_have_published_other_weeks(
    ada: Caller, connection: asyncpg.Connection
) -> None:
    del ada
    await learn_silently(connection, "mona", contracts=[SINCE_2020], version=1)
    await learn(connection, "mona", contracts=[FULL], version=2)
    weeks = await published(connection)
    assert (weeks[0], len(weeks)) == (("2023-W48", False), 156 + 62)
