"""Weeks over HTTP: totals, submitting, withdrawing, locks."""

from __future__ import annotations

import pytest

from libs.web.resources import answer_schema, page_schema
from services.entries.schemas.timesheets import TimesheetAnswer, TimesheetSummary
from tests.api.entries.conftest import Week, draft, log
from tests.support.client import Caller
from tests.support.clock import StandingClock

THIS = f"/v1/timesheets/{Week.THIS}"


async def test_a_week_shows_its_totals_by_day_and_project(erin: Caller) -> None:
    await log(erin, minutes=90)
    await log(erin, minutes=30, project="ZEUS")
    await log(erin, minutes=60, date="2026-11-29")
    week = (await erin.get(THIS)).json
    assert answer_schema(TimesheetAnswer)().validate(week) == {}
    assert week["total_minutes"] == 180
    assert week["target_minutes"] is None
    assert week["by_day"] == {
        "2026-11-23": 120,
        "2026-11-24": 0,
        "2026-11-25": 0,
        "2026-11-26": 0,
        "2026-11-27": 0,
        "2026-11-28": 0,
        "2026-11-29": 60,
    }
    assert week["by_project"] == {"APOLLO": 150, "ZEUS": 30}
    assert len(week["entries"]) == 3
    assert (week["state"], week["can_submit"], week["can_withdraw"]) == ("open", True, False)


async def test_a_week_that_was_never_touched_is_open_and_empty(erin: Caller) -> None:
    reply = await erin.get("/v1/timesheets/2026-W40")
    assert (reply.status, reply.json["version"], reply.json["entries"]) == (200, 0, [])
    assert answer_schema(TimesheetAnswer)().validate(reply.json) == {}


@pytest.mark.parametrize("week", ["2026-W54", "2025-W53", "now", "2026-11-23"])
async def test_an_invalid_week_is_reported(erin: Caller, week: str) -> None:
    reply = await erin.get(f"/v1/timesheets/{week}")
    assert (reply.status, reply.codes) == (422, {("/week", "invalid")})


async def test_weeks_are_listed_newest_first_with_the_empty_ones(erin: Caller) -> None:
    await log(erin, minutes=90)
    reply = await erin.get("/v1/timesheets?from=2026-W45&to=2026-11-24")
    assert page_schema(TimesheetSummary)().validate(reply.json) == {}
    assert [(week["week"], week["total_minutes"]) for week in reply.json["items"]] == [
        ("2026-W48", 90),
        ("2026-W47", 0),
        ("2026-W46", 0),
        ("2026-W45", 0),
    ]
    assert len((await erin.get("/v1/timesheets")).json["items"]) == 12


async def test_weeks_come_in_pages_too(erin: Caller) -> None:
    seen: list[str] = []
    path = "/v1/timesheets?from=2026-W42&to=2026-W48&limit=3"
    while path:
        reply = await erin.get(path)
        seen += [week["week"][-2:] for week in reply.json["items"]]
        path = reply.json["next"]
    assert seen == ["48", "47", "46", "45", "44", "43", "42"]
    assert (await erin.get("/v1/timesheets?from=1999-W01&to=2026-W01")).status == 422


async def test_a_submitted_week_is_locked_and_says_so(erin: Caller) -> None:
    entry = await log(erin)
    submitted = await erin.post(f"{THIS}/submit")
    assert submitted.status == 200
    week = submitted.json
    assert (week["state"], week["can_submit"], week["can_withdraw"]) == ("submitted", False, True)
    assert week["submission_id"]
    assert {day["lock_reason"] for day in week["days"]} == {"submitted"}
    assert {entry["can_edit"] for entry in week["entries"]} == {False}
    address = entry.headers["Location"]
    for attempt in (
        await erin.post("/v1/entries", draft()),
        await erin.put(address, draft(minutes=5)),
        await erin.patch(address, {"note": "x"}),
        await erin.patch(address, {"date": "2026-11-16"}),
        await erin.delete(address),
    ):
        assert (attempt.status, attempt.json["lock_reason"]) == (409, "submitted")
        assert attempt.json["unlock"] == "Withdraw the week, or wait until it is decided."
    assert (await erin.put(address, draft())).status == 200


async def test_no_entry_moves_into_a_locked_week(erin: Caller) -> None:
    entry = await log(erin, date="2026-11-16")
    await erin.post(f"{THIS}/submit")
    moved = await erin.patch(entry.headers["Location"], {"date": Week.MONDAY})
    assert (moved.status, moved.json["lock_reason"]) == (409, "submitted")


