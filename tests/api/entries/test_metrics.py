"""Business metrics count each commit once, and nothing that was rolled back."""

from __future__ import annotations

import uuid

import asyncpg

from tests.api.entries.agency import Agency, learn, row
from tests.api.entries.conftest import Week, draft, log
from tests.support.client import Caller, Service
from tests.support.issuer import Issuer


async def logged(service: Service, source: str = "app") -> float:
    return await service.metric("timesheets_entries_logged_total", source=source)


async def test_an_entry_counts_once_however_often_it_is_sent(
    entries: Service, erin: Caller
) -> None:
    path, same = f"/v1/entries/{uuid.uuid4()}", draft(id=str(uuid.uuid4()))
    for _ in range(2):
        await erin.put(path, draft())
        await erin.post("/v1/entries", same)
        await erin.post("/v1/entries", draft(), headers={"Idempotency-Key": "once"})
    assert await logged(entries) == 3
    refused = await erin.post("/v1/entries", draft(minutes=1440))
    assert refused.status == 422
    assert await logged(entries) == 3


async def test_a_copied_week_counts_what_it_made(entries: Service, erin: Caller) -> None:
    await log(erin)
    weeks = {"from_week": Week.THIS, "to_week": Week.NEXT}
    for _ in range(2):
        assert (await erin.post("/v1/entries/copy", weeks)).status == 201
    assert await logged(entries) == 2


async def test_a_submission_counts_and_one_that_is_refused_does_not(
    entries: Service, erin: Caller
) -> None:
    statuses = [
        (await erin.post(f"/v1/timesheets/{Week.THIS}/submit")).status for _again in range(2)
    ]
    assert statuses == [200, 409]
    assert await entries.metric("timesheets_weeks_submitted_total") == 1


async def test_batches_count_by_what_became_of_them(
    entries: Service, erin: Caller, issuer: Issuer, entries_database: str
) -> None:
    del erin  # only that the projects are there
    connection = await asyncpg.connect(entries_database)
    await learn(connection, "erin")
    await connection.close()
    agency = Agency(entries, issuer)
    for _ in range(2):
        await agency.send([row(1), row(2)], key="once")
    await agency.send([row(3)], "?dry_run=true")
    await agency.send([row(4), row(5, project="NONE")])
    states = {
        state: await entries.metric("timesheets_batches_total", state=state)
        for state in ("applied", "refused", "dry_run")
    }
    assert states == {"applied": 1, "refused": 1, "dry_run": 1}
    assert await logged(entries, "batch") == 2
