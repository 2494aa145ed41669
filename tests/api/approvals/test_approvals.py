"""Approvals over HTTP: what a caller sees, and why."""

from __future__ import annotations

import uuid

import pytest

from services.approvals.schemas.approvals import ApprovalAnswer, ApprovalPageAnswer, HistoryAnswer
from tests.api.approvals.conftest import LAST, Neighbours, ids, sub
from tests.support.client import MANAGER, Caller, Service
from tests.support.clock import StandingClock


async def test_a_manager_sees_the_weeks_of_their_people_oldest_first(
    company: Neighbours, maya: Caller, marco: Caller
) -> None:
    first = await company.submitted("erin")
    second = await company.submitted("carl")
    other = await company.submitted("ethan")
    reply = await maya.get("/v1/approvals?state=pending")
    assert ApprovalPageAnswer().validate(reply.json) == {}
    assert [item["id"] for item in reply.json["items"]] == [first, second]
    assert await ids(marco) == [other]


async def test_an_approval_says_all_that_is_decided_on(company: Neighbours, maya: Caller) -> None:
    submitted = await company.submitted(
        "erin", by_day={"2026-11-16": 300, "2026-11-17": 60}, by_project={"A": 300, "B": 60}
    )
    reply = await maya.get(f"/v1/approvals/{submitted}")
    assert reply.status == 200
    approval = reply.json
    assert ApprovalAnswer().validate(approval) == {}
    assert (approval["submission_id"], approval["person"]) == (submitted, sub("erin"))
    assert (approval["person_name"], approval["week"], approval["state"]) == (
        "Erin",
        LAST,
        "pending",
    )
    assert approval["total_minutes"] == 360
    assert approval["by_day"] == {f"2026-11-{day}": 0 for day in range(16, 23)} | {
        "2026-11-16": 300,
        "2026-11-17": 60,
    }
    assert approval["by_project"] == {"A": 300, "B": 60}
    assert [entry["note"] for entry in approval["entries"]] == ["sprint", "sprint"]
    assert (approval["approver"], approval["why"]) == (sub("maya"), "manager")
    assert (approval["decided_by"], approval["acting_for"]) == (None, None)
    assert [step["event"] for step in approval["history"]] == ["submitted"]


async def test_the_history_can_be_read_alone_and_checked(company: Neighbours, maya: Caller) -> None:
    submitted = await company.submitted("erin")
    await maya.put(f"/v1/approvals/{submitted}/decision", {"decision": "approve"})
    reply = await maya.get(f"/v1/approvals/{submitted}/history")
    assert HistoryAnswer().validate(reply.json) == {}
    first, second = reply.json["items"]
    assert (first["previous"], second["previous"]) == ("0" * 64, first["sha256"])
    assert (second["actor"], second["event"], second["total_minutes"]) == (
        sub("maya"),
        "approved",
        2400,
    )


async def test_somebody_elses_approval_is_not_there(company: Neighbours, marco: Caller) -> None:
    submitted = await company.submitted("erin")
    for attempt in (
        await marco.get(f"/v1/approvals/{submitted}"),
        await marco.get(f"/v1/approvals/{submitted}/history"),
        await marco.put(f"/v1/approvals/{submitted}/decision", {"decision": "approve"}),
        await marco.get(f"/v1/approvals/{uuid.uuid4()}"),
        await marco.get(f"/v1/approvals/{'-' * 36}"),
    ):
        assert (attempt.status, attempt.json["detail"]) == (404, "There is no such approval.")


async def test_a_manager_without_reports_sees_an_empty_list(
    company: Neighbours, approvals: Service
) -> None:
    await company.submitted("erin")
    await company.submitted("max")
    nobody = approvals.caller("nora", MANAGER)
    reply = await nobody.get("/v1/approvals")
    assert (reply.json["items"], reply.json["next"], reply.json["overdue"]) == ([], None, 0)


async def test_the_week_of_somebody_without_a_manager_waits_with_the_administrators(
    company: Neighbours, maya: Caller, ada: Caller
) -> None:
    top = await company.submitted("max")
    unknown = await company.submitted("stranger")
    assert await ids(maya) == []
    items = (await ada.get("/v1/approvals")).json["items"]
    assert [(item["id"], item["why"], item["approver"]) for item in items] == [
        (top, "unassigned", None),
        (unknown, "unassigned", None),
    ]
    assert items[1]["person_name"] is None


