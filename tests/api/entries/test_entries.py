"""Entries over HTTP: logging, changing, deleting, listing."""

from __future__ import annotations

import asyncio
import uuid

import pytest

from libs.web.resources import answer_schema, page_schema
from services.entries.schemas.entries import EntryAnswer
from tests.api.entries.conftest import Week, draft, log
from tests.support.client import Caller


async def test_a_logged_entry_can_be_read_where_its_location_says(erin: Caller) -> None:
    reply = await log(erin, note="sprint planning", task="Planning")
    assert answer_schema(EntryAnswer)().validate(reply.json) == {}
    assert reply.etag == '"1"'
    read = await erin.get(reply.headers["Location"])
    assert (read.status, read.json, read.etag) == (200, reply.json, reply.etag)
    assert read.json["person"] == "auth0|erin"
    assert read.json["week"] == Week.THIS
    assert read.json["source"] == "app"
    assert read.json["billable"] is True
    assert read.json["can_edit"] is True


async def test_an_entry_is_billable_as_its_project_unless_it_says_otherwise(erin: Caller) -> None:
    assert (await log(erin, project="ZEUS")).json["billable"] is False
    assert (await log(erin, project="ZEUS", billable=True)).json["billable"] is True


async def test_the_same_post_with_the_same_id_is_the_same_entry(erin: Caller) -> None:
    body = draft(id=str(uuid.uuid4()))
    first, second = await erin.post("/v1/entries", body), await erin.post("/v1/entries", body)
    assert (first.status, second.status) == (201, 201)
    assert first.json == second.json
    other = await erin.post("/v1/entries", {**body, "minutes": 5})
    assert (other.status, other.json["current"]["minutes"]) == (409, 60)


async def test_two_entries_may_say_the_same(erin: Caller) -> None:
    assert (await log(erin)).json["id"] != (await log(erin)).json["id"]


async def test_an_idempotency_key_makes_a_repeated_post_one_entry(erin: Caller) -> None:
    key = {"Idempotency-Key": "a-key"}
    replies = await asyncio.gather(
        *(erin.post("/v1/entries", draft(), headers=key) for _ in range(5))
    )
    assert {reply.status for reply in replies} == {201}
    assert len({reply.json["id"] for reply in replies}) == 1
    assert len({reply.headers["Location"] for reply in replies}) == 1
    other = await erin.post("/v1/entries", draft(minutes=7), headers=key)
    assert other.status == 422
    assert len((await erin.get("/v1/entries")).json["items"]) == 1


@pytest.mark.parametrize("kind", ["entries", "absences"])
async def test_a_creation_that_arrives_late_does_not_bring_back_what_was_deleted(
    erin: Caller, kind: str
) -> None:
    body = {"entries": draft(), "absences": {"from": "2026-12-28", "to": "2026-12-29"}}[kind]
    body |= {"kind": "vacation"} if kind == "absences" else {}
    path, headers = f"/v1/{kind}/{uuid.uuid4()}", {"Idempotency-Key": "k", "If-None-Match": "*"}
    first = await erin.put(path, body, headers=headers)
    assert first.status == 201
    assert (await erin.delete(path)).status == 204

    late = await erin.put(path, body, headers=headers)

    assert late.headers["Idempotency-Replayed"] == "true"
    assert (late.status, late.json) == (first.status, first.json)
    assert (await erin.get(f"/v1/{kind}")).json["items"] == []


async def test_an_idempotency_key_is_each_callers_own(erin: Caller, carl: Caller) -> None:
    key = {"Idempotency-Key": "a-key"}
    mine = await erin.post("/v1/entries", draft(), headers=key)
    theirs = await carl.post("/v1/entries", draft(), headers=key)
    assert mine.json["id"] != theirs.json["id"]


async def test_a_refused_post_leaves_its_key_free(erin: Caller) -> None:
    key = {"Idempotency-Key": "a-key"}
    refused = await erin.post("/v1/entries", draft(project="NONE"), headers=key)
    assert refused.codes == {("/project", "unknown_project")}
    assert (await erin.post("/v1/entries", draft(), headers=key)).status == 201


