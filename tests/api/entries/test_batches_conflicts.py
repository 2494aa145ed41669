"""Rows that a client sends again after people changed the entries."""

from __future__ import annotations

import json
from typing import Any

import asyncpg

from tests.api.entries.agency import CLIENT, Agency, counts, learn, removed, row
from tests.api.entries.conftest import Week
from tests.support.client import Caller

ENTRY = "SELECT * FROM entries WHERE external_id = $1"


async def address_of(connection: asyncpg.Connection, number: int = 1) -> str:
    entry = await connection.fetchrow(ENTRY, f"row-{number}")
    return f"/v1/entries/{entry['id']}"


async def minutes_of(connection: asyncpg.Connection) -> dict[str, int]:
    rows = await connection.fetch("SELECT external_id, minutes FROM entries")
    return {record["external_id"]: record["minutes"] for record in rows}


async def test_the_same_file_leaves_what_a_person_corrected(
    agency: Agency, erin: Caller, connection: asyncpg.Connection
) -> None:
    await agency.send([row(1), row(2)])
    await erin.patch(await address_of(connection), {"minutes": 45, "note": "I worked less"})
    await erin.delete(await address_of(connection, 2))
    for _ in range(2):
        assert counts(await agency.send([row(1), row(2)])) == (0, 0, 2, 0)
    assert await minutes_of(connection) == {"row-1": 45}


async def test_a_corrected_row_does_not_overwrite_a_persons_change(
    agency: Agency, erin: Caller, connection: asyncpg.Connection
) -> None:
    await agency.send([row(1), row(2), row(3)])
    await erin.patch(await address_of(connection), {"minutes": 45})
    await erin.delete(await address_of(connection, 2))
    reply = await agency.send([row(1, minutes=50), row(2, minutes=50), row(3, minutes=50)])
    assert counts(reply) == (0, 0, 0, 2)
    assert await agency.errors(reply) == [
        (1, "external_id", "changed_by_person"),
        (2, "external_id", "changed_by_person"),
    ]
    again = [row(1, minutes=50), row(2, minutes=50), row(3, minutes=50)]
    assert counts(await agency.send(again, "?on_error=skip")) == (0, 1, 0, 2)
    assert await minutes_of(connection) == {"row-1": 45, "row-3": 50}


async def test_a_row_that_is_refused_and_skipped_ends_no_conflict(
    agency: Agency, erin: Caller, connection: asyncpg.Connection
) -> None:
    """The row has what the person made of the entry, but is of somebody else."""
    await agency.send([row(1)])
    await erin.patch(await address_of(connection), {"minutes": 45})
    refused = [row(1, minutes=45, person="auth0|carl")]
    assert counts(await agency.send(refused, "?on_error=skip")) == (0, 0, 0, 1)
    assert counts(await agency.send([row(1)])) == (0, 0, 1, 0)
    assert await minutes_of(connection) == {"row-1": 45}


async def test_an_entry_shows_who_changed_it_until_the_client_agrees(
    agency: Agency, erin: Caller, connection: asyncpg.Connection
) -> None:
    await agency.send([row(1)])
    await erin.patch(await address_of(connection), {"minutes": 45})
    assert (await erin.get(await address_of(connection))).json["changed_by"] == "auth0|erin"
    assert counts(await agency.send([row(1, minutes=45)])) == (0, 0, 1, 0)
    assert await connection.fetchval("SELECT count(*) FROM sent_rows") == 0
    assert counts(await agency.send([row(1, minutes=50)])) == (0, 1, 0, 0)
    assert (await erin.get(await address_of(connection))).json["changed_by"] is None


async def test_an_approver_sees_who_changed_an_uploaded_entry(
    agency: Agency, erin: Caller, connection: asyncpg.Connection
) -> None:
    await agency.send([row(1), row(2)])
    await erin.patch(await address_of(connection), {"minutes": 45})
    await erin.post(f"/v1/timesheets/{Week.THIS}/submit")
    event = "SELECT data FROM events WHERE type = 'timesheet.submitted'"
    entries = json.loads(await connection.fetchval(event))["entries"]
    assert {(each["minutes"], each["changed_by"]) for each in entries} == {
        (45, "auth0|erin"),
        (60, None),
    }


async def test_an_entry_that_an_administrator_deleted_does_not_come_back(
    agency: Agency, ada: Caller, connection: asyncpg.Connection
) -> None:
    batch = await agency.send([row(1)])
    query = "?person=auth0|erin&reason=wrong"
    assert (await ada.delete(await address_of(connection) + query)).status == 204
    assert counts(await agency.send([row(1)])) == (0, 0, 1, 0)
    reply = await agency.send([row(1, minutes=5)])
    assert await agency.errors(reply) == [(1, "external_id", "changed_by_person")]
    [item] = (await agency.caller.get(f"{batch.headers['Location']}/rows")).json["items"]
    assert (item["exists"], item["changed_by"]) == (False, "auth0|ada")


