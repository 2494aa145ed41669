"""The report of weeks, and who is missing."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import asyncpg
import pytest

from services.entries.reports.api.weeks import WeekRowPage
from services.entries.reports.schemas import MissingPage
from tests.api.entries.agency import learn
from tests.api.entries.conftest import Week, log
from tests.api.entries.test_reports import approve
from tests.support.client import MANAGER, Caller, Reply, Service

MONTH = "from=2026-11-01&to=2026-11-30"


@pytest.fixture
async def payroll(entries: Service, erin: Caller, connection: asyncpg.Connection) -> Caller:
    """Reads the reports on erin and carl."""
    del erin  # only for the projects
    await learn(connection, "erin", employer="Agency")
    await learn(connection, "carl")
    return entries.caller("payroll", "read:reports")


def shown(reply: Reply) -> list[tuple[str, str, str, int, int]]:
    assert reply.status == 200, reply.body
    assert WeekRowPage().validate(reply.json) == {}
    return [
        (
            item["person"].removeprefix("auth0|"),
            item["week"],
            item["state"],
            item["total_minutes"],
            item["billable_minutes"],
        )
        for item in reply.json["items"]
    ]


async def test_each_week_is_a_row(
    payroll: Caller, erin: Caller, carl: Caller, connection: asyncpg.Connection
) -> None:
    await log(erin, minutes=60)
    await log(erin, minutes=30, project="ZEUS", date="2026-11-29")
    await log(erin, minutes=20, date="2026-10-25")
    await log(erin, minutes=10, date="2026-10-26")
    await log(carl, minutes=5)
    await approve(connection, await erin.post(f"/v1/timesheets/{Week.THIS}/submit"))
    await carl.post(f"/v1/timesheets/{Week.LAST}/submit")
    address = f"/v1/reports/weeks?{MONTH}"
    reply = await payroll.get(address)
    assert shown(reply) == [
        ("carl", "2026-W47", "submitted", 0, 0),
        ("carl", "2026-W48", "open", 5, 5),
        ("erin", "2026-W44", "open", 10, 10),
        ("erin", "2026-W48", "approved", 90, 60),
    ]
    last = reply.json["items"][-1]
    assert (last["employer"], last["external_ids"], last["hours"], last["entries"]) == (
        "Agency",
        {"agency": "A-erin"},
        1.5,
        2,
    )
    assert last["late"] is False
    assert shown(await payroll.get(f"{address}&state=open&person=auth0|erin")) == [
        ("erin", "2026-W44", "open", 10, 10)
    ]
    first = await payroll.get(f"{address}&limit=3")
    assert shown(first) + shown(await payroll.get(first.json["next"])) == shown(reply)


async def test_the_report_of_weeks_is_streamed_too(payroll: Caller, erin: Caller) -> None:
    await log(erin)
    address = f"/v1/reports/weeks?{MONTH}"
    item = (await payroll.get(address)).json["items"][0]
    ndjson = await payroll.get(f"{address}&format=ndjson")
    row = json.loads(ndjson.body)
    assert row.pop("updated_at")
    assert item.pop("updated_at")
    assert row == item
    text = (await payroll.get(f"{address}&format=csv&bom=true")).body.decode("utf-8-sig")
    [cells] = csv.DictReader(io.StringIO(text))
    assert (cells["late"], cells["hours"], cells["total_minutes"]) == ("false", "1.00", "60")
    sheet = await payroll.get(f"{address}&format=xlsx")
    assert 'filename="weeks_2026-11-01_2026-11-30.xlsx"' in sheet.headers["Content-Disposition"]


async def test_weeks_that_came_back_empty_or_were_reopened_are_named(
    payroll: Caller, erin: Caller, ada: Caller, connection: asyncpg.Connection
) -> None:
    cursor = "0"

    async def since() -> list[tuple[str, int]]:
        nonlocal cursor
        address: str | None = f"/v1/reports/weeks?approved_since={cursor}&limit=1"
        rows = []
        while address:
            reply = await payroll.get(address)
            cursor = reply.headers["Report-Cursor"]
            rows += [(state, minutes) for _, _, state, minutes, _ in shown(reply)]
            address = reply.json["next"]
        return rows

    assert await since() == []
    entry = await log(erin)
    await approve(connection, await erin.post(f"/v1/timesheets/{Week.THIS}/submit"))
    assert await since() == [("approved", 60)]
    assert await since() == []
    body = {"person": "auth0|erin", "reason": "wrong"}
    assert (await ada.post(f"/v1/timesheets/{Week.THIS}/reopen", body)).status == 200
    assert await since() == [("open", 60)]
    await erin.delete(entry.headers["Location"])
    assert await since() == []
    await approve(connection, await erin.post(f"/v1/timesheets/{Week.THIS}/submit"))
    await approve(connection, await erin.post(f"/v1/timesheets/{Week.LAST}/submit"))
    assert await since() == [("approved", 0), ("approved", 0)]


@pytest.mark.parametrize(
    "query", ["", "from=2026-11-02&to=2026-11-01", "approved_since=x", f"{MONTH}&cursor=W10"]
)
async def test_wrong_questions_on_weeks_are_refused(payroll: Caller, query: str) -> None:
    assert (await payroll.get(f"/v1/reports/weeks?{query}")).status == 422


async def names(caller: Caller, week: str = Week.THIS) -> list[str]:
    reply = await caller.get(f"/v1/reports/missing?week={week}")
    assert MissingPage().validate(reply.json) == {}
    return [item["name"] for item in reply.json["items"]]


async def test_nobody_is_missing_before_joining_after_leaving_or_ahead(
    payroll: Caller, connection: asyncpg.Connection
) -> None:
    await learn(connection, "erin", since="2026-11-25", until="2026-12-02")
    assert await names(payroll, Week.LAST) == ["Carl"]
    assert await names(payroll, Week.THIS) == ["Carl", "Erin"]
    assert await names(payroll, Week.NEXT) == []
    assert await names(payroll, "2030-W01") == []


async def test_a_leavers_open_week_with_hours_stays_on_the_list(
    payroll: Caller, erin: Caller, entries: Service, connection: asyncpg.Connection
) -> None:
    await log(erin)
    await learn(connection, "erin", active=False, until="2026-11-20")
    await learn(connection, "carl", active=False)
    assert await names(payroll) == ["Erin"]
    maya = entries.caller("maya", MANAGER)
    assert await names(maya) == ["Erin"]
    assert await names(payroll, Week.LAST) == []


async def test_the_target_of_a_missing_week_is_that_of_the_contract(
    payroll: Caller, connection: asyncpg.Connection
) -> None:
    contract: dict[str, Any] = {"from": "2026-01-01", "minutes": [480, 480, 0, 0, 0, 0, 0]}
    await learn(connection, "erin", contracts=[contract])
    await learn(connection, "carl", target_minutes=None)
    items = (await payroll.get(f"/v1/reports/missing?week={Week.THIS}")).json["items"]
    assert {item["name"]: item["target_minutes"] for item in items} == {"Carl": None, "Erin": 960}


async def test_a_deactivated_manager_sees_nobody(
    payroll: Caller, entries: Service, connection: asyncpg.Connection
) -> None:
    del payroll  # only for the people
    maya = entries.caller("maya", MANAGER)
    await learn(connection, "maya", kind="employee", manager=None)
    assert await names(maya) == ["Carl", "Erin"]
    await learn(connection, "maya", kind="employee", manager=None, active=False)
    reply = await maya.get(f"/v1/reports/missing?week={Week.THIS}")
    assert reply.status == 403 or reply.json["items"] == []