async def test_a_withdrawn_week_is_open_again_and_its_history_shows_it(erin: Caller) -> None:
    await log(erin)
    first = (await erin.post(f"{THIS}/submit")).json["submission_id"]
    withdrawn = await erin.post(f"{THIS}/withdraw")
    assert (withdrawn.json["state"], withdrawn.json["submission_id"]) == ("open", None)
    await log(erin)
    again = (await erin.post(f"{THIS}/submit")).json
    assert again["submission_id"] != first
    assert [(step["event"], step["total_minutes"]) for step in again["history"]] == [
        ("submitted", 60),
        ("withdrawn", 60),
        ("submitted", 120),
    ]
    assert again["history"][1]["submission_id"] == first
    assert again["history"][0]["actor"] == "auth0|erin"


async def test_steps_from_the_wrong_state_are_conflicts(erin: Caller) -> None:
    assert (await erin.post(f"{THIS}/withdraw")).status == 409
    assert (await erin.post(f"{THIS}/submit")).status == 200
    twice = await erin.post(f"{THIS}/submit")
    assert (twice.status, twice.json["state"]) == (409, "submitted")


async def test_an_empty_week_can_be_submitted_and_one_to_come_cannot(erin: Caller) -> None:
    assert (await erin.post("/v1/timesheets/2026-W47/submit")).status == 200
    refused = await erin.post("/v1/timesheets/2026-W49/submit")
    assert (refused.status, refused.json["detail"]) == (409, "The week has not begun.")


async def test_only_what_was_seen_is_submitted(erin: Caller) -> None:
    await log(erin)
    seen = await erin.get(THIS)
    await log(erin)
    stale = await erin.post(f"{THIS}/submit", headers={"If-Match": seen.etag})
    assert stale.status == 412
    assert stale.json["current"]["total_minutes"] == 120
    fresh = {"If-Match": (await erin.get(THIS)).etag}
    assert (await erin.post(f"{THIS}/submit", headers=fresh)).status == 200


async def test_an_unchanged_week_is_not_sent_again(
    erin: Caller, ada: Caller, clock: StandingClock
) -> None:
    entry = await log(erin)
    week = await erin.get(THIS)
    same = {"If-None-Match": week.etag}
    assert (await erin.get(THIS, headers=same)).status == 304
    await erin.patch(entry.headers["Location"], {"note": "only words"})
    assert (await erin.get(THIS, headers=same)).status == 200
    same = {"If-None-Match": (await erin.get(THIS)).etag}
    clock.move(days=1)
    assert (await ada.put("/v1/period", {"closed_through": Week.MONDAY})).status == 200
    assert (await erin.get(THIS, headers=same)).status == 200


async def test_only_an_approved_week_is_reopened_by_an_administrator(
    erin: Caller, ada: Caller
) -> None:
    body = {"person": "auth0|erin", "reason": "wrong rate"}
    assert (await ada.post(f"{THIS}/reopen", body)).status == 404
    await log(erin)
    assert (await ada.post(f"{THIS}/reopen", body)).status == 409
    assert (await erin.post(f"{THIS}/reopen", body)).status == 403
    missing = await ada.post(f"{THIS}/reopen", {"person": "auth0|erin"})
    assert missing.codes == {("/reason", "required")}


async def test_a_closed_period_takes_no_change(
    erin: Caller, ada: Caller, clock: StandingClock
) -> None:
    entry = await log(erin)
    later = await log(erin, date=Week.TUESDAY)
    clock.move(days=1)
    assert (await ada.put("/v1/period", {"closed_through": Week.MONDAY})).status == 200
    address = entry.headers["Location"]
    assert (await erin.post("/v1/entries", draft())).codes == {("/date", "closed")}
    into = await erin.patch(later.headers["Location"], {"date": Week.MONDAY})
    assert into.codes == {("/date", "closed")}
    for attempt in (await erin.patch(address, {"minutes": 5}), await erin.delete(address)):
        assert (attempt.status, attempt.json["lock_reason"]) == (409, "closed")
    days = (await erin.get(THIS)).json["days"]
    assert [day["lock_reason"] for day in days[:2]] == ["closed", None]
    assert (await erin.get("/v1/entries/rules")).json["closed_through"] == Week.MONDAY
    assert (await ada.put("/v1/period", {"closed_through": None})).codes == {
        ("/reason", "required")
    }
    opened = await ada.put("/v1/period", {"closed_through": None, "reason": "late invoice"})
    assert opened.json["closed_through"] is None
    assert (await erin.patch(address, {"minutes": 5})).status == 200


async def test_one_call_returns_the_rules_for_clients(erin: Caller) -> None:
    rules = (await erin.get("/v1/entries/rules")).json
    assert rules == {
        "limits": {
            "max_minutes_a_day": 1440,
            "max_days_ahead": 31,
            "max_note_length": 2000,
            "max_task_length": 200,
            "max_page": 200,
        },
        "closed_through": None,
        "scopes": ["create:timesheets", "delete:timesheets", "read:timesheets"],
        "target_minutes": None,
        "targets": [None] * 7,
        "has_contract": False,
        "today": "2026-11-24",
    }
