"""Weeks that are not submitted, as their approvers see them."""

from __future__ import annotations

from typing import Any

import pytest

from services.approvals.schemas.overdue import OverduePage
from tests.api.approvals.conftest import LAST, Neighbours, sub
from tests.support.client import MANAGER, Caller, Service
from tests.support.clock import StandingClock


async def missing(caller: Caller, query: str = "") -> list[tuple[str, str, int]]:
    """(week, person, days late) of a list, and that the count agrees."""
    reply = await caller.get(f"/v1/approvals/overdue{query}")
    assert reply.status == 200, reply.json
    assert OverduePage().validate(reply.json) == {}
    return [
        (item["week"][-3:], item["person"].removeprefix("auth0|"), item["days_late"])
        for item in reply.json["items"]
    ]


async def count(caller: Caller) -> Any:
    return (await caller.get("/v1/approvals")).json["overdue"]


@pytest.fixture
async def settled(company: Neighbours) -> Neighbours:
    """Everybody is known since week 40 and submitted that week; now it is week 48."""
    for key in ("ada", "max", "maya", "marco", "erin", "carl", "ethan"):
        await company.submitted(key, week="2026-W40")
    return company


async def test_weeks_that_are_over_are_overdue_until_submitted_however_old(
    settled: Neighbours, maya: Caller
) -> None:
    await settled.submitted("carl", week="2026-W46")
    await settled.submitted("carl", week="2026-W45")
    await settled.submitted("erin", week="2026-W44")
    assert await missing(maya) == [
        ("W41", "carl", 43),
        ("W41", "erin", 43),
        ("W42", "carl", 36),
        ("W42", "erin", 36),
        ("W43", "carl", 29),
        ("W43", "erin", 29),
        ("W44", "carl", 22),
        ("W45", "erin", 15),
        ("W46", "erin", 8),
        ("W47", "carl", 1),
        ("W47", "erin", 1),
    ]
    assert await count(maya) == 11
    assert await missing(maya, f"?week={LAST}") == [("W47", "carl", 1), ("W47", "erin", 1)]
    assert await missing(maya, "?week=2026-W48") == []


@pytest.mark.usefixtures("settled")
async def test_a_week_is_over_when_it_is_over_everywhere(
    maya: Caller, clock: StandingClock
) -> None:
    clock.time = clock.time.replace(day=23, hour=11, minute=59)
    assert ("W47", "erin", 1) not in await missing(maya)
    clock.time = clock.time.replace(hour=12, minute=0)
    assert ("W47", "erin", 1) in await missing(maya)


@pytest.mark.parametrize(
    ("endings", "is_missing"),
    [
        ([], False),
        (["timesheet.withdrawn"], True),
        (["timesheet.rejected"], True),
        (["timesheet.approved"], False),
        (["timesheet.approved", "timesheet.reopened"], True),
    ],
)
async def test_what_is_with_the_person_again_is_missing(
    settled: Neighbours, maya: Caller, endings: list[str], is_missing: bool
) -> None:
    submitted = await settled.submitted("erin")
    for kind in endings:
        await settled.entries(
            kind, submitted, decided_by=sub("maya"), reason="no", reopened_by=sub("ada")
        )
    assert (("W47", "erin", 1) in await missing(maya)) is is_missing
    await settled.submitted("erin")
    assert ("W47", "erin", 1) not in await missing(maya)


async def test_each_sees_their_own_people_and_an_administrator_everybody_else(
    settled: Neighbours, approvals: Service, marco: Caller, ada: Caller
) -> None:
    week = f"?week={LAST}"
    assert await missing(marco, week) == [("W47", "ethan", 1)]
    assert await missing(approvals.caller("nora", MANAGER)) == []
    everybody = [person for _, person, _ in await missing(ada, week)]
    assert everybody == ["carl", "erin", "ethan", "marco", "max", "maya"]
    await settled.person("maya", "max", delegate=("marco", "2026-11-20", "2026-11-30"))
    items = (await marco.get(f"/v1/approvals/overdue{week}")).json["items"]
    assert [(item["person"], item["why"], item["acting_for"]) for item in items] == [
        (sub("carl"), "delegate", sub("maya")),
        (sub("erin"), "delegate", sub("maya")),
        (sub("ethan"), "manager", None),
    ]
    unassigned = (await ada.get(f"/v1/approvals/overdue{week}")).json["items"][4]
    assert (unassigned["person"], unassigned["why"], unassigned["approver"]) == (
        sub("max"),
        "unassigned",
        None,
    )


async def test_no_week_before_joining_or_after_leaving_is_overdue(
    settled: Neighbours, maya: Caller, clock: StandingClock
) -> None:
    await settled.person("nils", "maya")
    await settled.person("carl", "maya", active=False)
    assert {person for _, person, _ in await missing(maya)} == {"erin"}
    clock.move(days=7)
    weeks = [week for week, person, _ in await missing(maya) if person == "nils"]
    assert weeks == ["W48"]


