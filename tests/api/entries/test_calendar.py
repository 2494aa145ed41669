"""Absences, holidays, company days and what they leave of a day's target."""

from __future__ import annotations

import uuid
from typing import Any

import asyncpg
import pytest

from tests.api.entries.conftest import Week, log
from tests.api.entries.test_decisions import decide, learn
from tests.support.client import MANAGER, Caller, Reply, Service

# A part-time contract: six hours from Monday to Thursday, four on Friday.
MINUTES = [360, 360, 360, 360, 240, 0, 0]

# Worked out by hand. December 2026 begins on a Tuesday. 7 December: half a day sick. 24 December:
# company day. 28 December to 3 January (week 53): vacation. 25 December is a Friday.
PLAIN = {
    **{f"2026-12-{day:02}": 360 for day in (1, 2, 3, 8, 9, 10, 14, 15, 16, 17, 21, 22, 23)},
    **{f"2026-12-{day:02}": 240 for day in (4, 11, 18)},
    **{f"2026-12-{day:02}": 0 for day in (5, 6, 12, 13, 19, 20, 26, 27)},
    "2026-12-07": 180,
    "2026-12-24": 0,
    "2026-12-25": 240,
    **{f"2026-12-{day}": 0 for day in (28, 29, 30, 31)},
    **{f"2027-01-0{day}": 0 for day in (1, 2, 3)},
}
WITH_CHRISTMAS = PLAIN | {"2026-12-25": 0}


def address(absence_id: str = "") -> str:
    return f"/v1/absences/{absence_id or uuid.uuid4()}"


def absence(first: str, last: str | None = None, **fields: Any) -> dict[str, Any]:
    return {"from": first, "to": last or first, "kind": "vacation", **fields}


async def put(caller: Caller, body: dict[str, Any], path: str = "") -> Reply:
    reply = await caller.put(path or address(), body)
    assert reply.status in (200, 201), reply.json
    return reply


@pytest.mark.parametrize(
    ("calendar", "expected", "holidays"),
    [
        ("DE-BY", WITH_CHRISTMAS, {"2026-12-25", "2026-12-26"}),
        ("GB-ENG", WITH_CHRISTMAS, {"2026-12-25", "2026-12-26", "2026-12-28"}),
        ("US-CA", WITH_CHRISTMAS, {"2026-12-25"}),
        (None, PLAIN, set()),
    ],
)
async def test_a_december_is_measured_by_contract_holidays_and_absences(
    erin: Caller,
    ada: Caller,
    connection: asyncpg.Connection,
    calendar: str | None,
    expected: dict[str, int],
    holidays: set[str],
) -> None:
    contract = {"from": "2026-01-01", "minutes": MINUTES, "calendar": calendar}
    await learn(connection, "erin", contracts=[contract])
    assert (await ada.put("/v1/holidays/2026-12-24", {"name": "Company day"})).status == 201
    await put(erin, absence("2026-12-07", kind="sick", portion=0.5))
    await put(erin, absence("2026-12-28", "2027-01-03"))

    days = (await erin.get("/v1/calendar?from=2026-12-01&to=2027-01-03")).json["items"]

    assert {day["date"]: day["target_minutes"] for day in days} == expected
    december = [day for day in days if day["date"] < "2027"]
    assert {day["date"] for day in december if day["holiday"]} == holidays | {"2026-12-24"}
    assert {day["absence"] for day in days if day["date"] >= "2026-12-28"} == {"vacation"}
    week = (await erin.get("/v1/timesheets/2026-W53")).json
    assert (week["target_minutes"], len(week["absences"])) == (0, 1)
    assert [day["absence"] for day in week["days"]] == ["vacation"] * 7


async def test_the_target_is_fixed_when_the_week_is_submitted(
    erin: Caller, ada: Caller, connection: asyncpg.Connection
) -> None:
    contract = {"from": "2026-01-01", "minutes": MINUTES, "calendar": None}
    await learn(connection, "erin", contracts=[contract])
    await put(erin, absence(Week.MONDAY))
    submitted = await erin.post(f"/v1/timesheets/{Week.THIS}/submit")
    await ada.put(f"/v1/holidays/{Week.TUESDAY}", {"name": "Company day"})

    week = (await erin.get(f"/v1/timesheets/{Week.THIS}")).json

    assert submitted.json["target_minutes"] == week["target_minutes"] == 1320
    assert week["days"][1]["holiday"] == "Company day"


