"""Exports and totals over everybody."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import re
import uuid
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest
from openpyxl import load_workbook

from libs.feed.events import deferred_publish
from libs.feed.wire import Delivery
from services.entries.feeds import HANDLERS
from services.entries.reports.schemas import TotalPage
from tests.api.entries.agency import learn
from tests.api.entries.conftest import Week, log
from tests.support.client import Caller, Reply, Service
from tests.support.events import data_of

MONTH = "from=2026-11-01&to=2026-11-30"
FORMULAS = ["=1+1", "+49 30 1234", "-5", "@SUM(A1)", "fine", 'a "b", c']


@pytest.fixture
async def payroll(entries: Service, erin: Caller) -> Caller:
    """Reads the reports on what erin logged."""
    for number, note in enumerate(FORMULAS):
        await log(erin, note=note, minutes=10 + number)
    await log(erin, date="2026-10-31", project="ZEUS")
    return entries.caller("payroll", "read:reports")


def table(reply: Reply) -> list[dict[str, str]]:
    """The rows by their minutes, as they come in no order."""
    assert reply.status == 200, reply.body
    rows = csv.DictReader(io.StringIO(reply.body.decode(), newline=""))
    return sorted(rows, key=lambda row: int(row["minutes"]))


def lines(reply: Reply) -> list[dict[str, Any]]:
    assert reply.status == 200, reply.body
    return sorted(map(json.loads, reply.body.splitlines()), key=lambda row: int(row["minutes"]))


async def approve(connection: asyncpg.Connection, submitted: Reply) -> None:
    data = {
        "submission_id": submitted.json["submission_id"],
        "person": submitted.json["person"],
        "week": submitted.json["week"],
        "decision": "approved",
        "reason": None,
        "decided_by": "auth0|maya",
    }
    now = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
    event = Delivery(1, str(uuid.uuid4()), "approvals", "approval.decided", "x", now, data_of(data))
    async with connection.transaction(), deferred_publish(connection):
        await HANDLERS["approvals"]["approval.decided"](connection, [event])


async def test_the_same_rows_come_as_csv_ndjson_and_xlsx(
    payroll: Caller, connection: asyncpg.Connection
) -> None:
    await learn(connection, "erin")
    rows = table(await payroll.get(f"/v1/reports/entries?{MONTH}"))
    assert [row["minutes"] for row in rows] == ["10", "11", "12", "13", "14", "15"]
    first = rows[0]
    assert (first["person"], first["name"], first["email"], first["week"], first["state"]) == (
        "auth0|erin",
        "Erin",
        "erin@exampleco.com",
        "2026-W48",
        "open",
    )
    assert (first["customer"], first["date"]) == ("Big Company", Week.MONDAY)
    objects = lines(await payroll.get(f"/v1/reports/entries?{MONTH}&format=ndjson"))
    assert [each["note"] for each in objects] == FORMULAS
    assert objects[0].keys() == first.keys()
    sheet = await payroll.get(f"/v1/reports/entries?{MONTH}&format=xlsx")
    assert sheet.headers["Content-Type"].endswith("spreadsheetml.sheet")
    assert "entries_2026-11-01_2026-11-30.xlsx" in sheet.headers["Content-Disposition"]
    book = load_workbook(io.BytesIO(sheet.body), data_only=True)
    header, *cells, totals = map(list, book["Entries"].values)
    assert header == list(first)
    named: list[dict[Any, Any]] = [dict(zip(header, row, strict=True)) for row in cells]
    named.sort(key=lambda row: int(row["minutes"]))
    assert [row["note"] for row in named] == FORMULAS
    assert named[0]["date"].isoformat() == "2026-11-23T00:00:00"
    assert (named[0]["billable"], type(named[0]["updated_at"])) == (True, datetime)
    assert dict(zip(header, totals, strict=True))["minutes"] == 75


async def test_cells_that_begin_like_a_formula_are_defused_in_csv(
    payroll: Caller, connection: asyncpg.Connection
) -> None:
    await learn(connection, "erin", name="=ERIN()", email="+erin@exampleco.com")
    await connection.execute("UPDATE project_versions SET customer = '@Big'")
    rows = table(await payroll.get(f"/v1/reports/entries?{MONTH}&customer=@Big"))
    assert {(row["name"], row["email"], row["customer"]) for row in rows} == {
        ("'=ERIN()", "'+erin@exampleco.com", "'@Big")
    }
    assert [row["note"] for row in rows] == [
        "'=1+1",
        "'+49 30 1234",
        "'-5",
        "'@SUM(A1)",
        "fine",
        'a "b", c',
    ]


async def test_csv_is_written_for_other_programs(payroll: Caller) -> None:
    reply = await payroll.get(f"/v1/reports/entries?{MONTH}&bom=true")
    assert reply.body.startswith(b"\xef\xbb\xbfid,person,")
    assert (await payroll.get(f"/v1/reports/entries?{MONTH}")).body.startswith(b"id,person,")
    disposition = 'attachment; filename="entries_2026-11-01_2026-11-30.csv"'
    assert reply.headers["Content-Disposition"] == disposition
    rows = table(await payroll.get("/v1/reports/entries?from=2026-10-01&to=2026-11-30"))
    assert {row["billable"] for row in rows} == {"true", "false"}
    for row in rows:
        assert re.fullmatch(r"2026-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", row["updated_at"])
    assert [row["hours"] for row in rows][-2:] == ["0.25", "1.00"]


async def test_every_format_has_the_person_and_the_customer(
    payroll: Caller, connection: asyncpg.Connection
) -> None:
    await learn(connection, "erin", employer="=Agency")
    expected = {
        "employer": "=Agency",
        "kind": "contractor",
        "external_ids": {"agency": "A-erin"},
        "project_name": "Apollo",
        "hours": 0.17,
    }
    address = f"/v1/reports/entries?{MONTH}"
    first = lines(await payroll.get(f"{address}&format=ndjson"))[0]
    assert {name: first[name] for name in expected} == expected
    row = table(await payroll.get(address))[0]
    assert (row["employer"], row["kind"], row["project_name"], row["hours"]) == (
        "'=Agency",
        "contractor",
        "Apollo",
        "0.17",
    )
    assert json.loads(row["external_ids"]) == {"agency": "A-erin"}


async def test_a_day_has_the_name_and_customer_of_its_project_then(
    payroll: Caller, ada: Caller
) -> None:
    change = {"name": "Artemis", "customer": "New Company", "from": "2026-11-01"}
    assert (await ada.patch("/v1/projects/ZEUS", change)).status == 200
    await log(ada, project="ZEUS", minutes=99)
    address = "from=2026-10-01&to=2026-11-30&project=ZEUS"
    rows = table(await payroll.get(f"/v1/reports/entries?{address}"))
    assert [(row["date"], row["project_name"], row["customer"]) for row in rows] == [
        ("2026-10-31", "Zeus", "Small Company"),
        ("2026-11-23", "Artemis", "New Company"),
    ]
    for customer, minutes in (("Small Company", "60"), ("New Company", "99")):
        rows = table(await payroll.get(f"/v1/reports/entries?{address}&customer={customer}"))
        assert [row["minutes"] for row in rows] == [minutes]


async def test_a_report_can_be_narrowed(
    payroll: Caller, erin: Caller, ada: Caller, connection: asyncpg.Connection
) -> None:
    await log(ada, project="ZEUS", minutes=99)
    submitted = await erin.post(f"/v1/timesheets/{Week.THIS}/submit")
    await approve(connection, submitted)

    async def count(query: str) -> int:
        return len(table(await payroll.get(f"/v1/reports/entries?{query}")))

    assert await count("from=2026-10-01&to=2026-12-31") == 8
    assert await count(f"{MONTH}&person=auth0|ada") == 1
    assert await count(f"{MONTH}&project=ZEUS") == 1
    assert await count(f"{MONTH}&customer=Big Company") == 6
    assert await count(f"{MONTH}&state=approved") == 6
    assert await count(f"{MONTH}&state=open&project=APOLLO") == 0


@pytest.mark.parametrize(
    ("query", "codes"),
    [
        ("", {("/from", "required"), ("/to", "required")}),
        ("from=2026-11-02&to=2026-11-01", {("/from", "invalid")}),
        (f"{MONTH}&format=pdf", {("/format", "invalid")}),
        (f"{MONTH}&state=lost", {("/state", "invalid")}),
        ("approved_since=yesterday", {("/approved_since", "cursor")}),
    ],
)
async def test_invalid_parameters_are_reported(
    payroll: Caller, query: str, codes: set[tuple[str, str]]
) -> None:
    reply = await payroll.get(f"/v1/reports/entries?{query}")
    assert (reply.status, reply.codes) == (422, codes)


async def test_an_unchanged_month_is_not_sent_again(
    payroll: Caller, erin: Caller, ada: Caller, connection: asyncpg.Connection
) -> None:
    address = f"/v1/reports/entries?{MONTH}"

    async def changed(tag: str) -> str:
        again = await payroll.get(address, headers={"If-None-Match": tag})
        assert again.status == 200
        same = await payroll.get(address, headers={"If-None-Match": f'"x", {again.etag}'})
        assert (same.status, same.etag, same.body) == (304, again.etag, b"")
        return again.etag

    tag = await changed('"none"')
    entry = await log(erin)
    tag = await changed(tag)
    await erin.delete(entry.headers["Location"])
    tag = await changed(tag)
    await erin.post(f"/v1/timesheets/{Week.THIS}/submit")
    tag = await changed(tag)
    await ada.patch("/v1/projects/ZEUS", {"name": "Zeus again"})
    tag = await changed(tag)
    await learn(connection, "erin")
    tag = await changed(tag)
    # A week that begins before the first day of the report.
    day = "from=2026-11-25&to=2026-11-30"
    middle = (await payroll.get(f"/v1/reports/entries?{day}")).etag
    await erin.post(f"/v1/timesheets/{Week.THIS}/withdraw")
    known = {"If-None-Match": middle}
    assert (await payroll.get(f"/v1/reports/entries?{day}", headers=known)).status == 200
    tag = await changed(tag)
    await log(erin, date="2026-12-07")
    same = await payroll.get(address, headers={"If-None-Match": tag})
    assert same.status == 304


async def test_what_was_approved_since_comes_once(
    payroll: Caller, erin: Caller, ada: Caller, connection: asyncpg.Connection
) -> None:
    async def since(cursor: str) -> tuple[list[str], str]:
        reply = await payroll.get(f"/v1/reports/entries?approved_since={cursor}")
        assert f"approved_since={reply.headers['Report-Cursor']}" in reply.headers["Link"]
        return [row["week"] for row in table(reply)], reply.headers["Report-Cursor"]

    found, cursor = await since("0")
    assert found == []
    await approve(connection, await erin.post("/v1/timesheets/2026-W44/submit"))
    found, cursor = await since(cursor)
    assert found == ["2026-W44"]
    found, cursor = await since(cursor)
    assert found == []
    await approve(connection, await erin.post(f"/v1/timesheets/{Week.THIS}/submit"))
    body = {"person": "auth0|erin", "reason": "wrong"}
    assert (await ada.post("/v1/timesheets/2026-W44/reopen", body)).status == 200
    found, cursor = await since(cursor)
    assert set(found) == {Week.THIS}
    await approve(connection, await erin.post("/v1/timesheets/2026-W44/submit"))
    assert (await since(cursor))[0] == ["2026-W44"]
    assert set((await since("0"))[0]) == {"2026-W44", Week.THIS}


async def test_totals_are_grouped_as_requested(payroll: Caller, ada: Caller) -> None:
    await log(ada, project="ZEUS", minutes=99)
    address = "/v1/reports/totals?from=2026-10-01&to=2026-12-31"

    async def totals(groups: str) -> list[list[object]]:
        reply = await payroll.get(f"{address}&group_by={groups}")
        assert TotalPage().validate(reply.json) == {}
        return [list(item.values()) for item in reply.json["items"]]

    assert await totals("project") == [["APOLLO", 75, 75, 6], ["ZEUS", 159, 0, 2]]
    assert await totals("customer,person") == [
        ["Big Company", "auth0|erin", 75, 75, 6],
        ["Small Company", "auth0|ada", 99, 0, 1],
        ["Small Company", "auth0|erin", 60, 0, 1],
    ]
    assert await totals("month") == [["2026-10", 60, 0, 1], ["2026-11", 174, 75, 7]]
    assert await totals("billable") == [[False, 159, 0, 2], [True, 75, 75, 6]]
    assert await totals("employer,task") == [[None, None, 234, 75, 8]]
    first = await payroll.get(f"{address}&group_by=week,project&limit=2")
    second = await payroll.get(first.json["next"])
    weeks = [item["week"] for item in (*first.json["items"], *second.json["items"])]
    assert (weeks, second.json["next"]) == (["2026-W44", "2026-W48", "2026-W48"], None)


async def test_a_caller_may_compute_two_totals_at_the_same_time(
    payroll: Caller, entries_database: str
) -> None:
    holder = await asyncpg.connect(entries_database)
    async with holder.transaction():
        await holder.execute("LOCK TABLE entries")
        totals = [
            asyncio.create_task(
                payroll.get("/v1/reports/totals?from=2026-11-01&to=2026-11-30&group_by=project")
            )
            for _ in range(6)
        ]
        first = asyncio.as_completed(totals)
        refused = {(await next(first)).status for _ in range(4)}
    replies = await asyncio.gather(*totals)
    await holder.close()
    assert refused == {429}
    assert sorted(reply.status for reply in replies) == [200, 200, 429, 429, 429, 429]


@pytest.mark.parametrize(
    "query",
    [
        "from=2026-01-01",
        f"{MONTH}&group_by=colour",
        f"{MONTH}&group_by=week,week",
        "from=2025-01-01&to=2026-12-31",
        f"{MONTH}&cursor=W1tdXQ",
    ],
)
async def test_invalid_parameters_of_totals_are_reported(payroll: Caller, query: str) -> None:
    assert (await payroll.get(f"/v1/reports/totals?{query}")).status == 422