async def test_weeks_outside_of_the_days_at_work_are_not_owed(
    settled: Neighbours, maya: Caller
) -> None:
    await settled.person("erin", "maya", since="2026-10-21", until="2026-11-03")
    weeks = [week for week, person, _ in await missing(maya) if person == "erin"]
    assert weeks == ["W43", "W44", "W45"]
    # Joining long before the system was introduced makes no week overdue.
    await settled.person("erin", "maya", since="2019-01-01", until="2026-10-06")
    assert [week for week, person, _ in await missing(maya) if person == "erin"] == ["W41"]


async def test_an_open_week_with_hours_of_somebody_who_left_stays_until_submitted(
    settled: Neighbours, maya: Caller
) -> None:
    full = await settled.submitted("carl", week="2026-W45")
    empty = await settled.submitted("carl", week="2026-W46", by_day={})
    for submitted in (full, empty):
        await settled.entries("timesheet.withdrawn", submitted)
    await settled.person("carl", "maya", active=False)
    assert [row for row in await missing(maya) if row[1] == "carl"] == [("W45", "carl", 15)]
    await settled.submitted("carl", week="2026-W45", submitted_by=sub("maya"))
    assert [row for row in await missing(maya) if row[1] == "carl"] == []


async def test_a_week_that_somebody_who_left_never_submitted_is_overdue_if_it_has_hours(
    settled: Neighbours, maya: Caller
) -> None:
    await settled.person("carl", "maya", active=False)
    left = {"person": sub("carl"), "week": "2026-W46", "total_minutes": 300}
    await settled.tell("entries", "timesheet.left_open", f"{sub('carl')}/2026-W46", left)
    assert [row for row in await missing(maya) if row[1] == "carl"] == [("W46", "carl", 8)]
    await settled.submitted("carl", week="2026-W46", submitted_by=sub("maya"))
    assert [row for row in await missing(maya) if row[1] == "carl"] == []


async def test_a_week_that_was_left_open_is_not_overdue_once_its_hours_are_removed(
    settled: Neighbours, maya: Caller
) -> None:
    withdrawn = await settled.submitted("carl", week="2026-W45")
    await settled.entries("timesheet.withdrawn", withdrawn)
    await settled.person("carl", "maya", active=False)
    for week in ("2026-W45", "2026-W46"):
        left = {"person": sub("carl"), "week": week, "total_minutes": 300}
        await settled.tell("entries", "timesheet.left_open", f"{sub('carl')}/{week}", left)
    assert [week for week, person, _ in await missing(maya) if person == "carl"] == ["W45", "W46"]
    for week in ("2026-W45", "2026-W46"):
        left = {"person": sub("carl"), "week": week, "total_minutes": 0}
        await settled.tell("entries", "timesheet.left_open", f"{sub('carl')}/{week}", left)
    assert [week for week, person, _ in await missing(maya) if person == "carl"] == []


async def test_a_submission_says_more_than_what_was_left_open_before(
    settled: Neighbours, maya: Caller
) -> None:
    left = {"person": sub("carl"), "week": "2026-W46", "total_minutes": 0}
    await settled.tell("entries", "timesheet.left_open", f"{sub('carl')}/2026-W46", left)
    again = await settled.submitted("carl", week="2026-W46")
    await settled.person("carl", "maya", active=False)
    await settled.entries("timesheet.rejected", again, decided_by=sub("maya"), reason="No")
    assert [week for week, person, _ in await missing(maya) if person == "carl"] == ["W46"]


@pytest.mark.usefixtures("settled")
async def test_pages_follow_each_other_to_the_end(maya: Caller) -> None:
    everything = await missing(maya)
    seen: list[tuple[str, str]] = []
    path = "/v1/approvals/overdue?limit=3"
    while path:
        reply = await maya.get(path)
        seen += [(item["week"][-3:], item["person"][6:]) for item in reply.json["items"]]
        path = reply.json["next"]
    assert seen == [(week, person) for week, person, _ in everything]
    assert len(seen) == 14
    assert (await maya.get("/v1/approvals/overdue?cursor=x")).codes == {("/cursor", "cursor")}


async def test_somebody_who_was_off_all_week_is_not_overdue_without_hours(
    settled: Neighbours, maya: Caller
) -> None:
    async def off(week: str, *, is_off: bool) -> None:
        data = {"person": sub("carl"), "week": week, "off": is_off}
        await settled.tell("entries", "absence.changed", f"{sub('carl')}/{week}", data)

    for number in range(41, 47):
        await settled.submitted("carl", week=f"2026-W{number}")
        await settled.submitted("erin", week=f"2026-W{number}")
    await off(LAST, is_off=True)
    assert await missing(maya) == [("W47", "erin", 1)]
    assert await count(maya) == 1
    submission = await settled.submitted("carl")
    await settled.entries("timesheet.withdrawn", submission, person=sub("carl"))
    assert await missing(maya) == [("W47", "carl", 1), ("W47", "erin", 1)]
    await off(LAST, is_off=False)
    assert await count(maya) == 2
