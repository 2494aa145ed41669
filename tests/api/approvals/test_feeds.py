"""The events of entries and profile take effect, in whatever order they arrive."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.approvals.schemas.approvals import ApprovalAnswer
from services.approvals.store.approvals import read_approval
from tests.api.approvals.conftest import LAST, Neighbours, ids, sub
from tests.support.client import Caller

APPROVE = {"decision": "approve"}
BY_MAYA = {"decided_by": sub("maya")}
VOID = {"decision": "approved", **BY_MAYA}


async def look(maya: Caller, submitted: str) -> tuple[str, list[str]]:
    """The state and the events of the history."""
    approval = (await maya.get(f"/v1/approvals/{submitted}")).json
    return approval["state"], [step["event"] for step in approval["history"]]


async def test_a_withdrawn_week_shows_so(company: Neighbours, maya: Caller) -> None:
    submitted = await company.submitted("erin")
    await company.entries("timesheet.withdrawn", submitted)
    assert await look(maya, submitted) == ("withdrawn", ["submitted", "withdrawn"])
    step = (await maya.get(f"/v1/approvals/{submitted}")).json["history"][-1]
    assert (step["actor"], step["total_minutes"]) == (sub("erin"), 2400)


async def test_a_decision_that_came_too_late_is_void_and_the_history_keeps_both(
    company: Neighbours, maya: Caller
) -> None:
    submitted = await company.submitted("erin")
    await maya.put(f"/v1/approvals/{submitted}/decision", APPROVE)
    await company.entries("timesheet.withdrawn", submitted)
    assert await look(maya, submitted) == ("approved", ["submitted", "approved"])
    await company.entries("decision.void", submitted, **VOID)
    void = ("withdrawn", ["submitted", "approved", "void"])
    assert await look(maya, submitted) == void
    approval = (await maya.get(f"/v1/approvals/{submitted}")).json
    assert approval["decided_by"] == sub("maya")
    late = await maya.put(f"/v1/approvals/{submitted}/decision", APPROVE)
    assert (late.status, late.json["state"]) == (409, "withdrawn")
    for kind, fields in (
        ("timesheet.withdrawn", {}),
        ("decision.void", VOID),
        ("timesheet.approved", BY_MAYA),
    ):
        await company.entries(kind, submitted, **fields)
    assert await look(maya, submitted) == void


async def test_a_confirmed_decision_stands_whatever_arrives_late(
    company: Neighbours, maya: Caller
) -> None:
    submitted = await company.submitted("erin")
    decided = await maya.put(f"/v1/approvals/{submitted}/decision", APPROVE)
    await company.entries("timesheet.approved", submitted, **BY_MAYA)
    for kind, fields in (
        ("timesheet.withdrawn", {}),
        ("decision.void", VOID),
        ("timesheet.approved", BY_MAYA),
        ("timesheet.rejected", {"decided_by": sub("ada"), "reason": "no"}),
    ):
        await company.entries(kind, submitted, **fields)
    read = await maya.get(f"/v1/approvals/{submitted}")
    assert (read.json, read.etag) == (decided.json, decided.etag)


async def test_a_reopened_week_stays_approved_and_its_history_shows_it(
    company: Neighbours, maya: Caller
) -> None:
    submitted = await company.submitted("erin")
    await maya.put(f"/v1/approvals/{submitted}/decision", APPROVE)
    await company.entries("timesheet.approved", submitted, **BY_MAYA)
    for _ in range(2):
        await company.entries(
            "timesheet.reopened", submitted, reason="wrong rate", reopened_by=sub("ada")
        )
    approval = (await maya.get(f"/v1/approvals/{submitted}")).json
    assert (approval["state"], approval["reopened"]) == ("approved", True)
    steps = [(step["event"], step["actor"], step["reason"]) for step in approval["history"]]
    assert steps == [
        ("submitted", sub("erin"), None),
        ("approved", sub("maya"), None),
        ("reopened", sub("ada"), "wrong rate"),
    ]
    again = await company.submitted("erin")
    item = (await maya.get(f"/v1/approvals/{again}")).json
    assert (item["state"], item["flags"]) == ("pending", ["resubmitted"])
    repeated = await maya.put(f"/v1/approvals/{submitted}/decision", APPROVE)
    assert (repeated.status, repeated.json) == (200, approval)


async def test_a_submission_received_twice_or_late_is_one(
    company: Neighbours, maya: Caller
) -> None:
    submitted = await company.submitted("erin")
    await company.entries("timesheet.withdrawn", submitted)
    before = (await maya.get(f"/v1/approvals/{submitted}")).json
    await company.submitted("erin", submission_id=submitted, total_minutes=1)
    assert (await maya.get(f"/v1/approvals/{submitted}")).json == before
    assert await ids(maya) == [submitted]


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("timesheet.withdrawn", {}),
        ("timesheet.approved", BY_MAYA),
        ("timesheet.rejected", {**BY_MAYA, "reason": "no"}),
        ("timesheet.reopened", {"reason": "no", "reopened_by": sub("ada")}),
        ("decision.void", VOID),
    ],
)
async def test_events_of_an_unknown_submission_are_skipped(
    company: Neighbours, ada: Caller, kind: str, fields: dict[str, str]
) -> None:
    await company.entries(kind, "018f0000-0000-7000-8000-000000000001", **fields)
    assert await ids(ada) == []


@pytest.mark.parametrize(
    ("kind", "fields", "state"),
    [
        ("timesheet.approved", {"decided_by": sub("ada")}, "approved"),
        ("timesheet.rejected", {"decided_by": sub("ada"), "reason": "no"}, "rejected"),
    ],
)
@pytest.mark.parametrize("decided_here", [False, True])
async def test_a_decision_that_only_entries_knows_is_taken_from_there(
    company: Neighbours,
    maya: Caller,
    kind: str,
    fields: dict[str, str],
    state: str,
    decided_here: bool,
) -> None:
    submitted = await company.submitted("erin")
    if decided_here:
        await maya.put(f"/v1/approvals/{submitted}/decision", APPROVE)
    await company.entries(kind, submitted, **fields)
    approval = (await maya.get(f"/v1/approvals/{submitted}")).json
    assert (approval["state"], approval["decided_by"]) == (state, sub("ada"))
    assert (approval["reason"], approval["why"]) == (fields.get("reason"), None)
    assert approval["history"][-1]["actor"] == sub("ada")


async def test_a_project_is_new_until_a_week_with_it_is_approved(
    company: Neighbours, maya: Caller
) -> None:
    async def flags(week: str) -> list[str]:
        submitted = await company.submitted("erin", week=week)
        latest = (await maya.get(f"/v1/approvals/{submitted}")).json
        await company.entries("timesheet.withdrawn", submitted)
        return [str(flag) for flag in latest["flags"]]

    assert await flags("2026-W44") == ["new_project"]
    assert await flags("2026-W45") == ["new_project"]
    submitted = await company.submitted("erin", week="2026-W46")
    await maya.put(f"/v1/approvals/{submitted}/decision", APPROVE)
    await company.entries("timesheet.approved", submitted, **BY_MAYA)
    assert await flags(LAST) == []
    carls = await company.submitted("carl")
    assert (await maya.get(f"/v1/approvals/{carls}")).json["flags"] == ["new_project"]


async def test_uploaded_and_resubmitted_weeks_say_so(company: Neighbours, maya: Caller) -> None:
    first = await company.submitted("erin", source="batch:nightly")
    await company.entries("timesheet.withdrawn", first)
    second = await company.submitted("erin", by_day={"2026-11-21": 60})
    flags = [item["flags"] for item in (await maya.get("/v1/approvals")).json["items"]]
    assert flags == [
        ["new_project", "uploaded"],
        ["weekend", "off_target", "new_project", "resubmitted"],
    ]
    assert (await maya.get(f"/v1/approvals/{second}")).json["total_minutes"] == 60


async def test_an_event_that_is_none_is_refused_whole(
    company: Neighbours, connection: asyncpg.Connection
) -> None:
    with pytest.raises(ValueError, match="by_day"):
        await company.submitted("erin", by_day={"someday": 60})
    with pytest.raises(ValueError, match="week"):
        await company.submitted("erin", week="2026-W54")
    assert await connection.fetchval("SELECT count(*) FROM approvals") == 0


async def test_a_week_is_measured_by_the_target_of_its_submission(
    company: Neighbours, maya: Caller
) -> None:
    submitted = await company.submitted("erin", target_minutes=1200)
    none = await company.submitted("carl", target_minutes=None)
    first, second = (await maya.get("/v1/approvals")).json["items"]
    assert (first["id"], first["target_minutes"]) == (submitted, 1200)
    assert "off_target" in first["flags"]
    assert (second["id"], second["target_minutes"]) == (none, None)
    assert "off_target" not in second["flags"]


async def test_the_submitter_is_shown_flagged_and_in_the_history(
    company: Neighbours, maya: Caller
) -> None:
    submitted = await company.submitted("erin", submitted_by=sub("maya"), submitted_for=sub("erin"))
    shown = (await maya.get(f"/v1/approvals/{submitted}")).json
    assert shown["submitted_by"] == sub("maya")
    assert shown["flags"] == ["new_project", "submitted_for"]
    [row] = shown["history"]
    assert (row["person"], row["actor"]) == (sub("erin"), sub("maya"))
    own = await company.submitted("carl", submitted_by=sub("carl"), submitted_for=None)
    assert (await maya.get(f"/v1/approvals/{own}")).json["submitted_by"] == sub("carl")


async def test_hours_to_come_holidays_and_changed_billable_are_flagged(
    company: Neighbours, maya: Caller
) -> None:
    holidays = {"2026-11-24": "Founders' Day"}
    entry = {
        "id": "6a1f0a52-3c5e-4d0e-9f6c-2b7a5d7f3c11",
        "date": "2026-11-24",
        "project": "APOLLO",
        "task": None,
        "minutes": 2400,
        "note": "",
        "source": "app",
    }
    week: dict[str, Any] = {"week": "2026-W48", "target_minutes": None}

    async def flags(key: str, **fields: Any) -> list[str]:
        submitted = await company.submitted(key, **week, **fields)
        reply = await maya.get(f"/v1/approvals/{submitted}")
        assert ApprovalAnswer().validate(reply.json) == {}
        return [str(flag) for flag in reply.json["flags"] if flag != "new_project"]

    today = {"2026-11-24": 60}
    assert await flags("erin", by_day=today) == []
    assert await flags("carl", by_day=today, holidays=holidays) == ["holiday"]
    assert await flags("carl", by_day={"2026-11-25": 60}, holidays=holidays) == [
        "resubmitted",
        "not_yet_worked",
    ]
    billable = {**entry, "billable": False, "project_billable": True}
    assert "billable_differs" in await flags("erin", by_day=today, entries=[billable])
    same = {**entry, "billable": True, "project_billable": True}
    assert "billable_differs" not in await flags("erin", by_day=today, entries=[same])


async def test_a_resubmission_shows_why_the_last_one_was_rejected(
    company: Neighbours, maya: Caller
) -> None:
    async def previous(submitted: str) -> Any:
        return (await maya.get(f"/v1/approvals/{submitted}")).json["previous_reason"]

    first = await company.submitted("erin")
    assert await previous(first) is None
    reject = {"decision": "reject", "reason": "Thursday"}
    await maya.put(f"/v1/approvals/{first}/decision", reject)
    await company.entries("timesheet.rejected", first, reason="Thursday", decided_by=sub("maya"))
    second = await company.submitted("erin")
    assert await previous(second) == "Thursday"
    await company.entries("timesheet.withdrawn", second)
    third = await company.submitted("erin")
    assert await previous(third) == "Thursday"
    await maya.put(f"/v1/approvals/{third}/decision", {"decision": "approve"})
    await company.entries("timesheet.approved", third, decided_by=sub("maya"))
    await company.entries("timesheet.reopened", third, reason="x", reopened_by=sub("ada"))
    assert await previous(await company.submitted("erin")) is None


ENDINGS = {
    "withdrawn": [("timesheet.withdrawn", {}), ("decision.void", VOID)],
    "approved": [
        ("timesheet.approved", BY_MAYA),
        ("timesheet.reopened", {"reason": "no", "reopened_by": sub("ada")}),
    ],
}


@given(data=st.data())
@settings(
    max_examples=40,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
async def test_the_end_is_the_same_however_the_feeds_and_the_decision_interleave(
    company: Neighbours, maya: Caller, connection: asyncpg.Connection, data: st.DataObject
) -> None:
    """entries tells in its order, each event once or more; profile and the manager at any time."""
    ending = data.draw(st.sampled_from(sorted(ENDINGS)))
    submitted = await company.submitted("erin")
    # An approved week is not withdrawn, and a week known as withdrawn is not approved.
    received = [event for event in ENDINGS[ending] for _ in range(data.draw(st.integers(1, 2)))]
    decided_after = data.draw(st.integers(0, len(received) if ending == "withdrawn" else 0))
    moved_after = data.draw(st.integers(0, len(received)))
    for place, (kind, fields) in enumerate([*received, ("end", {})]):
        if place == moved_after:
            await company.person("erin", "maya", target_minutes=600)
        if place == decided_after:
            await maya.put(f"/v1/approvals/{submitted}/decision", APPROVE)
        if kind != "end":
            await company.entries(kind, submitted, **fields)
    found = await read_approval(connection, UUID(submitted))
    assert found is not None
    assert found.approval.state == ending
    assert found.approval.reopened is (ending == "approved")
