"""Deletion rows, complete files, and undoing batches."""

from __future__ import annotations

from typing import Any

import asyncpg
import pytest

from services.entries.batches.api.batches import BatchAnswer, BatchPage, BatchRowPage
from tests.api.entries.agency import Agency, counts, learn, removed, row
from tests.api.entries.conftest import Week, log
from tests.support.client import Caller, Service
from tests.support.issuer import Issuer

MONTH = "?complete=2026-11-01..2026-11-30"


def deletion(number: int = 1, **fields: Any) -> dict[str, Any]:
    return {"external_id": f"row-{number}", "deleted": True, **fields}


async def minutes_of(connection: asyncpg.Connection) -> dict[str, int]:
    rows = await connection.fetch("SELECT external_id, minutes FROM entries")
    return {record["external_id"]: record["minutes"] for record in rows}


async def entry_address(connection: asyncpg.Connection, number: int) -> str:
    query = "SELECT id FROM entries WHERE external_id = $1"
    return f"/v1/entries/{await connection.fetchval(query, f'row-{number}')}"


async def test_a_deletion_row_removes_the_entry_once(
    agency: Agency, erin: Caller, connection: asyncpg.Connection
) -> None:
    await agency.send([row(1), row(2), row(3)])
    file = [deletion(1), deletion(2, person="erin@exampleco.com", minutes=60, note="gone"), row(3)]
    dry = await agency.send(file, "?dry_run=true")
    assert (removed(dry), counts(dry)) == (2, (0, 0, 1, 0))
    reply = await agency.send(file)
    assert (removed(reply), counts(reply)) == (2, (0, 0, 1, 0))
    again = await agency.send(file)
    assert (removed(again), counts(again)) == (0, (0, 0, 3, 0))
    assert (await erin.get(f"/v1/timesheets/{Week.THIS}")).json["total_minutes"] == 60
    assert counts(await agency.send([row(1)])) == (1, 0, 0, 0)
    csv = "external_id,person,date,project,minutes,deleted\nrow-1,,,,,yes\nrow-3,,,,,true\n"
    assert removed(await agency.send_csv(csv)) == 2
    assert await minutes_of(connection) == {}


async def test_a_deletion_row_obeys_locks_people_and_other_clients(
    agency: Agency,
    erin: Caller,
    connection: asyncpg.Connection,
    entries: Service,
    issuer: Issuer,
) -> None:
    await agency.send([row(1), row(2, date="2026-11-16"), row(3, date="2026-11-09")])
    await erin.post(f"/v1/timesheets/{Week.THIS}/submit")
    await erin.patch(await entry_address(connection, 2), {"minutes": 5})
    assert removed(await Agency(entries, issuer, "other").send([deletion(1)])) == 0
    reply = await agency.send([deletion(1), deletion(2), deletion(3, person="carl@exampleco.com")])
    assert await agency.errors(reply) == [
        (1, "date", "submitted"),
        (2, "external_id", "changed_by_person"),
        (3, "person", "other_person"),
    ]
    assert removed(reply) == 0
    repeated = await agency.send([row(3, date="2026-11-09"), deletion(3)])
    assert await agency.errors(repeated) == [(2, "external_id", "repeated")]


async def test_a_complete_file_removes_what_it_no_longer_has(
    agency: Agency, erin: Caller, connection: asyncpg.Connection
) -> None:
    await agency.send(
        [
            row(1),
            row(2),
            row(3, date="2026-10-30"),
            row(4, person="auth0|carl"),
            row(5, date=Week.TUESDAY),
        ]
    )
    await log(erin, minutes=7)
    file = [row(1, minutes=90), row(6)]
    dry = await agency.send(file, f"{MONTH}&dry_run=true")
    assert (removed(dry), counts(dry)) == (2, (1, 1, 0, 0))
    listed = await agency.caller.get(f"{dry.headers['Location']}/rows")
    assert sorted((item["external_id"], item["action"]) for item in listed.json["items"]) == [
        ("row-1", "updated"),
        ("row-2", "removed"),
        ("row-5", "removed"),
    ]
    reply = await agency.send(file, MONTH)
    assert (removed(reply), counts(reply)) == (2, (1, 1, 0, 0))
    assert reply.json["complete"] == {"from": "2026-11-01", "to": "2026-11-30"}
    assert await minutes_of(connection) == {
        None: 7,
        "row-1": 90,
        "row-3": 60,
        "row-4": 60,
        "row-6": 60,
    }
    assert counts(await agency.send(file, MONTH)) == (0, 0, 2, 0)


