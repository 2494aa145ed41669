"""Weeks that leave nothing to work: published for approvals, and never missing."""

from __future__ import annotations

import json
import uuid
from typing import Any

import asyncpg

from tests.api.entries.conftest import Week, log
from tests.api.entries.test_calendar import absence, address, put
from tests.api.entries.test_decisions import learn
from tests.support.client import MANAGER, Caller, Service

FULL = {"from": "2026-01-01", "minutes": [480, 480, 480, 480, 480, 0, 0], "calendar": None}
HOLIDAYS = {**FULL, "calendar": "DE-BY"}


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