async def test_an_administrator_sees_everybodys_weeks_but_their_own(
    company: Neighbours, approvals: Service, ada: Caller
) -> None:
    erins = await company.submitted("erin")
    own = await company.submitted("ada")
    [item] = (await ada.get("/v1/approvals")).json["items"]
    assert (item["id"], item["why"], item["approver"]) == (erins, "administrator", sub("maya"))
    assert (await ada.get(f"/v1/approvals/{own}")).status == 404
    assert await ids(approvals.caller("max", MANAGER)) == [own]


async def test_a_changed_manager_moves_what_is_pending(
    company: Neighbours, maya: Caller, marco: Caller
) -> None:
    submitted = await company.submitted("erin")
    await company.person("erin", "marco")
    assert await ids(maya) == []
    assert await ids(marco) == [submitted]
    assert (await maya.get(f"/v1/approvals/{submitted}")).status == 404


async def test_a_manager_who_leaves_leaves_the_weeks_to_the_administrators(
    company: Neighbours, maya: Caller, marco: Caller, ada: Caller
) -> None:
    submitted = await company.submitted("erin")
    away = ("marco", "2026-11-20", "2026-11-30")
    await company.person("maya", "max", active=False, delegate=away)
    # Within a second she is refused altogether.
    reply = await maya.get("/v1/approvals")
    assert reply.status == 403 or reply.json["items"] == []
    assert await ids(marco) == []
    approval = (await ada.get(f"/v1/approvals/{submitted}")).json
    assert (approval["why"], approval["approver"]) == ("unassigned", None)


@pytest.mark.parametrize(
    ("first", "last", "stands_in"),
    [
        ("2026-11-20", "2026-11-30", True),
        # Noon in UTC on the 23rd: it is the 24th in the east and the 23rd in the west.
        ("2026-11-24", "2026-11-30", True),
        ("2026-11-25", "2026-11-30", False),
        ("2026-11-20", "2026-11-23", True),
        ("2026-11-20", "2026-11-22", False),
    ],
)
async def test_a_delegate_decides_in_the_days_of_the_delegation(
    company: Neighbours, marco: Caller, maya: Caller, first: str, last: str, stands_in: bool
) -> None:
    submitted = await company.submitted("erin")
    await company.person("maya", "max", delegate=("marco", first, last))
    assert await ids(marco) == ([submitted] if stands_in else [])
    assert await ids(maya) == [submitted]
    reply = await marco.get(f"/v1/approvals/{submitted}")
    assert reply.status == (200 if stands_in else 404)
    if stands_in:
        shown = (reply.json["why"], reply.json["acting_for"], reply.json["approver"])
        assert shown == ("delegate", sub("maya"), sub("maya"))


async def test_a_delegation_ends_by_itself(
    company: Neighbours, marco: Caller, clock: StandingClock
) -> None:
    await company.submitted("erin")
    await company.person("maya", "max", delegate=("marco", "2026-11-20", "2026-11-24"))
    assert len(await ids(marco)) == 1
    clock.move(days=2)
    assert await ids(marco) == []


async def test_the_order_of_events_from_two_feeds_does_not_matter(
    neighbours: Neighbours, maya: Caller
) -> None:
    submitted = await neighbours.submitted("erin", by_day={"2026-11-16": 600})
    assert await ids(maya) == []
    await neighbours.person("maya")
    await neighbours.person("erin", "maya", target_minutes=600)
    [late] = (await maya.get("/v1/approvals")).json["items"]
    assert (late["id"], late["why"], late["flags"]) == (submitted, "manager", ["new_project"])


async def test_a_list_can_be_narrowed(company: Neighbours, maya: Caller, ada: Caller) -> None:
    erins = await company.submitted("erin")
    carls = await company.submitted("carl", week="2026-W46")
    await maya.put(f"/v1/approvals/{carls}/decision", {"decision": "approve"})
    for caller in (maya, ada):
        assert await ids(caller) == [erins, carls]
        assert await ids(caller, "?state=approved") == [carls]
        assert await ids(caller, f"?week={LAST}") == [erins]
        assert await ids(caller, f"?person={sub('carl')}&state=approved") == [carls]
        assert await ids(caller, f"?person={sub('carl')}&state=pending") == []
    assert (await maya.get("/v1/approvals?state=open")).codes == {("/state", "invalid")}
    assert (await maya.get("/v1/approvals?week=2026-11-16")).codes == {("/week", "invalid")}
    assert (await maya.get("/v1/approvals?flags=odd")).codes == {("/flags", "invalid")}


