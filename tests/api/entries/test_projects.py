"""Projects over HTTP."""

from __future__ import annotations

import asyncpg

from libs.web.resources import answer_schema, page_schema
from services.entries.resources import Project
from tests.api.entries.conftest import draft, log
from tests.support.client import Caller
from tests.support.clock import StandingClock


async def test_an_administrator_adds_and_changes_projects(ada: Caller, erin: Caller) -> None:
    created = await ada.post("/v1/projects/HERMES", {"name": "Hermes", "customer": "Big Company"})
    assert (created.status, created.headers["Location"]) == (201, "/v1/projects/HERMES")
    assert answer_schema(Project)().validate(created.json) == {}
    assert (created.json["active"], created.json["billable"]) == (True, True)
    changed = await ada.patch(
        "/v1/projects/HERMES", {"billable": False}, headers={"If-Match": created.etag}
    )
    assert (changed.json["billable"], changed.json["name"], changed.json["version"]) == (
        False,
        "Hermes",
        2,
    )
    stale = await ada.patch("/v1/projects/HERMES", {}, headers={"If-Match": created.etag})
    assert (stale.status, stale.json["current"]["billable"]) == (412, False)
    read = await erin.get("/v1/projects/HERMES", headers={"If-None-Match": changed.etag})
    assert read.status == 304


async def test_codes_are_unique_and_fit_into_an_address(ada: Caller) -> None:
    project = {"name": "Again", "customer": "Big Company"}
    assert (await ada.post("/v1/projects/APOLLO", project)).status == 409
    assert (await ada.post("/v1/projects/a%20b", project)).codes == {("/code", "invalid")}
    assert (await ada.patch("/v1/projects/NONE", {"active": False})).status == 404
    assert (await ada.get("/v1/projects/NONE")).status == 404


async def test_an_inactive_project_takes_no_new_entry(ada: Caller, erin: Caller) -> None:
    entry = await log(erin)
    assert (await ada.patch("/v1/projects/APOLLO", {"active": False})).status == 200
    assert (await erin.post("/v1/entries", draft())).codes == {("/project", "inactive_project")}
    assert (await erin.patch(entry.headers["Location"], {"minutes": 5})).status == 200


async def test_projects_are_listed_by_code_in_pages(ada: Caller, erin: Caller) -> None:
    await ada.patch("/v1/projects/ZEUS", {"active": False})
    everything = await erin.get("/v1/projects")
    assert page_schema(Project)().validate(everything.json) == {}
    assert [project["code"] for project in everything.json["items"]] == ["APOLLO", "ZEUS"]
    active = await erin.get("/v1/projects?active=true")
    assert [project["code"] for project in active.json["items"]] == ["APOLLO"]
    first = await erin.get("/v1/projects?limit=1")
    second = await erin.get(first.json["next"])
    assert [project["code"] for project in second.json["items"]] == ["ZEUS"]
    assert second.json["next"] is None
    assert (await erin.get("/v1/projects?active=maybe")).status == 422


async def test_a_name_that_postgresql_cannot_hold_is_the_name_of_nothing(erin: Caller) -> None:
    assert (await erin.get("/v1/projects/%00")).status == 404
    cursor = "WyJcdTAwMDAiXQ"  # a NUL
    assert (await erin.get(f"/v1/projects?cursor={cursor}")).codes == {("/cursor", "cursor")}


async def test_a_change_that_changes_nothing_keeps_the_version(ada: Caller) -> None:
    same = await ada.patch("/v1/projects/APOLLO", {"name": "Apollo", "active": True, "tasks": []})
    assert same.json["version"] == 1
    assert (await ada.patch("/v1/projects/APOLLO", {})).json["version"] == 1
    assert (await ada.patch("/v1/projects/APOLLO", {"name": "Other"})).json["version"] == 2


async def test_codes_that_differ_in_case_alone_are_one_code(ada: Caller) -> None:
    project = {"name": "Again", "customer": "Big Company"}
    taken = await ada.post("/v1/projects/apollo", project)
    assert (taken.status, taken.json["detail"]) == (409, "There is a project APOLLO already.")


