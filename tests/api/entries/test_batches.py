"""Batches over HTTP: what is taken, what is refused, and that each file counts once."""

from __future__ import annotations

import asyncio
import csv
import io
import itertools
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from services.entries.batches.api.batches import BatchAnswer
from services.entries.batches.api.errors import BatchErrorPage
from tests.api.entries.agency import HEADER, Agency, counts, learn, ndjson, row
from tests.api.entries.conftest import Week, log
from tests.support.client import Caller, Service
from tests.support.issuer import Issuer


async def entries_of(connection: asyncpg.Connection) -> list[tuple[Any, ...]]:
    found = await connection.fetch(
        "SELECT external_id, person, minutes, source FROM entries ORDER BY external_id"
    )
    return [tuple(record) for record in found]


async def test_a_file_becomes_entries_and_the_same_file_again_changes_nothing(
    agency: Agency, erin: Caller
) -> None:
    rows = [row(1), row(2, date=Week.TUESDAY, note="späte Schicht", task="Ops", billable=False)]
    first = await agency.send(rows)
    assert BatchAnswer().validate(first.json) == {}
    assert counts(first) == (2, 0, 0, 0)
    assert first.headers["Location"] == f"/v1/batches/{first.json['id']}"
    assert (await agency.caller.get(first.headers["Location"])).json == first.json
    assert counts(await agency.send(rows)) == (0, 0, 2, 0)
    items = (await erin.get("/v1/entries")).json["items"]
    assert [(item["note"], item["task"], item["billable"]) for item in items] == [
        ("späte Schicht", "Ops", False),
        ("", None, True),
    ]
    assert {item["source"] for item in items} == {"batch:agency"}
    assert (await erin.get(f"/v1/timesheets/{Week.THIS}")).json["total_minutes"] == 120


async def test_a_corrected_file_changes_what_it_corrects(agency: Agency, erin: Caller) -> None:
    await agency.send([row(1), row(2), row(3)])
    corrected = [row(1), row(2, minutes=90), row(3, date="2026-11-16")]
    assert counts(await agency.send(corrected)) == (0, 2, 1, 0)
    weeks = (await erin.get("/v1/timesheets?from=2026-W47&to=2026-W48")).json["items"]
    assert [week["total_minutes"] for week in weeks] == [150, 60]


async def test_a_row_is_billable_as_its_project_is_on_that_day(
    agency: Agency, ada: Caller, connection: asyncpg.Connection
) -> None:
    await ada.patch("/v1/projects/ZEUS", {"billable": True, "from": "2026-11-23"})
    rows = [
        row(1, project="ZEUS", date="2026-11-20"),
        row(2, project="ZEUS"),
        row(3, project="ZEUS", billable=False),
    ]
    assert counts(await agency.send(rows)) == (3, 0, 0, 0)
    entries = await connection.fetch("SELECT billable FROM entries ORDER BY external_id")
    assert [entry["billable"] for entry in entries] == [False, True, False]


async def test_csv_says_the_same_as_json(agency: Agency, connection: asyncpg.Connection) -> None:
    text = (
        f"\ufeff{HEADER}\r\n"
        'row-1,auth0|erin,2026-11-23,APOLLO,60,,,"a ""quoted""\r\nnote",yes\r\n'
        "row-2,ERIN@exampleco.com,2026-11-23,APOLLO,,1:30,,,\r\n"
        "row-3,A-erin,2026-11-23,APOLLO,,0.675,,=1+1,false\r\n"
        ",,,,,,,,\r\n\r\n"
        "row-4,auth0|carl,2026-11-23,ZEUS,30,0.5,,,"
    )
    assert counts(await agency.send_csv(text)) == (4, 0, 0, 0)
    assert [tuple(record)[1:3] for record in await entries_of(connection)] == [
        ("auth0|erin", 60),
        ("auth0|erin", 90),
        ("auth0|erin", 41),
        ("auth0|carl", 30),
    ]
    notes = await connection.fetch("SELECT note FROM entries ORDER BY external_id")
    assert [record[0] for record in notes] == ['a "quoted"\r\nnote', "", "=1+1", ""]
    rows = [row(4, person="auth0|carl", project="ZEUS", minutes=30)]
    assert counts(await agency.send(rows, packed=True)) == (0, 0, 1, 0)


async def test_by_default_a_batch_is_all_or_nothing(
    agency: Agency, connection: asyncpg.Connection
) -> None:
    reply = await agency.send([row(1), row(2, project="NONE"), row(3, minutes=0)])
    assert counts(reply) == (0, 0, 0, 2)
    assert (reply.json["state"], reply.json["rows"]) == ("refused", 3)
    assert await agency.errors(reply) == [
        (2, "project", "unknown_project"),
        (3, "minutes", "invalid"),
    ]
    assert await entries_of(connection) == []
    assert await connection.fetchval("SELECT count(*) FROM weeks") == 0
    assert (await agency.caller.get(reply.headers["Location"])).json == reply.json


