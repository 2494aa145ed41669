"""Deciding over HTTP: one, many, twice, at once."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from services.approvals.schemas.approvals import ApprovalAnswer
from services.approvals.schemas.decisions import DecisionResultsAnswer
from tests.api.approvals.conftest import LAST, Neighbours, ids, sub
from tests.support.client import ADMINISTRATOR, MANAGER, Caller, Reply, Service
from tests.support.clock import StandingClock
from tests.support.issuer import Issuer

APPROVE = {"decision": "approve"}
REJECT = {"decision": "reject", "reason": "Thursday is missing."}


async def decide(caller: Caller, submitted: str, body: Any = APPROVE, **headers: str) -> Reply:
    return await caller.put(f"/v1/approvals/{submitted}/decision", body, headers=headers)


async def published(connection: asyncpg.Connection) -> list[dict[str, Any]]:
    """The events that approvals published."""
    records = await connection.fetch("SELECT type, subject, data FROM events ORDER BY sequence")
    assert {record["type"] for record in records} <= {"approval.decided"}
    events = [json.loads(record["data"]) for record in records]
    assert [event["submission_id"] for event in events] == [row["subject"] for row in records]
    return events


async def test_a_decision_is_kept_and_published(
    company: Neighbours, maya: Caller, connection: asyncpg.Connection, clock: StandingClock
) -> None:
    submitted = await company.submitted("erin")
    reply = await decide(maya, submitted, REJECT)
    assert reply.status == 200
    approval = reply.json
    assert ApprovalAnswer().validate(approval) == {}
    assert (approval["state"], approval["reason"]) == ("rejected", "Thursday is missing.")
    assert (approval["decided_by"], approval["why"]) == (sub("maya"), "manager")
    assert [step["event"] for step in approval["history"]] == ["submitted", "rejected"]
    read = await maya.get(f"/v1/approvals/{submitted}")
    assert (read.json, read.etag) == (approval, reply.etag)
    assert await published(connection) == [
        {
            "submission_id": submitted,
            "person": sub("erin"),
            "week": LAST,
            "decision": "rejected",
            "reason": "Thursday is missing.",
            "decided_by": sub("maya"),
            "acting_for": None,
            "decided_at": clock.now().isoformat(),
        }
    ]


async def test_the_same_decision_again_changes_nothing(
    company: Neighbours, maya: Caller, connection: asyncpg.Connection, clock: StandingClock
) -> None:
    submitted = await company.submitted("erin")
    seen = (await maya.get(f"/v1/approvals/{submitted}")).etag
    first = await decide(maya, submitted, REJECT, **{"If-Match": seen})
    clock.move(minutes=5)
    second = await decide(maya, submitted, REJECT, **{"If-Match": seen})
    assert (second.status, second.json, second.etag) == (200, first.json, first.etag)
    assert len(await published(connection)) == 1


@pytest.mark.parametrize(
    "other", [APPROVE, {"decision": "reject", "reason": "Another reason."}], ids=["other", "reason"]
)
async def test_another_decision_on_a_decided_week_is_a_conflict(
    company: Neighbours, maya: Caller, connection: asyncpg.Connection, other: dict[str, str]
) -> None:
    submitted = await company.submitted("erin")
    await decide(maya, submitted, REJECT)
    reply = await decide(maya, submitted, other)
    assert (reply.status, reply.json["state"]) == (409, "rejected")
    assert len(await published(connection)) == 1


async def test_somebody_elses_decision_is_not_repeated_but_a_conflict(
    company: Neighbours, maya: Caller, ada: Caller
) -> None:
    submitted = await company.submitted("erin")
    await decide(ada, submitted)
    reply = await decide(maya, submitted)
    assert (reply.status, reply.json["state"]) == (409, "approved")
    assert (await maya.get(f"/v1/approvals/{submitted}")).json["why"] == "administrator"


async def test_of_two_decisions_at_once_the_second_is_a_conflict(
    company: Neighbours, maya: Caller, ada: Caller, connection: asyncpg.Connection
) -> None:
    for week in (44, 45, 46, 47):
        submitted = await company.submitted("erin", week=f"2026-W{week}")
        replies = await asyncio.gather(
            decide(maya, submitted), decide(ada, submitted, REJECT), decide(maya, submitted)
        )
        statuses = sorted(reply.status for reply in replies)
        assert statuses in ([200, 200, 409], [200, 409, 409])
    assert len(await published(connection)) == 4


@pytest.mark.parametrize("scope", [MANAGER, ADMINISTRATOR])
async def test_nobody_decides_their_own_week(
    company: Neighbours, approvals: Service, scope: str, connection: asyncpg.Connection
) -> None:
    # Maya's manager is away and has named maya, who so would decide her own week.
    await company.person("max", None, delegate=("maya", "2026-11-20", "2026-11-30"))
    submitted = await company.submitted("maya")
    reply = await decide(approvals.caller("maya", scope), submitted)
    assert (reply.status, reply.json["detail"]) == (403, "You can't approve your own timesheet.")
    many = await approvals.caller("maya", scope).post(
        "/v1/approvals/decisions", {"ids": [submitted], **APPROVE}
    )
    assert [item["status"] for item in many.json["items"]] == [403]
    assert await published(connection) == []


async def test_administrators_decide_for_people_who_are_their_own_manager(
    company: Neighbours, approvals: Service, ada: Caller
) -> None:
    await company.person("maya", "maya", delegate=("marco", "2026-11-20", "2026-11-30"))
    submitted = await company.submitted("maya")
    for key in ("maya", "marco"):
        assert await ids(approvals.caller(key, MANAGER)) == []
    assert (await decide(ada, submitted)).json["why"] == "unassigned"


async def test_a_delegate_decides_in_the_place_of_the_manager(
    company: Neighbours, marco: Caller, connection: asyncpg.Connection
) -> None:
    await company.person("maya", "max", delegate=("marco", "2026-11-20", "2026-11-30"))
    submitted = await company.submitted("erin")
    approval = (await decide(marco, submitted)).json
    assert (approval["decided_by"], approval["acting_for"], approval["why"]) == (
        sub("marco"),
        sub("maya"),
        "delegate",
    )
    step = approval["history"][-1]
    assert (step["actor"], step["acting_for"], step["why"]) == (
        sub("marco"),
        sub("maya"),
        "delegate",
    )
    assert (await published(connection))[0]["acting_for"] == sub("maya")


@pytest.mark.parametrize(
    ("body", "codes"),
    [
        ({"decision": "reject"}, {("/reason", "invalid")}),
        ({"decision": "reject", "reason": " "}, {("/reason", "invalid")}),
        ({"decision": "reject", "reason": "x" * 1001}, {("/reason", "invalid")}),
        ({"decision": "approved"}, {("/decision", "invalid")}),
        ({}, {("/decision", "required")}),
        ({"decision": "approve", "why": "x"}, {("/why", "unknown")}),
    ],
)
async def test_a_wrong_decision_is_refused_by_field(
    company: Neighbours, maya: Caller, body: dict[str, str], codes: set[tuple[str, str]]
) -> None:
    submitted = await company.submitted("erin")
    reply = await decide(maya, submitted, body)
    assert (reply.status, reply.codes) == (422, codes)


async def test_only_what_was_seen_is_decided(company: Neighbours, maya: Caller) -> None:
    submitted = await company.submitted("erin")
    for stale in ('"0"', '"7.x"'):
        refused = await decide(maya, submitted, APPROVE, **{"If-Match": stale})
        assert (refused.status, refused.json["current"]["state"]) == (412, "pending")
    seen = (await maya.get(f"/v1/approvals/{submitted}")).etag
    assert (await decide(maya, submitted, APPROVE, **{"If-Match": seen})).status == 200


async def test_a_withdrawn_week_is_not_decided(company: Neighbours, maya: Caller) -> None:
    submitted = await company.submitted("erin")
    await company.entries("timesheet.withdrawn", submitted)
    reply = await decide(maya, submitted)
    assert (reply.status, reply.json["state"]) == (409, "withdrawn")


async def test_many_are_decided_each_by_itself_in_the_order_sent(
    company: Neighbours, maya: Caller, marco: Caller, connection: asyncpg.Connection
) -> None:
    first = await company.submitted("erin")
    other = await company.submitted("ethan")
    rejected = await company.submitted("carl")
    second = await company.submitted("erin", week="2026-W46")
    await decide(maya, rejected, REJECT)
    unknown = str(uuid.uuid4())
    sent = [second, other, rejected, unknown, first, first]
    reply = await maya.post("/v1/approvals/decisions", {"ids": sent, **APPROVE})
    assert reply.status == 200
    assert DecisionResultsAnswer().validate(reply.json) == {}
    items = reply.json["items"]
    assert [item["id"] for item in items] == sent
    assert [item["status"] for item in items] == [200, 404, 409, 404, 200, 200]
    assert "problem" not in items[0]
    assert items[2]["problem"]["state"] == "rejected"
    assert items[2]["problem"]["type"].endswith("/conflict")
    assert len(await published(connection)) == 3
    assert await ids(maya, "?state=approved") == [first, second]
    assert await ids(marco, "?state=pending") == [other]


@pytest.mark.parametrize(
    ("body", "codes"),
    [
        ({"ids": [], **APPROVE}, {("/ids", "invalid")}),
        ({"ids": [str(uuid.UUID(int=1))] * 101, **APPROVE}, {("/ids", "invalid")}),
        ({"ids": ["7"], **APPROVE}, {("/ids/0", "invalid")}),
        (APPROVE, {("/ids", "required")}),
        ({"ids": [str(uuid.UUID(int=1))], "decision": "reject"}, {("/reason", "invalid")}),
    ],
)
async def test_a_wrong_bulk_decision_is_refused_by_field(
    maya: Caller, body: dict[str, Any], codes: set[tuple[str, str]]
) -> None:
    reply = await maya.post("/v1/approvals/decisions", body)
    assert (reply.status, reply.codes) == (422, codes)


async def test_a_hundred_are_decided_at_once(company: Neighbours, maya: Caller) -> None:
    weeks = [f"2025-W{number:02}" for number in range(1, 51)]
    submitted = [
        await company.submitted(key, week=week) for week in weeks for key in ("erin", "carl")
    ]
    reply = await maya.post("/v1/approvals/decisions", {"ids": submitted, **APPROVE})
    assert {item["status"] for item in reply.json["items"]} == {200}
    assert len(reply.json["items"]) == 100


@asynccontextmanager
async def closed(database: str) -> AsyncIterator[None]:
    """The database takes no connection and has none."""
    server, _, name = database.rpartition("/")
    connection = await asyncpg.connect(f"{server}/postgres")
    await connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name
    )
    try:
        yield
    finally:
        await connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        await connection.close()


async def test_without_a_database_many_are_refused_as_one(
    approvals_database: str, maya: Caller
) -> None:
    async with closed(approvals_database):
        sent = [str(uuid.uuid4()), str(uuid.uuid4())]
        reply = await maya.post("/v1/approvals/decisions", {"ids": sent, **APPROVE})
    assert (reply.status, reply.headers["Retry-After"]) == (503, "1")


async def test_a_week_in_the_closed_period_is_approved_and_not_rejected(
    company: Neighbours, maya: Caller
) -> None:
    submitted = await company.submitted("erin")
    closing = {"closed_through": "2026-11-16", "reason": "month", "changed_by": sub("ada")}
    await company.tell("entries", "period.changed", "period", closing)
    refused = await decide(maya, submitted, REJECT)
    assert (refused.status, refused.json["lock_reason"]) == (409, "closed")
    assert refused.json["type"].endswith("/closed")
    assert refused.json["unlock"] == "An administrator can move the closed period back."
    many = await maya.post("/v1/approvals/decisions", {"ids": [submitted], **REJECT})
    assert [item["status"] for item in many.json["items"]] == [409]
    assert (await decide(maya, submitted)).status == 200
    reopened = {**closing, "closed_through": None}
    await company.tell("entries", "period.changed", "period", reopened)
    again = await company.submitted("erin", week="2026-W46")
    assert (await decide(maya, again, REJECT)).status == 200


async def test_a_machine_sees_and_decides_nothing(
    company: Neighbours, approvals: Service, issuer: Issuer
) -> None:
    submitted = await company.submitted("erin")
    scopes = "approve:timesheets manage:timesheets"
    machine = approvals.bearer(issuer.machine_token("robot", scopes))
    for reply in (
        await decide(machine, submitted),
        await machine.post("/v1/approvals/decisions", {"ids": [submitted], **APPROVE}),
        await machine.get("/v1/approvals"),
        await machine.get(f"/v1/approvals/{submitted}"),
        await machine.get(f"/v1/approvals/{submitted}/history"),
        await machine.get("/v1/approvals/overdue"),
    ):
        assert reply.status == 403
        assert "This is for people" in reply.json["detail"]


async def test_decisions_in_the_managers_place_are_in_the_change_log(
    company: Neighbours, approvals: Service, maya: Caller, ada: Caller
) -> None:
    await decide(maya, await company.submitted("erin"))
    submitted = await company.submitted("carl")
    await decide(ada, submitted, REJECT)
    auditor = approvals.caller("aud", "read:audit")
    [row] = (await auditor.get("/v1/changes/approvals")).json["items"]
    assert (row["kind"], row["subject"], row["action"]) == ("approval", sub("carl"), "rejected")
    assert (row["actor"], row["reason"]) == (sub("ada"), REJECT["reason"])
    assert row["after"] == {
        "submission_id": submitted,
        "week": LAST,
        "state": "rejected",
        "why": "administrator",
        "acting_for": None,
    }
    assert (await maya.get("/v1/changes/approvals")).status == 403
