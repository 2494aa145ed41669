"""Targets of weeks, over HTTP."""

from __future__ import annotations

from typing import Any

import asyncpg

from tests.api.entries.conftest import Week, log
from tests.api.entries.test_decisions import decide, learn
from tests.support.client import Caller
from tests.support.clock import StandingClock

THIS, LAST = f"/v1/timesheets/{Week.THIS}", f"/v1/timesheets/{Week.LAST}"


def contract(since: str, each: int, days: int = 5) -> dict[str, Any]:
    minutes = [each if day < days else 0 for day in range(7)]
    return {"from": since, "minutes": minutes, "calendar": None}


async def test_a_week_and_its_days_show_the_contract_in_force(
    erin: Caller, connection: asyncpg.Connection
) -> None:
    contracts = [contract("2026-01-01", 480), contract("2026-11-26", 300, 4)]
    await learn(connection, "erin", contracts=contracts)
    week = (await erin.get(THIS)).json
    assert [day["target_minutes"] for day in week["days"]] == [480, 480, 480, 300, 0, 0, 0]
    assert week["target_minutes"] == 1740
    rules = (await erin.get("/v1/entries/rules")).json
    assert (rules["target_minutes"], rules["has_contract"]) == (1740, True)
    assert rules["targets"] == [480, 480, 480, 300, 0, 0, 0]


async def test_a_submitted_week_is_measured_by_what_held_when_it_was_submitted(
    erin: Caller, connection: asyncpg.Connection
) -> None:
    await learn(connection, "erin", contracts=[contract("2026-01-01", 480)], version=1)
    await log(erin)
    submission = (await erin.post(f"{THIS}/submit")).json["submission_id"]
    await learn(connection, "erin", contracts=[contract("2026-01-01", 120)], version=2)
    assert (await erin.get(THIS)).json["target_minutes"] == 2400
    assert (await erin.get(LAST)).json["target_minutes"] == 600
    await decide(connection, submission, "approved")
    assert (await erin.get(THIS)).json["target_minutes"] == 2400


async def test_targets_are_computed_again_when_a_week_is_resubmitted(
    erin: Caller, connection: asyncpg.Connection
) -> None:
    await learn(connection, "erin", target_minutes=2400, version=1)
    await erin.post(f"{THIS}/submit")
    await learn(connection, "erin", target_minutes=1000, version=2)
    assert (await erin.get(THIS)).json["target_minutes"] == 2400
    assert (await erin.post(f"{THIS}/withdraw")).json["target_minutes"] == 1000
    assert (await erin.post(f"{THIS}/submit")).json["target_minutes"] == 1000


async def test_a_person_without_a_target_has_none_even_later(
    erin: Caller, connection: asyncpg.Connection
) -> None:
    await learn(connection, "erin", target_minutes=None, version=1)
    assert (await erin.post(f"{THIS}/submit")).json["target_minutes"] is None
    await learn(connection, "erin", target_minutes=2400, version=2)
    assert (await erin.get(THIS)).json["target_minutes"] is None
    assert (await erin.get(LAST)).json["target_minutes"] == 2400


async def test_a_week_that_is_approved_after_its_period_was_closed_is_late(
    erin: Caller, ada: Caller, connection: asyncpg.Connection, clock: StandingClock
) -> None:
    await log(erin)
    submission = (await erin.post(f"{THIS}/submit")).json["submission_id"]
    clock.move(days=1)
    assert (await ada.put("/v1/period", {"closed_through": Week.MONDAY})).status == 200
    await decide(connection, submission, "approved")
    assert await connection.fetchval("SELECT late FROM weeks WHERE state = 'approved'") is True
    data = await connection.fetchval("SELECT data FROM events WHERE type = 'timesheet.approved'")
    assert '"late":true' in data.replace(" ", "")


async def test_a_weeks_tag_changes_when_the_week_begins(erin: Caller, clock: StandingClock) -> None:
    path = f"/v1/timesheets/{Week.NEXT}"
    before = await erin.get(path)
    assert before.json["can_submit"] is False
    clock.move(days=7)
    again = await erin.get(path, headers={"If-None-Match": before.etag})
    assert (again.status, again.json["can_submit"]) == (200, True)