async def test_what_a_complete_file_must_not_remove_is_an_error_without_a_line(
    agency: Agency, erin: Caller, connection: asyncpg.Connection
) -> None:
    await agency.send([row(1), row(2, date="2026-11-16"), row(3, date="2026-11-09")])
    await erin.post(f"/v1/timesheets/{Week.LAST}/submit")
    await erin.patch(await entry_address(connection, 3), {"minutes": 5})
    file = [row(4)]
    refused = await agency.send(file, MONTH)
    assert (refused.json["state"], removed(refused)) == ("refused", 0)
    errors = (await agency.caller.get(refused.json["errors"])).json["items"]
    assert [(item["line"], item["code"], item["external_id"]) for item in errors] == [
        (0, "submitted", "row-2"),
        (0, "changed_by_person", "row-3"),
    ]
    skipped = await agency.send(file, f"{MONTH}&on_error=skip")
    assert (removed(skipped), counts(skipped)) == (1, (1, 0, 0, 2))


async def test_an_invalid_row_keeps_its_entry(
    agency: Agency, connection: asyncpg.Connection
) -> None:
    await agency.send([row(1), row(2), row(3)])
    invalid = await agency.send([row(1, minutes=0), row(2)], f"{MONTH}&on_error=skip")
    assert (removed(invalid), counts(invalid)) == (1, (0, 0, 1, 1))
    body = b'{"external_id": "row-2", \n{"external_id": "row-1", "person": "auth0|erin", '
    body += b'"date": "2026-11-23", "project": "APOLLO", "minutes": 60}\n'
    unreadable = await agency.send(body, f"{MONTH}&on_error=skip")
    assert removed(unreadable) == 0
    assert await agency.errors(unreadable) == [(0, "", "incomplete"), (1, "", "json")]
    assert set(await minutes_of(connection)) == {"row-1", "row-2"}


async def test_leavers_keep_what_a_complete_file_no_longer_has(
    agency: Agency, connection: asyncpg.Connection
) -> None:
    await agency.send([row(1), row(2)])
    await learn(connection, "erin", active=False)
    assert counts(await agency.send([row(1)], MONTH)) == (0, 0, 1, 0)
    assert set(await minutes_of(connection)) == {"row-1", "row-2"}


async def test_a_removal_makes_room_on_its_day(agency: Agency) -> None:
    await agency.send([row(1, minutes=1000)])
    for query in (MONTH, f"{MONTH}&on_error=skip"):
        number = 2 if query == MONTH else 3
        reply = await agency.send([row(number, minutes=1000)], query)
        assert (removed(reply), counts(reply)) == (1, (1, 0, 0, 0))


@pytest.mark.parametrize(
    "days", ["november", "2026-11-30..2026-11-01", "2026-11-01", "2025-01-01..2026-11-01"]
)
async def test_wrong_days_of_a_complete_file_are_refused(agency: Agency, days: str) -> None:
    reply = await agency.send([row(1)], f"?complete={days}")
    assert (reply.status, reply.codes) == (422, {("/complete", "invalid")})


async def test_a_batch_is_undone_but_for_what_changed_since(
    agency: Agency, erin: Caller, connection: asyncpg.Connection
) -> None:
    await agency.send([row(1), row(2), row(3), row(7, date="2026-11-16")])
    wrong = [row(1, minutes=90), row(2), row(4), row(5), row(6, date="2026-11-16")]
    batch = await agency.send(wrong, MONTH)
    assert (removed(batch), counts(batch)) == (2, (3, 1, 1, 0))
    await erin.patch(await entry_address(connection, 5), {"minutes": 1})
    await erin.post(f"/v1/timesheets/{Week.LAST}/submit")
    undone = await agency.caller.delete(batch.headers["Location"])
    assert BatchAnswer().validate(undone.json) == {}
    result = undone.json["undone"]
    assert (undone.status, undone.json["state"]) == (200, "undone")
    assert (result["removed"], result["restored"], result["kept"]) == (1, 2, 3)
    assert result["by"] == "agency@clients"
    assert await minutes_of(connection) == {
        "row-1": 60,
        "row-2": 60,
        "row-3": 60,
        "row-5": 1,
        "row-6": 60,
    }
    again = await agency.caller.delete(batch.headers["Location"])
    assert again.json == undone.json
    resent = [row(1), row(2), row(3)]
    assert counts(await agency.send(resent)) == (0, 0, 3, 0)
    week = (await erin.get(f"/v1/timesheets/{Week.THIS}")).json
    assert week["total_minutes"] == 181


