"""Projects over HTTP."""

from __future__ import annotations

from libs.web.resources import answer_schema, page_schema
from services.entries.resources import Project
from tests.api.entries.conftest import draft, log
from tests.support.client import Caller


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
