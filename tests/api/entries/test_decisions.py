"""Applying the events of approvals and profile in entries."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

import asyncpg

from libs.feed.events import deferred_publish
from libs.feed.wire import Delivery
from services.entries.feeds import HANDLERS
from services.entries.reports.schemas import MissingPage
from tests.api.entries.conftest import Week, log
from tests.support.client import MANAGER, Caller, Service
from tests.support.events import data_of
from tests.support.issuer import PERSON

THIS = f"/v1/timesheets/{Week.THIS}"
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


async def deliver(
    connection: asyncpg.Connection, source: str, kind: str, data: dict[str, Any], at: datetime = NOW
) -> None:
    delivery = Delivery(1, str(uuid.uuid4()), source, kind, str(data["person"]), at, data_of(data))
    async with connection.transaction(), deferred_publish(connection):
        await HANDLERS[source][kind](connection, [delivery])


async def decide(
    connection: asyncpg.Connection, submission_id: str, decision: str, reason: str | None = None
) -> None:
    data = {
        "submission_id": submission_id,
        "person": "auth0|erin",
        "week": Week.THIS,
        "decision": decision,
        "reason": reason,
        "decided_by": "auth0|maya",
        "acting_for": None,
        "decided_at": NOW.isoformat(),
    }
    await deliver(connection, "approvals", "approval.decided", data)


async def learn(
    connection: asyncpg.Connection, person: str, at: datetime = NOW, **fields: Any
) -> None:
    data = {
        "person": f"auth0|{person}",
        "name": person.title(),
        "email": f"{person}@exampleco.com",
        "kind": "employee",
        "employer": None,
        "manager": "auth0|maya",
        "active": True,
        "external_ids": {},
        "uploaders": [],
        "target_minutes": 2400,
        "delegate": None,
        "version": 1,
        **fields,
    }
    await deliver(connection, "profile", "person.changed", data, at)


async def published(connection: asyncpg.Connection) -> list[str]:
    return [row[0] for row in await connection.fetch("SELECT type FROM events ORDER BY sequence")]


async def submit(erin: Caller) -> str:
    submission: str = (await erin.post(f"{THIS}/submit")).json["submission_id"]
    return submission


async def test_an_approval_closes_the_week_and_reopening_opens_it(
    erin: Caller, ada: Caller, connection: asyncpg.Connection
) -> None:
    entry = await log(erin)
    await decide(connection, await submit(erin), "approved")
    week = (await erin.get(THIS)).json
    assert (week["state"], week["can_withdraw"]) == ("approved", False)
    refused = await erin.delete(entry.headers["Location"])
    assert (refused.status, refused.json["lock_reason"]) == (409, "approved")
    assert (await erin.post(f"{THIS}/withdraw")).status == 409
    body = {"person": "auth0|erin", "reason": "wrong rate"}
    reopened = (await ada.post(f"{THIS}/reopen", body)).json
    assert (reopened["state"], reopened["reason"]) == ("open", "wrong rate")
    assert [step["event"] for step in reopened["history"]] == ["submitted", "approved", "reopened"]
    assert reopened["history"][1]["actor"] == "auth0|maya"
    assert await published(connection) == [
        "timesheet.submitted",
        "timesheet.approved",
        "timesheet.reopened",
    ]


async def test_a_rejected_week_is_open_and_shows_the_reason_until_resubmitted(
    erin: Caller, connection: asyncpg.Connection
) -> None:
    await log(erin)
    await decide(connection, await submit(erin), "rejected", "wrong project")
    week = (await erin.get(THIS)).json
    assert (week["state"], week["reason"]) == ("open", "wrong project")
    assert (await log(erin)).status == 201
    assert (await erin.post(f"{THIS}/submit")).json["reason"] is None


async def test_a_decision_never_lands_on_a_later_submission(
    erin: Caller, connection: asyncpg.Connection
) -> None:
    first = await submit(erin)
    await erin.post(f"{THIS}/withdraw")
    second = await submit(erin)
    await decide(connection, first, "approved")
    week = (await erin.get(THIS)).json
    assert (week["state"], week["submission_id"]) == ("submitted", second)
    assert (await published(connection))[-1] == "decision.void"


async def test_a_decision_that_comes_twice_takes_effect_once(
    erin: Caller, connection: asyncpg.Connection
) -> None:
    submission = await submit(erin)
    for _ in range(2):
        await decide(connection, submission, "approved")
    assert await published(connection) == ["timesheet.submitted", "timesheet.approved"]
    assert len((await erin.get(THIS)).json["history"]) == 2


async def test_the_target_is_what_profile_last_said(
    erin: Caller, connection: asyncpg.Connection
) -> None:
    await learn(connection, "erin", target_minutes=1200, version=2)
    await learn(connection, "erin", target_minutes=600, version=1)
    assert (await erin.get(THIS)).json["target_minutes"] == 1200
    assert (await erin.get("/v1/entries/rules")).json["target_minutes"] == 1200


async def test_a_report_names_who_has_not_submitted(
    entries: Service, erin: Caller, connection: asyncpg.Connection
) -> None:
    await log(erin)
    for person in ("erin", "carl", "emil"):
        await learn(connection, person)
    await learn(connection, "gone", active=False)
    await learn(connection, "other", manager="auth0|marco")
    await entries.caller("carl").post(f"{THIS}/submit")

    async def missing(caller: Caller) -> list[str]:
        reply = await caller.get(f"/v1/reports/missing?week={Week.THIS}")
        assert MissingPage().validate(reply.json) == {}
        return [item["name"] for item in reply.json["items"]]

    payroll = entries.caller("payroll", "read:reports")
    assert await missing(payroll) == ["Emil", "Erin", "Other"]
    assert await missing(entries.caller("maya", MANAGER)) == ["Emil", "Erin"]
    assert await missing(entries.caller("marco", MANAGER)) == ["Other"]
    refused = await entries.caller("x", PERSON).get(f"/v1/reports/missing?week={Week.THIS}")
    assert refused.status == 403


async def test_a_delegate_sees_the_team_of_the_manager_but_not_their_own_weeks(
    entries: Service, connection: asyncpg.Connection
) -> None:
    standing_in = {"person": "auth0|marco", "from": "2026-11-20", "to": "2026-11-24"}
    await learn(connection, "maya", manager=None, delegate=standing_in)
    await learn(connection, "erin")
    await learn(connection, "marco")
    report = await entries.caller("marco", MANAGER).get(f"/v1/reports/missing?week={Week.THIS}")
    assert [item["name"] for item in report.json["items"]] == ["Erin"]


async def test_the_report_comes_in_pages(entries: Service, connection: asyncpg.Connection) -> None:
    for person in ("a", "b", "c"):
        await learn(connection, person)
    payroll = entries.caller("payroll", "read:reports")
    first = await payroll.get(f"/v1/reports/missing?week={Week.THIS}&limit=2")
    second = await payroll.get(first.json["next"])
    assert [item["name"] for item in second.json["items"]] == ["C"]
