"""Weeks that leave nothing to work: published for approvals, and never missing."""

from __future__ import annotations

import asyncio
import json
import uuid
from datetime import date
from typing import Any

import asyncpg
import pytest

from libs.postgres.pool import Database
from services.entries.commands.weeks_off import publish_changed_holidays, publish_new_weeks
from services.entries.store.holiday_calendars import holidays_of
from tests.api.entries.conftest import Week, log
from tests.api.entries.test_calendar import absence, address, put
from tests.api.entries.test_decisions import learn
from tests.support.client import MANAGER, Caller, Service
from tests.support.clock import StandingClock

FULL = {"from": "2026-01-01", "minutes": [480, 480, 480, 480, 480, 0, 0], "calendar": None}
HOLIDAYS = {**FULL, "calendar": "DE-BY"}
MONDAYS = {**HOLIDAYS, "minutes": [480, 0, 0, 0, 0, 0, 0]}


async def published(connection: asyncpg.Connection) -> list[tuple[str, bool]]:
    """(week, off) of the events since the last call."""
    records = await connection.fetch(
        "DELETE FROM events WHERE type = 'absence.changed' RETURNING sequence, subject, data"
    )
    found: list[tuple[str, bool]] = []
    for record in sorted(records, key=lambda each: int(each["sequence"])):
        data: dict[str, Any] = json.loads(record["data"])
        assert record["subject"] == f"{data['person']}/{data['week']}"
        found.append((data["week"], data["off"]))
    return found


async def missing(entries: Service, week: str) -> list[str]:
    maya = entries.caller("maya", MANAGER)
    items = (await maya.get(f"/v1/reports/missing?week={week}")).json["items"]
    return [item["person"] for item in items]


async def test_an_absence_publishes_the_weeks_it_touches(
    erin: Caller, connection: asyncpg.Connection
) -> None:
    await learn(connection, "erin", contracts=[FULL])
    await published(connection)
    path = address()
    await put(erin, absence("2026-12-07", "2026-12-16"), path)
    assert await published(connection) == [("2026-W50", True), ("2026-W51", False)]
    await put(erin, absence("2026-12-07", "2026-12-16"), path)
    assert await published(connection) == []
    await put(erin, absence("2026-12-07", "2026-12-10"), path)
    assert await published(connection) == [("2026-W50", False), ("2026-W51", False)]
    await erin.delete(path)
    assert await published(connection) == [("2026-W50", False)]


async def test_a_half_day_leaves_something_to_work(
    erin: Caller, connection: asyncpg.Connection
) -> None:
    await learn(connection, "erin", contracts=[FULL])
    await put(erin, absence("2026-12-07", "2026-12-10"))
    await put(erin, absence("2026-12-11", portion=0.5, kind="sick"))
    assert ("2026-W50", True) not in await published(connection)
    await put(erin, absence("2026-12-11", portion=0.5))
    assert await published(connection) == [("2026-W50", True)]


async def test_a_company_day_is_published_for_people_left_without_a_target(
    erin: Caller, ada: Caller, connection: asyncpg.Connection
) -> None:
    await learn(connection, "erin", contracts=[FULL])
    await learn(connection, "carl", contracts=[FULL])
    await put(erin, absence("2026-12-07", "2026-12-10"))
    await published(connection)
    await ada.put("/v1/holidays/2026-12-11", {"name": "Company day"})
    assert await published(connection) == [("2026-W50", True)]
    await ada.put("/v1/holidays/2026-12-11", {"name": "Outing"})
    assert await published(connection) == []
    await ada.delete("/v1/holidays/2026-12-11")
    assert await published(connection) == [("2026-W50", False)]


