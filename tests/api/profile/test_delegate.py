"""Delegates, over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from services.profile.schemas.profile import ProfileAnswer
from tests.api.profile.conftest import DELEGATE, TODAY, Tenant, address, delegation, put
from tests.support.client import MANAGER, Caller, Service
from tests.support.clock import StandingClock

PROFILE = "/v1/profile"


@pytest.fixture
async def marco(profile: Service, ada: Caller) -> Caller:
    await put(ada, "marco")
    return profile.caller("marco", MANAGER)


async def test_a_delegate_is_shown_to_both_sides_and_in_the_directory(
    maya: Caller, marco: Caller
) -> None:
    put_reply = await maya.put(DELEGATE, delegation("marco"))
    assert put_reply.status == 200
    assert ProfileAnswer().validate(put_reply.json) == {}
    days = {"from": TODAY, "to": "2026-12-24"}
    stands_in = {"person": "auth0|marco", "name": "Marco Example", **days}
    assert put_reply.json["delegate"] == stands_in
    assert (await maya.get(PROFILE)).json == put_reply.json
    assert (await maya.get(address("maya"))).json["delegate"] == stands_in
    theirs = (await marco.get(PROFILE)).json
    assert ProfileAnswer().validate(theirs) == {}
    assert theirs["delegated_by"] == [
        {"person": "auth0|maya", "name": "Maya Example", **days},
    ]
    assert theirs["delegate"] is None


async def test_putting_again_changes_nothing_and_another_replaces(
    maya: Caller,
    marco: Caller,
    erin: Caller,
) -> None:
    first = await maya.put(DELEGATE, delegation("marco"))
    again = await maya.put(DELEGATE, delegation("marco"), headers={"If-Match": '"1"'})
    assert (again.status, again.json, again.etag) == (200, first.json, first.etag)
    replaced = await maya.put(DELEGATE, delegation("erin", "2026-12-01", "2026-12-01"))
    assert replaced.json["delegate"]["person"] == "auth0|erin"
    assert replaced.json["version"] == first.json["version"] + 1
    assert (await marco.get(PROFILE)).json["delegated_by"] == []
    assert len((await erin.get(PROFILE)).json["delegated_by"]) == 1


async def test_a_delegate_can_be_taken_away_once(maya: Caller, marco: Caller) -> None:
    assert (await maya.delete(DELEGATE)).status == 404
    await maya.put(DELEGATE, delegation("marco"))
    gone = await maya.delete(DELEGATE)
    assert (gone.status, gone.body) == (204, b"")
    assert (await maya.get(PROFILE)).json["delegate"] is None
    assert (await marco.get(PROFILE)).json["delegated_by"] == []
    assert (await maya.delete(DELEGATE)).status == 404


@pytest.mark.parametrize(
    ("fields", "codes"),
    [
        ({"person": "auth0|maya"}, {("/person", "oneself")}),
        ({"person": "auth0|nobody"}, {("/person", "unknown_person")}),
        ({"person": "auth0|gone"}, {("/person", "inactive_person")}),
        ({"from": "2026-12-25"}, {("/to", "order")}),
        ({"from": "2026-11-01", "to": "2026-11-22"}, {("/to", "past")}),
        ({"to": "2027-11-24"}, {("/to", "too_long")}),
        ({"person": "auth0|nobody", "to": "2026-11-22"},
         {("/person", "unknown_person"), ("/to", "order")}),
        ({"to": "tomorrow"}, {("/to", "invalid")}),
        ({"to": None}, {("/to", "null")}),
        ({"person": "x\0"}, {("/person", "invalid")}),
        ({"until": "2026-12-24"}, {("/until", "unknown")}),
    ],
)  # fmt: skip
async def test_an_impossible_delegation_is_refused_by_field(
    maya: Caller, marco: Caller, ada: Caller, fields: dict[str, Any], codes: set[tuple[str, str]]
) -> None:
    await put(ada, "gone", active=False)
    reply = await maya.put(DELEGATE, {**delegation("marco"), **fields})
    assert (reply.status, reply.codes) == (422, codes)
    assert (await maya.get(PROFILE)).json["delegate"] is None
    assert (await marco.get(PROFILE)).json["delegated_by"] == []


@pytest.mark.parametrize(
    ("since", "until"),
    [(TODAY, TODAY), ("2026-01-01", TODAY), (TODAY, "2027-11-23"), ("2030-01-01", "2030-01-01")],
)
async def test_a_delegation_may_have_begun_and_may_last_a_leap_year(
    maya: Caller,
    marco: Caller,  # noqa: ARG001 - in the directory
    since: str,
    until: str,
) -> None:
    assert (await maya.put(DELEGATE, delegation("marco", since, until))).status == 200


async def test_a_delegation_is_gone_when_its_last_day_is_over_everywhere(
    maya: Caller, marco: Caller, clock: StandingClock
) -> None:
    await maya.put(DELEGATE, delegation("marco", TODAY, TODAY))
    tag = (await maya.get(PROFILE)).etag
    clock.move(hours=23, minutes=59)
    assert (await maya.get(PROFILE)).json["delegate"] is not None
    assert len((await marco.get(PROFILE)).json["delegated_by"]) == 1
    clock.move(minutes=1)
    ended = await maya.get(PROFILE, headers={"If-None-Match": tag})
    assert (ended.status, ended.json["delegate"]) == (200, None)
    assert (await marco.get(PROFILE)).json["delegated_by"] == []
    assert (await maya.delete(DELEGATE)).status == 404
    again = await maya.put(DELEGATE, delegation("marco", TODAY, TODAY))
    assert again.codes == {("/to", "past")}


async def test_chains_and_cycles_of_delegates_do_no_harm(maya: Caller, marco: Caller) -> None:
    assert (await maya.put(DELEGATE, delegation("marco"))).status == 200
    assert (await marco.put(DELEGATE, delegation("maya"))).status == 200
    mine = (await maya.get(PROFILE)).json
    assert mine["delegate"]["person"] == "auth0|marco"
    assert [row["person"] for row in mine["delegated_by"]] == ["auth0|marco"]


async def test_several_delegators_are_listed_by_their_first_day(
    maya: Caller, marco: Caller, ada: Caller, profile: Service
) -> None:
    await put(ada, "mona")
    mona = profile.caller("mona", MANAGER)
    await marco.put(DELEGATE, delegation("maya", "2026-12-02"))
    await mona.put(DELEGATE, delegation("maya", "2026-12-01"))
    mine = (await maya.get(PROFILE)).json["delegated_by"]
    assert [row["name"] for row in mine] == ["Mona Example", "Marco Example"]


async def test_only_approvers_may_name_a_delegate(erin: Caller, tenant: Tenant) -> None:
    for reply in (await erin.put(DELEGATE, delegation("maya")), await erin.delete(DELEGATE)):
        assert reply.status == 403
        assert "approve:timesheets" in reply.headers["WWW-Authenticate"]
    new = tenant.sign_in("mona", MANAGER, name="Mona Manager")
    assert (await new.delete(DELEGATE)).status == 404
    named = await new.put(DELEGATE, delegation("maya"))
    assert (named.status, named.json["name"]) == (200, "Mona Manager")


async def test_a_stale_version_is_refused_with_the_present_one(
    maya: Caller,
    marco: Caller,  # noqa: ARG001 - in the directory
) -> None:
    stale = {"If-Match": (await maya.get(PROFILE)).etag}
    await maya.patch(PROFILE, {"locale": "de"})
    late = await maya.put(DELEGATE, delegation("marco"), headers=stale)
    assert (late.status, late.json["current"]["locale"]) == (412, "de")
    await maya.put(DELEGATE, delegation("marco"))
    refused = await maya.delete(DELEGATE, headers=stale)
    assert (refused.status, refused.json["current"]["delegate"]["name"]) == (412, "Marco Example")