async def test_entries_of_an_earlier_release_count_as_sent(
    agency: Agency, erin: Caller, connection: asyncpg.Connection
) -> None:
    await connection.execute(
        """
        INSERT INTO entries (person, id, date, project, minutes, billable, source, external_id,
            version)
        VALUES ('auth0|erin', gen_random_uuid(), '2026-11-23', 'APOLLO', 60, true, $1, 'row-1', 4)
        """,
        f"batch:{CLIENT}",
    )
    assert counts(await agency.send([row(1)])) == (0, 0, 1, 0)
    await erin.patch(await address_of(connection), {"minutes": 45})
    assert counts(await agency.send([row(1)])) == (0, 0, 1, 0)


async def test_an_external_id_stays_with_its_person(
    agency: Agency, erin: Caller, connection: asyncpg.Connection
) -> None:
    await agency.send([row(1), row(2)])
    await erin.delete(await address_of(connection, 2))
    rows = [row(1, person="auth0|carl"), row(2, person="auth0|carl")]
    reply = await agency.send(rows)
    assert await agency.errors(reply) == [
        (1, "external_id", "other_person"),
        (2, "external_id", "other_person"),
    ]
    assert await minutes_of(connection) == {"row-1": 60}
    freed = [{"external_id": "row-1", "deleted": True}, {"external_id": "row-2", "deleted": True}]
    assert removed(await agency.send(freed)) == 1
    assert counts(await agency.send(rows)) == (2, 0, 0, 0)


async def test_unchanged_rows_of_leavers_never_spoil_a_file(
    agency: Agency, connection: asyncpg.Connection
) -> None:
    rows = [
        row(1),
        row(2, person="ERIN@exampleco.com"),
        row(3, person="A-erin"),
        row(4, person="auth0|carl"),
    ]
    assert counts(await agency.send(rows)) == (4, 0, 0, 0)
    changes: tuple[dict[str, Any], ...] = (
        {"active": False},
        {"uploaders": []},
        {"active": False, "uploaders": []},
    )
    for left in changes:
        await learn(connection, "erin", **left)
        assert counts(await agency.send(rows)) == (0, 0, 4, 0)
    reply = await agency.send([row(1, minutes=5), row(4, person="auth0|carl")])
    assert await agency.errors(reply) == [(1, "person", "unknown_person")]


async def test_a_changed_entry_of_another_person_is_another_persons_first(
    agency: Agency, erin: Caller, connection: asyncpg.Connection
) -> None:
    await agency.send([row(1), row(2)])
    address, deleted = await address_of(connection), await address_of(connection, 2)
    assert (await erin.patch(address, {"minutes": 45})).status == 200
    assert (await erin.delete(deleted)).status == 204
    rows = [row(each, person="auth0|carl", minutes=5) for each in (1, 2)]
    reply = await agency.send(rows)
    assert await agency.errors(reply) == [
        (1, "external_id", "other_person"),
        (2, "external_id", "other_person"),
    ]
    reply = await agency.send([row(1, person="nobody", minutes=5), row(2, minutes=5)])
    assert sorted(await agency.errors(reply)) == [
        (1, "person", "unknown_person"),
        (2, "external_id", "changed_by_person"),
    ]


async def test_a_person_who_has_left_still_gets_earlier_hours(
    agency: Agency, connection: asyncpg.Connection
) -> None:
    await learn(connection, "erin", active=False, until="2026-11-20")
    rows = [row(1, date="2026-11-20"), row(2, date="2026-11-21")]
    reply = await agency.send(rows, "?on_error=skip")
    assert counts(reply) == (1, 0, 0, 1)
    assert await agency.errors(reply) == [(2, "person", "inactive_person")]
    await learn(connection, "erin", active=False)
    reply = await agency.send([row(3)])
    assert await agency.errors(reply) == [(1, "person", "inactive_person")]


async def test_a_row_may_stay_in_an_ended_project_but_not_grow_or_move(
    agency: Agency, ada: Caller
) -> None:
    await agency.send([row(1, project="ZEUS"), row(2)])
    await ada.patch("/v1/projects/ZEUS", {"active": False})
    shrunk = row(1, project="ZEUS", minutes=30, note="shorter")
    assert counts(await agency.send([shrunk])) == (0, 1, 0, 0)
    for wrong in (
        row(1, project="ZEUS", minutes=31),
        row(1, project="ZEUS", minutes=30, date=Week.TUESDAY),
        row(2, project="ZEUS"),
        row(3, project="ZEUS"),
    ):
        reply = await agency.send([wrong])
        assert await agency.errors(reply) == [(1, "project", "inactive_project")]


async def test_a_project_that_requires_a_note_rejects_rows_without_one(
    agency: Agency, connection: asyncpg.Connection
) -> None:
    await connection.execute("UPDATE projects SET note_required = true")
    reply = await agency.send([row(1), row(2, note="Meeting")])
    assert await agency.errors(reply) == [(1, "note", "note_required")]


async def test_the_week_that_an_entry_leaves_is_the_first_reason(
    agency: Agency, erin: Caller, connection: asyncpg.Connection
) -> None:
    await agency.send([row(1), row(2, date="2026-11-16")])
    await erin.post(f"/v1/timesheets/{Week.THIS}/submit")
    await erin.post(f"/v1/timesheets/{Week.LAST}/submit")
    await connection.execute("UPDATE weeks SET state = 'approved' WHERE monday = '2026-11-16'")
    reply = await agency.send([row(1, date="2026-11-16"), row(2, date="2026-11-23")])
    assert await agency.errors(reply) == [(1, "date", "submitted"), (2, "date", "approved")]