async def test_another_calendar_publishes_the_weeks_that_it_changes(
    erin: Caller, connection: asyncpg.Connection
) -> None:
    await learn(connection, "erin", contracts=[FULL])
    await put(erin, absence("2026-12-21", "2026-12-24"))
    await published(connection)
    await learn(connection, "erin", contracts=[HOLIDAYS], version=2)
    assert await published(connection) == [("2026-W52", True)]
    await learn(connection, "erin", contracts=[HOLIDAYS], version=3, name="Erin E.")
    assert await published(connection) == []


async def test_weeks_of_nothing_but_holidays_are_published_as_time_goes_on(
    ada: Caller, connection: asyncpg.Connection, database: Database, clock: StandingClock
) -> None:
    del ada
    await learn(connection, "mona", contracts=[MONDAYS])
    easter_2027, easter_2028 = ("2027-W13", True), ("2028-W16", True)
    assert easter_2027 in (known := await published(connection))
    assert easter_2028 not in known
    await publish_new_weeks(database, clock.now())
    assert easter_2028 not in await published(connection)
    clock.move(weeks=30)
    await publish_new_weeks(database, clock.now())
    assert easter_2028 in (later := await published(connection))
    assert easter_2027 not in later
    await publish_new_weeks(database, clock.now())
    assert await published(connection) == []