@pytest.mark.parametrize(
    ("fields", "codes"),
    [
        ({"minutes": 0}, {("/minutes", "invalid")}),
        ({"minutes": 1441}, {("/minutes", "invalid")}),
        ({"project": "NONE"}, {("/project", "unknown_project")}),
        ({"project": "a b"}, {("/project", "invalid")}),
        ({"date": "2026-12-26"}, {("/date", "too_far_ahead")}),
        ({"note": "x" * 2001}, {("/note", "invalid")}),
        ({"id": "7"}, {("/id", "invalid")}),
        ({"hours": 1}, {("/hours", "unknown")}),
        ({"person": "auth0|carl"}, {("/person", "unknown")}),
        ({"date": "2026-12-26", "project": "NONE"},
         {("/date", "too_far_ahead"), ("/project", "unknown_project")}),
    ],
)  # fmt: skip
async def test_an_invalid_entry_is_reported_by_field(
    erin: Caller, fields: dict[str, object], codes: set[tuple[str, str]]
) -> None:
    reply = await erin.post("/v1/entries", draft(**fields))
    assert (reply.status, reply.codes) == (422, codes)


async def test_a_day_holds_24_hours_over_all_projects(erin: Caller) -> None:
    await log(erin, minutes=1000)
    await log(erin, minutes=440, project="ZEUS")
    full = await erin.post("/v1/entries", draft(minutes=1))
    assert full.codes == {("/minutes", "day_full")}
    assert "0 are left" in full.json["detail"]
    await log(erin, minutes=1440, date=Week.TUESDAY)


async def test_putting_creates_and_replaces_and_repeating_changes_nothing(erin: Caller) -> None:
    address = f"/v1/entries/{uuid.uuid4()}"
    created = await erin.put(address, draft())
    assert (created.status, created.headers["Location"]) == (201, address)
    again = await erin.put(address, draft())
    assert (again.status, again.json) == (200, created.json)
    replaced = await erin.put(address, draft(minutes=90, note="longer"))
    assert (replaced.status, replaced.json["version"], replaced.etag) == (200, 2, '"2"')
    assert (await erin.get(address)).json == replaced.json


async def test_many_puts_of_one_new_entry_at_once_make_one(erin: Caller) -> None:
    address = f"/v1/entries/{uuid.uuid4()}"
    replies = await asyncio.gather(*(erin.put(address, draft(minutes=800)) for _ in range(8)))
    assert sorted(reply.status for reply in replies) == [200] * 7 + [201]
    assert (await erin.get("/v1/timesheets/2026-W48")).json["total_minutes"] == 800


async def test_a_stale_version_is_refused_with_the_present_one(erin: Caller) -> None:
    entry = await log(erin)
    address, stale = entry.headers["Location"], {"If-Match": entry.etag}
    assert (await erin.patch(address, {"minutes": 90}, headers=stale)).status == 200
    for attempt in (
        await erin.patch(address, {"minutes": 30}, headers=stale),
        await erin.put(address, draft(minutes=30), headers=stale),
        await erin.delete(address, headers=stale),
    ):
        assert (attempt.status, attempt.etag) == (412, '"2"')
        assert attempt.json["current"]["minutes"] == 90
    repeated = await erin.put(address, draft(minutes=90), headers=stale)
    assert repeated.status == 200


async def test_one_of_several_versions_named_is_enough(erin: Caller) -> None:
    """RFC 9110 section 13.1.1: the condition holds if any of the tags matches."""
    entry = await log(erin)
    address = entry.headers["Location"]
    listed = {"If-Match": f'"9", {entry.etag}'}
    assert (await erin.patch(address, {"minutes": 90}, headers=listed)).status == 200
    assert (await erin.patch(address, {"minutes": 30}, headers=listed)).status == 412
    weak = await erin.patch(address, {"minutes": 30}, headers={"If-Match": 'W/"2"'})
    assert (weak.status, weak.json["detail"][:21]) == (412, "Weak tags never match")
    lost = await erin.patch(address, {"minutes": 30}, headers={"If-Match": ""})
    assert lost.codes == {("/If-Match", "etag")}


async def test_nothing_is_deleted_or_changed_that_is_expected_not_to_exist(erin: Caller) -> None:
    """RFC 9110 section 13.1.2, for the other methods too."""
    address = (await log(erin)).headers["Location"]
    only_new = {"If-None-Match": "*"}
    assert (await erin.patch(address, {"minutes": 30}, headers=only_new)).status == 412
    assert (await erin.delete(address, headers=only_new)).status == 412
    assert (await erin.get(address)).json["minutes"] == 60


async def test_if_none_match_creates_only(erin: Caller) -> None:
    address, only_new = f"/v1/entries/{uuid.uuid4()}", {"If-None-Match": "*"}
    assert (await erin.put(address, draft(), headers=only_new)).status == 201
    assert (await erin.put(address, draft(), headers=only_new)).status == 200
    assert (await erin.put(address, draft(minutes=5), headers=only_new)).status == 412
    gone = await erin.put(f"/v1/entries/{uuid.uuid4()}", draft(), headers={"If-Match": '"1"'})
    assert gone.status == 412