async def test_the_clean_ones_are_listed_apart(
    company: Neighbours, maya: Caller, ada: Caller
) -> None:
    before = await company.submitted("erin", week="2026-W46")
    await company.entries("timesheet.approved", before, decided_by=sub("maya"))
    clean = await company.submitted("erin")
    long = await company.submitted("carl", by_day={"2026-11-16": 601, "2026-11-21": 1799})
    for caller in (maya, ada):
        assert await ids(caller, "?flags=none&state=pending") == [clean]
        assert await ids(caller, "?flags=over_10_hours") == [long]
        assert await ids(caller, "?flags=off_target") == []
        assert await ids(caller, "?flags=weekend") == [long]
    # A week is measured by the target at its submission, whatever the target is now.
    await company.person("erin", "maya", target_minutes=1200)
    assert await ids(maya, "?flags=none&state=pending") == [clean]
    off = await company.submitted("erin", week="2026-W45")
    assert await ids(maya, "?flags=off_target&state=pending") == [off]


async def test_flags_of_a_decided_week_stay_as_they_were(company: Neighbours, maya: Caller) -> None:
    submitted = await company.submitted("erin")
    decided = await maya.put(f"/v1/approvals/{submitted}/decision", {"decision": "approve"})
    assert decided.json["flags"] == ["new_project"]
    await company.person("erin", "maya", target_minutes=1200)
    assert (await maya.get(f"/v1/approvals/{submitted}")).json["flags"] == ["new_project"]
    assert await ids(maya, "?flags=off_target") == []


async def test_pages_follow_each_other_to_the_end_though_rows_go(
    company: Neighbours, maya: Caller, ada: Caller
) -> None:
    submitted = [
        await company.submitted(key, week=f"2026-W{week}")
        for week in (41, 42, 43, 44)
        for key in ("erin", "carl")
    ]
    for caller in (maya, ada):
        seen: list[str] = []
        path = "/v1/approvals?limit=3"
        while path:
            reply = await caller.get(path)
            assert (reply.json["overdue"] is None) == ("cursor" in path)
            seen += [item["id"] for item in reply.json["items"]]
            path = reply.json["next"]
        assert seen == submitted
    first = await maya.get("/v1/approvals?limit=3&state=pending")
    await maya.put(f"/v1/approvals/{submitted[0]}/decision", {"decision": "approve"})
    second = await maya.get(first.json["next"])
    assert [item["id"] for item in second.json["items"]] == submitted[3:6]
    assert (await maya.get("/v1/approvals?cursor=nonsense")).codes == {("/cursor", "cursor")}


async def test_an_unchanged_approval_is_not_sent_again(company: Neighbours, maya: Caller) -> None:
    submitted = await company.submitted("erin")
    path = f"/v1/approvals/{submitted}"
    same = {"If-None-Match": (await maya.get(path)).etag}
    assert (await maya.get(path, headers=same)).status == 304
    await company.person("erin", "maya", name="Erin Newname")
    assert (await maya.get(path, headers=same)).status == 200


async def test_what_somebody_decided_stays_to_be_read_by_them(
    company: Neighbours, marco: Caller, maya: Caller, clock: StandingClock
) -> None:
    submitted = await company.submitted("erin")
    await company.person("maya", "max", delegate=("marco", "2026-11-20", "2026-11-24"))
    await marco.put(f"/v1/approvals/{submitted}/decision", {"decision": "approve"})
    clock.move(days=7)
    assert await ids(marco) == [submitted]
    approval = (await marco.get(f"/v1/approvals/{submitted}")).json
    assert (approval["why"], approval["acting_for"]) == ("delegate", sub("maya"))
    assert (await maya.get(f"/v1/approvals/{submitted}")).json["why"] == "delegate"


async def test_an_older_word_about_a_person_changes_nothing(
    company: Neighbours, maya: Caller
) -> None:
    submitted = await company.submitted("erin")
    await company.person("erin", "marco", version=0)
    assert await ids(maya) == [submitted]


async def test_unassigned_weeks_are_listed_for_administrators(
    company: Neighbours, maya: Caller, ada: Caller
) -> None:
    await company.person("nils", "nobody")
    await company.person("gone", "max", active=False)
    await company.person("nora", "gone")
    erins = await company.submitted("erin")
    unassigned = [await company.submitted(key) for key in ("max", "nils", "nora")]
    await company.person("ada", None)
    assert await ids(ada, "?why=unassigned&state=pending") == unassigned
    assert await ids(ada, "?why=administrator") == [erins]
    assert await ids(maya, "?why=manager") == [erins]
    assert await ids(maya, "?why=delegate") == []
    assert (await ada.get("/v1/approvals?why=boss")).codes == {("/why", "invalid")}
    await maya.put(f"/v1/approvals/{erins}/decision", {"decision": "approve"})
    assert await ids(ada, "?why=manager") == [erins]