async def test_holidays_of_another_version_of_the_library_are_published(
    ada: Caller,
    connection: asyncpg.Connection,
    database: Database,
    clock: StandingClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    del ada
    await learn(connection, "mona", contracts=[MONDAYS])
    await learn(connection, "erin", contracts=[HOLIDAYS])
    await learn(connection, "paul", contracts=[{**MONDAYS, "calendar": "US-CA"}])
    await publish_changed_holidays(database, clock.now())
    await published(connection)

    def moved(calendar: str, year: int) -> dict[date, str]:
        """Easter Monday of 2027 a week later, and a new holiday long ago."""
        days = dict(holidays_of(calendar, year))
        if calendar == "DE-BY" and days.pop(date(2027, 3, 29), ""):
            days |= {date(2027, 4, 5): "Easter Monday", date(2020, 1, 2): "Old"}
        return days

    monkeypatch.setattr("services.entries.commands.weeks_off.holidays_of", moved)
    monkeypatch.setattr("services.entries.store.calendar.holidays_of", moved)
    replicas = (publish_changed_holidays(database, clock.now()) for _ in range(3))
    await asyncio.gather(*replicas)
    weeks = await published(connection)
    assert sorted(weeks) == [
        ("2027-W13", False),
        ("2027-W13", False),
        ("2027-W14", False),
        ("2027-W14", True),
    ]
    await publish_changed_holidays(database, clock.now())
    assert await published(connection) == []


async def test_an_absence_far_ahead_is_looked_at_again_when_its_week_comes_into_sight(
    erin: Caller, connection: asyncpg.Connection, database: Database, clock: StandingClock
) -> None:
    await learn(connection, "erin", contracts=[FULL])
    await put(erin, absence("2028-05-01", "2028-05-05"))
    assert ("2028-W18", True) in await published(connection)
    six_days = {**FULL, "from": "2028-04-01", "minutes": [400, 400, 400, 400, 400, 400, 0]}
    await learn(connection, "erin", contracts=[FULL, six_days], version=2)
    assert await published(connection) == []
    clock.move(weeks=30)
    await publish_new_weeks(database, clock.now())
    assert await published(connection) == [("2028-W18", False)]


async def test_a_contract_of_no_hours_leaves_nothing_to_work(
    entries: Service, ada: Caller, connection: asyncpg.Connection
) -> None:
    del ada
    await learn(connection, "maya", manager=None, contracts=[FULL])
    none = {**FULL, "minutes": [0, 0, 0, 0, 0, 0, 0], "from": "2026-11-11"}
    await learn(connection, "erin", contracts=[FULL, none])
    await learn(connection, "carl", contracts=[], target_minutes=0)
    weeks = await published(connection)
    assert weeks[0] == ("2026-W47", True)
    assert {off for _, off in weeks} == {True}
    assert await missing(entries, "2026-W47") == ["auth0|carl"]
    assert await missing(entries, "2026-W46") == ["auth0|carl", "auth0|erin"]


async def test_somebody_who_comes_back_is_off_as_the_calendar_says_today(
    ada: Caller, connection: asyncpg.Connection
) -> None:
    await learn(connection, "mona", contracts=[MONDAYS])
    await learn(connection, "mona", contracts=[MONDAYS], version=2, active=False)
    await ada.put("/v1/holidays/2026-12-07", {"name": "Company day"})
    await published(connection)
    await learn(connection, "mona", contracts=[MONDAYS], version=3)
    weeks = dict(await published(connection))
    assert (weeks["2026-W50"], weeks["2026-W51"]) == (True, False)


async def test_somebody_who_was_off_all_week_is_not_missing_without_hours(
    entries: Service, erin: Caller, connection: asyncpg.Connection
) -> None:
    await learn(connection, "maya", manager=None)
    for key in ("erin", "carl"):
        await learn(connection, key, contracts=[FULL])
    assert await missing(entries, Week.THIS) == ["auth0|carl", "auth0|erin"]
    await put(erin, absence(Week.MONDAY, "2026-11-27"))
    assert await missing(entries, Week.THIS) == ["auth0|carl"]
    await log(erin, date=Week.MONDAY, id=str(uuid.uuid4()))
    assert await missing(entries, Week.THIS) == ["auth0|carl", "auth0|erin"]


async def test_a_week_is_measured_by_the_days_between_joining_and_leaving(
    entries: Service, erin: Caller, connection: asyncpg.Connection
) -> None:
    await learn(connection, "maya", manager=None)
    await learn(connection, "erin", contracts=[FULL], since="2026-11-24", until="2026-11-25")
    week = (await erin.get("/v1/timesheets/2026-W48")).json
    assert [day["target_minutes"] for day in week["days"]] == [None, 480, 480, *[None] * 4]
    assert week["target_minutes"] == 960
    assert (await erin.get("/v1/timesheets/2026-W47")).json["target_minutes"] is None
    maya = entries.caller("maya", MANAGER)
    [row] = (await maya.get("/v1/reports/missing?week=2026-W48")).json["items"]
    assert (row["person"], row["target_minutes"]) == ("auth0|erin", 960)


async def test_somebody_who_was_off_on_each_day_until_leaving_was_off_all_week(
    erin: Caller, connection: asyncpg.Connection
) -> None:
    await learn(connection, "maya", manager=None)
    await learn(connection, "erin", contracts=[FULL])
    await put(erin, absence("2026-12-07", "2026-12-08"))
    await published(connection)
    await learn(connection, "erin", version=2, contracts=[FULL], until="2026-12-08")
    assert await published(connection) == [("2026-W50", True)]
    await learn(connection, "erin", version=3, contracts=[FULL], until="2026-12-09")
    assert await published(connection) == [("2026-W50", False)]
    await learn(connection, "erin", version=4, contracts=[MONDAYS], since="2026-12-08")
    weeks = dict(await published(connection))
    assert weeks["2026-W50"]


async def test_pages_of_missing_people_are_full_despite_absences(
    entries: Service, connection: asyncpg.Connection
) -> None:
    await learn(connection, "maya", manager=None)
    for number in range(9):
        key = f"person{number}"
        await learn(connection, key, contracts=[FULL])
        if number % 3:
            caller = entries.caller(key)
            await put(caller, absence(Week.MONDAY, "2026-11-27"))
    maya = entries.caller("maya", MANAGER)
    seen: list[str] = []
    path: str | None = f"/v1/reports/missing?week={Week.THIS}&limit=2"
    while path:
        page = (await maya.get(path)).json
        seen += [item["person"] for item in page["items"]]
        path = page["next"]
    assert seen == ["auth0|person0", "auth0|person3", "auth0|person6"]