async def test_an_unchanged_entry_is_not_sent_again(erin: Caller) -> None:
    entry = await log(erin)
    address = entry.headers["Location"]
    assert (await erin.get(address, headers={"If-None-Match": entry.etag})).status == 304
    await erin.post(f"/v1/timesheets/{Week.THIS}/submit")
    locked = await erin.get(address, headers={"If-None-Match": entry.etag})
    assert (locked.status, locked.json["lock_reason"]) == (200, "submitted")
    assert (locked.json["version"], locked.etag) == (1, '"1.submitted"')


async def test_patching_changes_only_what_it_names(erin: Caller) -> None:
    entry = await log(erin, note="a", task="b")
    patched = await erin.patch(entry.headers["Location"], {"task": None, "minutes": 5})
    assert patched.json["note"] == "a"
    assert patched.json["task"] is None
    assert patched.json["minutes"] == 5
    nothing = await erin.patch(entry.headers["Location"], {})
    assert nothing.json["version"] == 2


async def test_an_entry_moves_to_another_day_with_its_minutes(erin: Caller) -> None:
    entry = await log(erin, minutes=600)
    await log(erin, minutes=1000, date=Week.TUESDAY)
    address = entry.headers["Location"]
    full = await erin.patch(address, {"date": Week.TUESDAY})
    assert full.codes == {("/minutes", "day_full")}
    assert (await erin.patch(address, {"date": "2026-11-16"})).status == 200
    weeks = (await erin.get("/v1/timesheets?from=2026-W47&to=2026-W48")).json["items"]
    assert [week["total_minutes"] for week in weeks] == [1000, 600]


async def test_a_deleted_entry_is_gone_and_its_minutes_too(erin: Caller) -> None:
    entry = await log(erin, minutes=1440)
    assert (await erin.delete(entry.headers["Location"])).status == 204
    assert (await erin.get(entry.headers["Location"])).status == 404
    assert (await erin.delete(entry.headers["Location"])).status == 404
    await log(erin, minutes=1440)


async def test_somebody_elses_entry_is_not_there(erin: Caller, carl: Caller, ada: Caller) -> None:
    address = (await log(erin)).headers["Location"]
    for other in (carl, ada):
        for attempt in (
            await other.get(address),
            await other.patch(address, {"minutes": 5}),
            await other.delete(address),
        ):
            assert (attempt.status, attempt.json["title"]) == (404, "Not Found")
    own = await carl.put(address, draft(minutes=5))
    assert (own.status, own.json["person"]) == (201, "auth0|carl")
    assert (await erin.get(address)).json["minutes"] == 60


async def test_only_an_administrator_reads_the_entries_of_everybody(
    erin: Caller, carl: Caller, ada: Caller
) -> None:
    await log(erin)
    assert len((await ada.get("/v1/entries?person=auth0|erin")).json["items"]) == 1
    assert (await ada.get("/v1/timesheets/2026-W48?person=auth0|erin")).json["total_minutes"] == 60
    for path in ("/v1/entries", "/v1/timesheets", "/v1/timesheets/2026-W48"):
        refused = await carl.get(f"{path}?person=auth0|erin")
        assert refused.status == 403
        assert 'error="insufficient_scope"' in refused.headers["WWW-Authenticate"]
        assert "manage:timesheets" in refused.headers["WWW-Authenticate"]
        assert (await erin.get(f"{path}?person=auth0|erin")).status == 200


async def test_a_list_is_newest_day_first_and_can_be_narrowed(erin: Caller) -> None:
    for day in ("2026-11-20", "2026-11-24", "2026-11-22"):
        await log(erin, date=day)
    await log(erin, date="2026-11-21", project="ZEUS")

    async def days(query: str) -> list[str]:
        reply = await erin.get(f"/v1/entries{query}")
        assert page_schema(EntryAnswer)().validate(reply.json) == {}
        return [item["date"][-2:] for item in reply.json["items"]]

    assert await days("") == ["24", "22", "21", "20"]
    assert await days("?from=2026-11-21&to=2026-11-22") == ["22", "21"]
    assert await days("?project=ZEUS") == ["21"]
    assert (await erin.get("/v1/entries?from=2026-11-22&to=2026-11-21")).status == 422
    assert (await erin.get("/v1/entries?cursor=nonsense")).codes == {("/cursor", "cursor")}


async def test_pages_follow_each_other_to_the_end(erin: Caller) -> None:
    for minutes in range(1, 8):
        await log(erin, minutes=minutes)
    seen: list[int] = []
    path = "/v1/entries?limit=3&from=2026-11-01"
    while path:
        reply = await erin.get(path)
        seen += [item["minutes"] for item in reply.json["items"]]
        path = reply.json["next"]
        assert ("Link" in reply.headers) == bool(path)
        assert not path or reply.headers["Link"] == f'<{path}>; rel="next"'
    assert sorted(seen) == list(range(1, 8))