async def test_tasks_are_listed_in_the_order_given(ada: Caller) -> None:
    body = {"tasks": ["Design", "Build"], "note_required": True}
    changed = await ada.patch("/v1/projects/APOLLO", body)
    assert (changed.json["tasks"], changed.json["note_required"]) == (["Design", "Build"], True)
    twice = await ada.patch("/v1/projects/APOLLO", {"tasks": ["Build", "Build"]})
    assert twice.codes == {("/tasks", "invalid")}


async def test_a_name_and_a_customer_change_from_a_day_on(
    ada: Caller, erin: Caller, clock: StandingClock
) -> None:
    path = "/v1/projects/APOLLO"
    planned = await ada.patch(path, {"customer": "Later", "from": "2026-12-01"})
    assert (planned.json["customer"], planned.json["version"]) == ("Big Company", 2)
    renamed = await ada.patch(path, {"name": "Artemis"})
    assert renamed.json["name"] == "Artemis"
    tag = (await erin.get(path)).etag
    clock.move(days=8)
    later = await erin.get(path, headers={"If-None-Match": tag})
    assert (later.json["name"], later.json["customer"]) == ("Artemis", "Later")


async def test_a_project_does_not_end_at_once_that_is_to_end_later(
    ada: Caller, erin: Caller
) -> None:
    """`active`, `tasks` and `note_required` have no date."""
    path, later = "/v1/projects/APOLLO", {"from": "2026-12-31"}
    for change in ({"active": False}, {"tasks": ["Build"]}, {"note_required": True}):
        refused = await ada.patch(path, {**change, "customer": "Later", **later})
        assert refused.codes == {("/from", "undated")}
    assert (await log(erin)).status == 201
    everything = {"active": True, "tasks": [], "note_required": False, "customer": "Later"}
    assert (await ada.patch(path, {**everything, **later})).status == 200
    assert (await ada.patch(path, {"active": False, "from": "2026-11-01"})).status == 200


async def test_a_closed_day_keeps_its_name_and_customer(ada: Caller) -> None:
    await ada.put("/v1/period", {"closed_through": "2026-10-31"})
    path = "/v1/projects/APOLLO"
    refused = await ada.patch(path, {"customer": "Other", "from": "2026-10-31"})
    assert refused.codes == {("/from", "closed")}
    assert (await ada.patch(path, {"customer": "Other", "from": "2026-11-01"})).status == 200


async def test_an_entry_is_billable_as_its_project_is_on_its_day(ada: Caller, erin: Caller) -> None:
    await ada.patch("/v1/projects/APOLLO", {"billable": False, "from": "2026-11-24"})
    assert (await log(erin, date="2026-11-23")).json["billable"] is True
    entry = await log(erin, date="2026-11-24")
    assert entry.json["billable"] is False
    key = {"Idempotency-Key": "k"}
    assert (await erin.post("/v1/entries", draft(), headers=key)).json["billable"] is True


async def test_the_period_shows_how_it_came_to_be(ada: Caller, erin: Caller) -> None:
    assert (await erin.get("/v1/period")).json == {"closed_through": None, "history": []}
    await ada.put("/v1/period", {"closed_through": "2026-10-31", "reason": "payroll"})
    await ada.put("/v1/period", {"closed_through": "2026-11-22"})
    period = (await erin.get("/v1/period")).json
    assert period["closed_through"] == "2026-11-22"
    assert [(step["closed_through"], step["reason"]) for step in period["history"]] == [
        ("2026-11-22", None),
        ("2026-10-31", "payroll"),
    ]
    refused = await ada.put("/v1/period", {"closed_through": "2026-11-23"})
    assert refused.codes == {("/closed_through", "not_over")}


async def test_a_planned_return_to_the_old_value_stays_planned(
    ada: Caller, connection: asyncpg.Connection
) -> None:
    path = "/v1/projects/APOLLO"
    for since, customer in (
        ("2026-12-01", "Small Company"),
        ("2027-01-01", "Big Company"),
        ("2026-11-25", "New Company"),
    ):
        assert (await ada.patch(path, {"customer": customer, "from": since})).status == 200
    versions = await connection.fetch(
        "SELECT valid_from, customer FROM project_versions WHERE code = 'APOLLO' ORDER BY 1"
    )
    assert [(str(row["valid_from"]), row["customer"]) for row in versions] == [
        ("1970-01-01", "Big Company"),
        ("2026-11-25", "New Company"),
        ("2026-12-01", "Small Company"),
        ("2027-01-01", "Big Company"),
    ]