async def test_putting_the_same_absence_twice_changes_nothing(erin: Caller) -> None:
    path = address()
    first = await erin.put(path, absence(Week.MONDAY, note="family"))
    again = await erin.put(path, absence(Week.MONDAY, note="family"))
    changed = await erin.put(path, absence(Week.MONDAY, Week.TUESDAY, note="family"))

    assert (first.status, again.status, changed.status) == (201, 200, 200)
    assert first.headers["Location"] == path
    assert (again.json["version"], changed.json["version"]) == (1, 2)


async def test_a_day_is_off_once(erin: Caller) -> None:
    await put(erin, absence(Week.MONDAY, portion=0.5))
    await put(erin, absence(Week.MONDAY, kind="sick", portion=0.5))

    third = await erin.put(address(), absence(Week.MONDAY, portion=0.5))

    assert (third.status, third.codes) == (422, {("/from", "overlap")})


@pytest.mark.parametrize(
    ("body", "codes"),
    [
        ({"to": "2026-11-22"}, {("/to", "order")}),
        ({"to": "2028-01-01"}, {("/to", "too_long")}),
        ({"kind": "party"}, {("/kind", "invalid")}),
        ({"portion": 0.25}, {("/portion", "invalid")}),
        ({"portion": True}, {("/portion", "invalid")}),
        ({"person": "auth0|carl"}, {("/person", "unknown")}),
    ],
)
async def test_a_wrong_absence_names_the_field(
    erin: Caller, body: dict[str, Any], codes: set[tuple[str, str]]
) -> None:
    reply = await erin.put(address(), absence(Week.MONDAY) | body)

    assert (reply.status, reply.codes) == (422, codes)


@pytest.mark.parametrize("state", ["submitted", "approved"])
async def test_an_absence_locks_with_its_week(
    erin: Caller, connection: asyncpg.Connection, state: str
) -> None:
    path = address()
    await put(erin, absence("2026-11-27", "2026-12-02"), path)
    submitted = (await erin.post(f"/v1/timesheets/{Week.THIS}/submit")).json
    if state == "approved":
        await decide(connection, submitted["submission_id"], "approved")

    listed = (await erin.get("/v1/absences")).json["items"]
    shorter_here = await erin.put(path, absence("2026-11-28", "2026-12-02"))
    longer_there = await erin.put(path, absence("2026-11-27", "2026-12-04"))
    renamed = await erin.put(path, absence("2026-11-27", "2026-12-04", kind="sick"))
    deleted = await erin.delete(path)
    new = await erin.put(address(), absence(Week.MONDAY))

    assert [(each["can_edit"], each["lock_reason"]) for each in listed] == [(False, state)]
    assert longer_there.status == 200
    for refused in (shorter_here, renamed, deleted, new):
        assert (refused.status, refused.json["lock_reason"]) == (409, state)


async def test_closed_days_take_no_absence_and_no_company_day(erin: Caller, ada: Caller) -> None:
    body = {"closed_through": "2026-11-20", "reason": "Payroll"}
    assert (await ada.put("/v1/period", body)).status == 200

    refused = await erin.put(address(), absence("2026-11-20", Week.MONDAY))
    company_day = await ada.put("/v1/holidays/2026-11-20", {"name": "Too late"})

    assert (refused.status, refused.json["lock_reason"]) == (409, "closed")
    assert (company_day.status, company_day.json["lock_reason"]) == (409, "closed")


async def test_absences_are_listed_page_by_page(erin: Caller) -> None:
    for day in range(1, 8):
        await put(erin, absence(f"2026-10-0{day}"))

    first = (await erin.get("/v1/absences?limit=4&from=2026-10-02")).json
    second = (await erin.get(first["next"])).json

    found = [each["from"] for each in (*first["items"], *second["items"])]
    assert found == [f"2026-10-0{day}" for day in range(2, 8)]
    assert second["next"] is None