async def test_copying_a_week_twice_changes_nothing_more(erin: Caller, ada: Caller) -> None:
    await log(erin, date="2026-11-17", note="again")
    await log(erin, date="2026-11-18", project="ZEUS")
    await ada.patch("/v1/projects/ZEUS", {"active": False})
    body = {"from_week": Week.LAST, "to_week": Week.THIS}
    copied = await erin.post("/v1/entries/copy", body)
    assert copied.status == 201
    assert [item["date"] for item in copied.json["items"]] == [Week.TUESDAY]
    assert [skipped["code"] for skipped in copied.json["skipped"]] == ["inactive_project"]
    again = await erin.post("/v1/entries/copy", body)
    assert again.json == copied.json
    assert (await erin.get("/v1/timesheets/2026-W48")).json["total_minutes"] == 60


async def test_nothing_is_copied_into_a_week_that_is_locked(erin: Caller) -> None:
    await log(erin, date="2026-11-17")
    await erin.post(f"/v1/timesheets/{Week.THIS}/submit")
    refused = await erin.post("/v1/entries/copy", {"from_week": Week.LAST, "to_week": Week.THIS})
    assert (refused.status, refused.json["lock_reason"]) == (409, "submitted")


async def test_a_copy_that_was_moved_away_makes_room_for_another(erin: Caller) -> None:
    await log(erin, date="2026-11-17")
    body = {"from_week": Week.LAST, "to_week": Week.THIS}
    [first] = (await erin.post("/v1/entries/copy", body)).json["items"]
    await erin.patch(f"/v1/entries/{first['id']}", {"date": "2026-12-01"})
    [second] = (await erin.post("/v1/entries/copy", body)).json["items"]
    assert (second["week"], second["date"]) == (Week.THIS, Week.TUESDAY)
    assert (await erin.post("/v1/entries/copy", body)).json["items"] == [second]
    assert (await erin.get("/v1/timesheets/2026-W49")).json["total_minutes"] == 60


async def test_billable_follows_the_project(erin: Caller) -> None:
    entry = await log(erin, project="ZEUS")
    address = entry.headers["Location"]
    moved = await erin.patch(address, {"project": "APOLLO"})
    assert (entry.json["billable"], moved.json["billable"]) == (False, True)
    assert (await erin.patch(address, {"minutes": 5})).json["billable"] is True
    put = await erin.put(address, draft(project="ZEUS", minutes=5, billable=None))
    assert put.json["billable"] is False
    named = await erin.patch(address, {"project": "APOLLO", "billable": False})
    assert named.json["billable"] is False
    assert (await erin.patch(address, {"project": "APOLLO"})).json["billable"] is False
    assert (await erin.patch(address, {"billable": None})).json["billable"] is True


async def test_an_empty_task_is_no_task(erin: Caller) -> None:
    entry = await log(erin, task="")
    assert entry.json["task"] is None
    again = await erin.put(entry.headers["Location"], draft(task=None))
    assert again.json["version"] == 1


async def test_an_entry_of_an_ended_project_neither_grows_nor_moves(
    erin: Caller, ada: Caller
) -> None:
    address = (await log(erin, minutes=60)).headers["Location"]
    await ada.patch("/v1/projects/APOLLO", {"active": False})
    for change in ({"minutes": 61}, {"date": Week.TUESDAY}):
        refused = await erin.patch(address, change)
        assert refused.codes == {("/project", "inactive_project")}
    assert (await erin.patch(address, {"minutes": 30, "note": "less"})).status == 200
    assert (await erin.patch(address, {"project": "ZEUS", "minutes": 90})).status == 200


async def test_a_project_can_require_a_note(erin: Caller, ada: Caller) -> None:
    await ada.patch("/v1/projects/APOLLO", {"note_required": True})
    assert (await erin.post("/v1/entries", draft())).codes == {("/note", "note_required")}
    await log(erin, note="why")


async def test_an_entry_names_the_client_it_was_written_with(erin: Caller) -> None:
    agent = {"User-Agent": "timesheets-portal"}
    written = await erin.post("/v1/entries", draft(), headers=agent)
    assert written.json["source"] == "portal"
    changed = await erin.patch(written.headers["Location"], {"minutes": 5})
    assert changed.json["source"] == "portal"
    put = await erin.put(f"/v1/entries/{uuid.uuid4()}", draft(), headers=agent)
    assert put.json["source"] == "portal"