async def test_the_good_rows_can_be_taken_alone(
    agency: Agency, connection: asyncpg.Connection
) -> None:
    rows = [row(1), row(2, project="NONE", date="2026-10-05"), row(3, person="auth0|nobody")]
    reply = await agency.send(rows, "?on_error=skip")
    assert (counts(reply), reply.json["state"]) == ((1, 0, 0, 2), "applied")
    assert [record[0] for record in await entries_of(connection)] == ["row-1"]
    assert await connection.fetchval("SELECT count(*) FROM weeks") == 1


async def test_a_dry_run_only_reports(agency: Agency, connection: asyncpg.Connection) -> None:
    reply = await agency.send([row(1), row(2)], "?dry_run=true")
    assert (counts(reply), reply.json["state"]) == ((2, 0, 0, 0), "dry_run")
    assert await entries_of(connection) == []
    assert await connection.fetchval("SELECT count(*) FROM weeks") == 0


async def test_every_error_of_every_row_is_reported(agency: Agency, ada: Caller) -> None:
    await ada.patch("/v1/projects/ZEUS", {"active": False})
    await ada.put("/v1/period", {"closed_through": "2026-11-01"})
    reply = await agency.send(
        [
            row(1, minutes=-5, project="a b"),
            row(2, date="2026-12-26"),
            row(3, date="2026-11-01", project="ZEUS"),
            row(4, hours=1.5),
            row(5, colour="red"),
            row(6, person=None),
            row(6),
            row(6),
            row(7, person="erin"),
        ]
    )
    assert counts(reply) == (0, 0, 0, 8)
    assert await agency.errors(reply) == [
        (1, "minutes", "invalid"),
        (1, "project", "invalid"),
        (2, "date", "too_far_ahead"),
        (3, "date", "closed"),
        (3, "project", "inactive_project"),
        (4, "hours", "contradiction"),
        (5, "colour", "unknown"),
        (6, "person", "required"),
        (8, "external_id", "repeated"),
        (9, "person", "unknown_person"),
    ]


async def test_errors_come_in_pages_and_as_csv(agency: Agency) -> None:
    reply = await agency.send([row(n, project=f"P{n}") for n in range(1, 6)])
    address = reply.json["errors"]
    first = await agency.caller.get(f"{address}?limit=3")
    assert BatchErrorPage().validate(first.json) == {}
    second = await agency.caller.get(first.json["next"])
    lines = [item["line"] for item in (*first.json["items"], *second.json["items"])]
    assert (lines, second.json["next"]) == ([1, 2, 3, 4, 5], None)
    for answer in (
        await agency.caller.get(f"{address}?format=csv"),
        await agency.caller.get(address, headers={"Accept": "text/csv"}),
    ):
        assert answer.headers["Content-Type"].startswith("text/csv")
        lines = list(csv.reader(io.StringIO(answer.body.decode())))
        assert lines[0] == ["line", "field", "code", "message", "external_id"]
        assert lines[1] == [
            "1",
            "project",
            "unknown_project",
            "There is no project P1.",
            "row-1",
        ]
        assert len(lines) == 6


async def test_a_locked_week_takes_no_change_but_the_same_row_again_is_none(
    agency: Agency, erin: Caller
) -> None:
    assert counts(await agency.send([row(1), row(2, date="2026-11-16")])) == (2, 0, 0, 0)
    await erin.post(f"/v1/timesheets/{Week.THIS}/submit")
    assert counts(await agency.send([row(1)])) == (0, 0, 1, 0)
    for changed in (row(1, minutes=5), row(3), row(2), row(1, date="2026-11-17")):
        reply = await agency.send([changed])
        assert counts(reply) == (0, 0, 0, 1)
        assert await agency.errors(reply) == [(1, "date", "submitted")]


async def test_a_person_who_does_not_list_the_client_is_rejected(
    entries: Service, issuer: Issuer, agency: Agency, connection: asyncpg.Connection
) -> None:
    await agency.send([row(1)])
    other = Agency(entries, issuer, "other")
    reply = await other.send([row(1), row(2, person="erin@exampleco.com")])
    assert counts(reply) == (0, 0, 0, 2)
    assert (await agency.caller.get(reply.json["errors"])).status == 404
    assert {code for _, _, code in await other.errors(reply)} == {"unknown_person"}
    assert (await agency.caller.get(reply.headers["Location"])).status == 404
    await learn(connection, "carl", uploaders=["other"])
    moved = await agency.send([row(1, person="auth0|carl")])
    assert await agency.errors(moved) == [(1, "person", "unknown_person")]
    await learn(connection, "carl")
    taken = await agency.send([row(1, person="auth0|carl")])
    assert await agency.errors(taken) == [(1, "external_id", "other_person")]


async def test_a_name_that_two_people_share_is_not_guessed(
    agency: Agency, connection: asyncpg.Connection
) -> None:
    await learn(connection, "emil", external_ids={"other": "A-erin"})
    reply = await agency.send([row(1, person="A-erin"), row(2, person="auth0|erin")])
    assert await agency.errors(reply) == [(1, "person", "ambiguous_person")]


