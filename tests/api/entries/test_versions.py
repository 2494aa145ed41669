"""A resource that is created under the id of a deleted one goes on from its version.

So a request from before the deletion that arrives late never matches (RFC 9110 section 13.1.1).
"""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import asyncpg
import pytest

from tests.api.entries.agency import Agency, row
from tests.api.entries.conftest import Week, draft
from tests.support.client import Caller

ABSENCE = {"from": "2026-12-28", "to": "2026-12-29", "kind": "vacation"}
DELETE = "DELETE FROM entries WHERE id = $1"
WAITS = """
    SELECT EXISTS (
        SELECT FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'
    )
"""


@pytest.mark.parametrize(
    ("kind", "body", "changed"),
    [
        ("entries", draft(), draft(note="late")),
        ("absences", ABSENCE, ABSENCE | {"note": "late"}),
    ],
)
async def test_a_request_from_before_the_deletion_does_not_match(
    erin: Caller, kind: str, body: dict[str, Any], changed: dict[str, Any]
) -> None:
    path = f"/v1/{kind}/{uuid.uuid4()}"
    versions = []
    for _ in range(3):
        created = await erin.put(path, body)
        versions.append(created.json["version"])
        await erin.delete(path)
    again = await erin.put(path, body)

    late = await erin.put(path, changed, headers={"If-Match": '"1"'})

    assert (versions, again.status, again.json["version"]) == ([1, 2, 3], 201, 4)
    assert again.headers["ETag"].startswith('"4')
    assert (late.status, late.json["version"]) == (412, 4)


async def test_a_post_with_an_id_and_a_copied_week_go_on_too(erin: Caller) -> None:
    entry_id = str(uuid.uuid4())
    posted = await erin.post("/v1/entries", draft(id=entry_id))
    await erin.patch(f"/v1/entries/{entry_id}", {"minutes": 5})
    await erin.delete(f"/v1/entries/{entry_id}")
    again = await erin.post("/v1/entries", draft(id=entry_id))
    copies = []
    for _ in range(2):
        weeks = {"from_week": Week.THIS, "to_week": Week.LAST}
        copied = await erin.post("/v1/entries/copy", weeks)
        copies += copied.json["items"]
        await erin.delete(f"/v1/entries/{copies[-1]['id']}")

    assert (posted.json["version"], again.json["version"]) == (1, 3)
    assert copies[0]["id"] == copies[1]["id"]
    assert [copy["version"] for copy in copies] == [1, 2]


async def test_a_creation_that_waits_for_the_deletion_goes_on(
    erin: Caller, connection: asyncpg.Connection, entries_database: str
) -> None:
    entry_id = uuid.uuid4()
    path = f"/v1/entries/{entry_id}"
    await erin.put(path, draft())
    async with connection.transaction():
        await connection.execute(DELETE, entry_id)
        creating = asyncio.create_task(erin.put(path, draft(note="again")))
        observer = await asyncpg.connect(entries_database)
        async with asyncio.timeout(10):
            while not await observer.fetchval(WAITS):
                await asyncio.sleep(0.01)
        await observer.close()

    created = await creating

    assert (created.status, created.json["version"]) == (201, 2)


async def test_undoing_a_batch_keeps_an_entry_that_its_person_created_again(
    agency: Agency, erin: Caller, connection: asyncpg.Connection
) -> None:
    batch = await agency.send([row(1)])
    path = f"/v1/entries/{await connection.fetchval('SELECT id FROM entries')}"
    await erin.delete(path)
    await erin.put(path, draft())

    undone = (await agency.caller.delete(batch.headers["Location"])).json["undone"]

    assert (undone["removed"], undone["kept"]) == (0, 1)
    assert (await erin.get(path)).status == 200


async def test_what_undo_brings_back_goes_on_from_what_the_batch_removed(
    agency: Agency, erin: Caller, connection: asyncpg.Connection
) -> None:
    await agency.send([row(1)])
    path = f"/v1/entries/{await connection.fetchval('SELECT id FROM entries')}"
    batch = await agency.send([{"external_id": "row-1", "deleted": True}])
    await agency.caller.delete(batch.headers["Location"])
    restored = (await erin.get(path)).json["version"]
    await erin.delete(path)
    again = await erin.put(path, draft())

    assert (restored, again.json["version"]) == (2, 3)