async def test_a_manager_sees_and_enters_absences_of_direct_reports_only(
    entries: Service, erin: Caller, connection: asyncpg.Connection
) -> None:
    maya, mona = entries.caller("maya", MANAGER), entries.caller("mona", MANAGER)
    await learn(connection, "maya", manager=None)
    await learn(connection, "mona", manager=None)
    await learn(connection, "erin")
    path = f"{address()}?person=auth0%7Cerin"

    entered = await maya.put(path, absence(Week.MONDAY, kind="sick"))
    listed = (await maya.get("/v1/absences?person=auth0%7Cerin")).json["items"]

    assert entered.status == 201
    assert [each["person"] for each in listed] == ["auth0|erin"]
    assert (await mona.get("/v1/absences?person=auth0%7Cerin")).status == 404
    assert (await mona.put(path, absence(Week.MONDAY))).status == 404
    assert (await erin.get("/v1/absences?person=auth0%7Cmaya")).status == 403
    change = await connection.fetchrow(
        "SELECT kind, subject, action, actor FROM changes WHERE kind = 'absence'"
    )
    assert tuple(change) == ("absence", "auth0|erin", "created", "auth0|maya")


async def test_a_company_day_is_made_renamed_and_deleted(ada: Caller, erin: Caller) -> None:
    made = await ada.put("/v1/holidays/2026-12-24", {"name": "Company day"})
    renamed = await ada.put("/v1/holidays/2026-12-24", {"name": "Christmas Eve"})
    listed = (await erin.get("/v1/holidays?from=2026-12-01&to=2026-12-31")).json["items"]
    deleted = await ada.delete("/v1/holidays/2026-12-24")

    assert (made.status, renamed.status, deleted.status) == (201, 200, 204)
    assert listed == [{"date": "2026-12-24", "name": "Christmas Eve", "is_company_day": True}]
    assert (await ada.delete("/v1/holidays/2026-12-24")).status == 404
    assert (await erin.put("/v1/holidays/2026-12-24", {"name": "x"})).status == 403


async def test_a_calendar_is_bounded(erin: Caller) -> None:
    reply = await erin.get("/v1/calendar?from=2026-01-01&to=2027-01-02")

    assert (reply.status, reply.codes) == (422, {("/to", "too_long")})


async def test_nobody_enters_an_absence_of_a_person_whom_nobody_knows(ada: Caller) -> None:
    path = f"{address()}?person=auth0%7Cghost"
    assert (await ada.put(path, absence("2026-12-01", "2026-12-01"))).status == 404
    submitting = await ada.post(f"/v1/timesheets/{Week.THIS}/submit", {"person": "auth0|ghost"})
    assert submitting.status == 404
    assert (await ada.put(path, absence("2026-12-01", "2026-12-01"))).status == 404


async def test_the_submission_carries_absences_and_holidays(
    erin: Caller, ada: Caller, connection: asyncpg.Connection
) -> None:
    await put(erin, absence(Week.TUESDAY))
    await ada.put(f"/v1/holidays/{Week.MONDAY}", {"name": "Company day"})
    await log(erin, date=Week.MONDAY)
    await erin.post(f"/v1/timesheets/{Week.THIS}/submit")

    data = await connection.fetchval(
        "SELECT data::text FROM events WHERE type = 'timesheet.submitted'"
    )

    assert f'"holidays":{{"{Week.MONDAY}":"Company day"}}' in data.replace(": ", ":")
    assert '"kind":"vacation"' in data.replace(": ", ":")


async def test_a_stale_version_of_an_absence_is_answered_with_the_present_one(
    erin: Caller,
) -> None:
    path = address()
    present = (await put(erin, absence("2026-12-07"), path)).json
    other = absence("2026-12-08")
    for conditions in ({"If-Match": '"99"'}, {"If-None-Match": "*"}):
        stale = await erin.put(path, other, headers=conditions)
        assert (stale.status, stale.etag) == (412, '"1"')
        assert (stale.json["version"], stale.json["current"]) == (1, present)
    stale = await erin.delete(path, headers={"If-Match": '"99"'})
    assert (stale.status, stale.json["current"]) == (412, present)