async def test_a_day_holds_24_hours_over_old_and_new_rows(agency: Agency, erin: Caller) -> None:
    await log(erin, minutes=600)
    rows = [row(1, minutes=500), row(2, minutes=400), row(3, minutes=300)]
    refused = await agency.send(rows)
    assert await agency.errors(refused) == [(2, "minutes", "day_full")]
    [error] = (await agency.caller.get(refused.json["errors"])).json["items"]
    assert "1100 minutes are entered, 340 are left" in error["message"]
    assert counts(await agency.send(rows, "?on_error=skip")) == (2, 0, 0, 1)
    assert (await erin.get(f"/v1/timesheets/{Week.THIS}")).json["total_minutes"] == 1400


async def test_rows_that_make_room_for_each_other_are_taken(agency: Agency) -> None:
    monday, tuesday = Week.MONDAY, Week.TUESDAY
    await agency.send([row(1, minutes=1000), row(2, date=tuesday, minutes=1000)])
    swapped = [row(1, date=tuesday, minutes=1000), row(2, date=monday, minutes=1000)]
    assert counts(await agency.send(swapped)) == (0, 2, 0, 0)
    grown = [row(2, minutes=1000), row(3, minutes=440)]
    assert counts(await agency.send(grown)) == (1, 0, 1, 0)
    shifted = [row(2, minutes=1400), row(3, minutes=40)]
    assert counts(await agency.send(shifted)) == (0, 2, 0, 0)
    # In partial mode only the minutes that are stored already count.
    back = [row(2, minutes=1000), row(3, minutes=41)]
    assert counts(await agency.send(back, "?on_error=skip")) == (0, 2, 0, 0)


async def test_the_same_key_with_the_same_file_is_the_same_batch(agency: Agency) -> None:
    replies = await asyncio.gather(
        agency.send([row(1)], key="nightly"), agency.send([row(1)], key="nightly")
    )
    again = await agency.send([row(1)], key="nightly", packed=True)
    assert {reply.json["id"] for reply in (*replies, again)} == {again.json["id"]}
    assert again.headers["Idempotency-Replayed"] == "true"
    assert counts(again) == (1, 0, 0, 0)
    for other in (
        await agency.send([row(1, minutes=5)], key="nightly"),
        await agency.send([row(1)], "?dry_run=true", key="nightly"),
    ):
        assert (other.status, other.codes) == (422, {("/Idempotency-Key", "key_reused")})
    missing = await agency.caller.post(
        "/v1/batches", data=b"", headers={"Content-Type": "text/csv"}
    )
    assert missing.status == 400


async def test_at_most_two_at_a_time_of_one_client(
    agency: Agency, entries: Service, issuer: Issuer
) -> None:
    begun: asyncio.Queue[None] = asyncio.Queue()
    go_on = asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield b"\n"
        begun.put_nowait(None)
        await go_on.wait()
        yield ndjson([row(1)])

    def send(number: int) -> asyncio.Task[Any]:
        headers = {"Content-Type": "application/x-ndjson", "Idempotency-Key": f"slow-{number}"}
        sending = agency.caller.post("/v1/batches", data=slowly(), headers=headers)
        return asyncio.create_task(sending)

    tasks = [send(1), send(2)]
    for _ in tasks:
        await begun.get()
    while (turned_away := await agency.send([row(1)])).status == 201:
        pass  # until the service has seen both
    assert (turned_away.status, turned_away.headers["Retry-After"]) == (429, "5")
    other = Agency(entries, issuer, "other")
    assert counts(await other.send([row(1, person="nobody")])) == (0, 0, 0, 1)
    go_on.set()
    assert [reply.status for reply in await asyncio.gather(*tasks)] == [201, 201]
    assert (await agency.send([row(1)])).status == 201


@pytest.mark.parametrize("scattered", [False, True])
async def test_rows_are_written_in_the_order_of_the_keys_unless_the_days_lie_together(
    agency: Agency, connection: asyncpg.Connection, *, scattered: bool
) -> None:
    by_day = [
        row(number, person=person, date=day, minutes=1)
        for number, (person, day, _) in enumerate(
            itertools.product(("auth0|erin", "auth0|carl"), (Week.TUESDAY, Week.MONDAY), range(9))
        )
    ]
    rows = by_day[::2] + by_day[1::2] if scattered else by_day
    # Space that earlier tests used, and VACUUM freed, would be filled in another order.
    await connection.execute("TRUNCATE entries CASCADE")
    assert counts(await agency.send(rows)) == (36, 0, 0, 0)
    found = await connection.fetch("SELECT person, date::text, external_id FROM entries")
    as_sent = [(each["person"], each["date"], each["external_id"]) for each in rows]
    # Sorting keeps the order of the lines within a day.
    expected = sorted(as_sent, key=lambda key: key[:2]) if scattered else as_sent
    assert [tuple(record) for record in found] == expected
