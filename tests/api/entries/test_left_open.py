"""Open weeks of people who have left, published for approvals whenever their hours change."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from libs.feed.wire import Delivery
from services.entries.feeds import on_people
from tests.api.entries.agency import Agency, learn, removed, row
from tests.api.entries.conftest import Week, log
from tests.support.client import Caller, Service
from tests.support.clock import StandingClock
from tests.support.events import data_of
from tests.support.issuer import Issuer

LEFT = {"active": False, "until": Week.TUESDAY}


@pytest.fixture
async def connection(entries_database: str) -> AsyncIterator[asyncpg.Connection]:
    opened = await asyncpg.connect(entries_database)
    yield opened
    await opened.close()


@pytest.fixture
async def agency(entries: Service, issuer: Issuer, connection: asyncpg.Connection) -> Agency:
    await learn(connection, "erin")
    return Agency(entries, issuer)


async def published(connection: asyncpg.Connection) -> list[tuple[str, int]]:
    """(week, minutes) of the events since the last call."""
    records = await connection.fetch(
        "DELETE FROM events WHERE type = 'timesheet.left_open' RETURNING subject, data"
    )
    found: list[tuple[str, int]] = []
    for record in records:
        data = json.loads(record["data"])
        assert record["subject"] == f"auth0|erin/{data['week']}"
        found.append((data["week"], data["total_minutes"]))
    return sorted(found)


async def test_a_leavers_open_weeks_are_published_those_emptied_before_included(
    erin: Caller, connection: asyncpg.Connection, clock: StandingClock
) -> None:
    await log(erin, date="2026-11-16")
    emptied = await log(erin)
    await erin.delete(f"/v1/entries/{emptied.json['id']}")
    await erin.post("/v1/timesheets/2026-W46/submit")
    await erin.post("/v1/timesheets/2026-W46/withdraw")
    await erin.get("/v1/timesheets/2026-W40")
    data: dict[str, Any] = {
        "person": "auth0|erin",
        "name": "Erin",
        "email": None,
        "kind": "employee",
        "manager": None,
        "active": False,
        "external_ids": {},
        "uploaders": [],
        "target_minutes": None,
        "delegate": None,
        "version": 1,
    }
    event = Delivery(
        *(1, "1", "/v1/people", "person.changed", "auth0|erin", clock.now(), data_of(data))
    )
    async with connection.transaction():
        await on_people(connection, [event])
    assert await published(connection) == [("2026-W46", 0), ("2026-W47", 60), ("2026-W48", 0)]


async def test_what_an_upload_changes_of_a_leavers_open_week_is_published(
    agency: Agency, connection: asyncpg.Connection, ada: Caller
) -> None:
    del ada  # only that the project is there
    rows = [row(1), row(2, date="2026-11-16"), row(3, date="2026-11-16")]
    await agency.send(rows)
    assert await published(connection) == []
    await learn(connection, "erin", **LEFT)
    await agency.send(rows)
    assert await published(connection) == []
    await agency.send([row(1, minutes=90), *rows[1:]], "?dry_run=true")
    assert await published(connection) == []
    await agency.send([row(1, minutes=90), *rows[1:]])
    assert await published(connection) == [("2026-W48", 90)]
    gone = [{"external_id": f"row-{number}", "deleted": True} for number in (1, 2)]
    reply = await agency.send(gone)
    assert removed(reply) == 2
    assert await published(connection) == [("2026-W47", 60), ("2026-W48", 0)]
    await agency.caller.delete(reply.headers["Location"])
    assert await published(connection) == [("2026-W47", 120), ("2026-W48", 90)]


async def test_what_is_deleted_of_a_leavers_open_week_is_published(
    agency: Agency, connection: asyncpg.Connection, ada: Caller
) -> None:
    await agency.send([row(1), row(2, date=Week.TUESDAY)])
    ids = await connection.fetch("SELECT id FROM entries ORDER BY external_id")
    query = "?person=auth0%7Cerin&reason=sent+twice"
    await ada.delete(f"/v1/entries/{ids[0]['id']}{query}")
    assert await published(connection) == []
    await learn(connection, "erin", **LEFT)
    assert (await ada.delete(f"/v1/entries/{ids[1]['id']}{query}")).status == 204
    assert await published(connection) == [("2026-W48", 0)]