async def test_undo_does_not_bring_back_what_was_sent_again_and_deleted(
    agency: Agency, erin: Caller, connection: asyncpg.Connection
) -> None:
    await agency.send([row(1)])
    batch = await agency.send([deletion(1)])
    await agency.send([row(1, minutes=30)])
    await erin.delete(await entry_address(connection, 1))
    undone = (await agency.caller.delete(batch.headers["Location"])).json["undone"]
    assert (undone["removed"], undone["restored"], undone["kept"]) == (0, 0, 1)
    assert await minutes_of(connection) == {}


async def test_a_batch_that_changed_nothing_is_not_undone(agency: Agency) -> None:
    await agency.send([row(1)])
    unchanged = await agency.send([row(1)])
    refused = await agency.send([row(1, minutes=5), row(2, project="NONE")])
    for batch in (unchanged, refused):
        reply = await agency.caller.delete(batch.headers["Location"])
        assert (reply.status, reply.json["title"]) == (409, "Conflict")
        assert (await agency.caller.get(batch.headers["Location"])).json == batch.json


async def test_only_permitted_callers_see_and_undo_a_batch(
    agency: Agency, entries: Service, issuer: Issuer, erin: Caller, ada: Caller
) -> None:
    first = await agency.send([row(1)])
    dry = await agency.send([row(2)], "?dry_run=true")
    address = first.headers["Location"]
    other = Agency(entries, issuer, "other").caller
    for caller, status in ((other, 404), (erin, 403)):
        assert (await caller.get(address)).status == status
        assert (await caller.delete(address)).status == status
    assert (await ada.get(address)).json == first.json
    assert (await ada.get(first.json["errors"])).json["items"] == []
    assert (await ada.delete(dry.headers["Location"])).status == 409
    assert (await ada.delete(address)).json["undone"]["by"] == "auth0|ada"
    auditor = entries.caller("audit", "read:audit")
    [change] = (await auditor.get("/v1/changes/entries?subject=" + first.json["id"])).json["items"]
    assert (change["action"], change["actor"]) == ("undone", "auth0|ada")
    assert counts(await agency.send([row(1)])) == (1, 0, 0, 0)


async def test_batches_are_listed_newest_first(
    agency: Agency, entries: Service, issuer: Issuer, ada: Caller
) -> None:
    ids = [(await agency.send([row(n)])).json["id"] for n in range(3)]
    other = Agency(entries, issuer, "other")
    foreign = (await other.send([row(1)])).json["id"]
    first = await agency.caller.get("/v1/batches?limit=2")
    assert BatchPage().validate(first.json) == {}
    second = await agency.caller.get(first.json["next"])
    listed = [item["id"] for item in (*first.json["items"], *second.json["items"])]
    assert (listed, second.json["next"]) == (ids[::-1], None)
    everybody = (await ada.get("/v1/batches")).json["items"]
    assert [item["id"] for item in everybody] == [foreign, *ids[::-1]]
    of_client = (await ada.get("/v1/batches?client=other")).json["items"]
    assert [(item["id"], item["client"]) for item in of_client] == [(foreign, "other")]
    of_others = await agency.caller.get("/v1/batches?client=other")
    assert (of_others.status, of_others.json["items"]) == (200, [])


async def test_the_rows_of_a_batch_say_what_became_of_them(
    agency: Agency, erin: Caller, connection: asyncpg.Connection
) -> None:
    await agency.send([row(0, date="2026-11-16")])
    batch = await agency.send([row(n) for n in range(1, 4)] + [row(0, minutes=5)])
    await erin.patch(await entry_address(connection, 1), {"minutes": 45})
    await erin.delete(await entry_address(connection, 2))
    await erin.post(f"/v1/timesheets/{Week.THIS}/submit")
    address = f"{batch.headers['Location']}/rows?limit=2"
    items: list[dict[str, Any]] = []
    while address:
        page = (await agency.caller.get(address)).json
        assert BatchRowPage().validate(page) == {}
        items += page["items"]
        address = page["next"]
    rows = {item["external_id"]: item for item in items}
    assert len(rows) == len(items)
    shown = {
        name: (item["line"], item["action"], item["exists"], item["minutes"], item["changed_by"])
        for name, item in rows.items()
    }
    assert shown == {
        "row-0": (4, "updated", True, 5, None),
        "row-1": (1, "created", True, 45, "auth0|erin"),
        "row-2": (2, "created", False, None, "auth0|erin"),
        "row-3": (3, "created", True, 60, None),
    }
    assert {item["state"] for item in items if item["exists"]} == {"submitted"}
