"""The own profile over HTTP: made on the first call, following the token, changed by hand."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from services.profile.schemas.profile import ProfileAnswer
from tests.api.profile.conftest import Tenant, address, events, put
from tests.support.client import Caller

PROFILE = "/v1/profile"
ERIN: dict[str, Any] = {"name": "Erin Employee", "email": "erin@exampleco.com"}


async def test_the_first_call_makes_the_profile_of_the_token(tenant: Tenant) -> None:
    erin = tenant.sign_in("erin", **ERIN)
    first = await erin.get(PROFILE)
    assert first.status == 200
    assert ProfileAnswer().validate(first.json) == {}
    assert first.json == {
        "person": "auth0|erin",
        "name": "Erin Employee",
        "email": "erin@exampleco.com",
        "kind": "employee",
        "employer": None,
        "manager": None,
        "manager_name": None,
        "active": True,
        "since": None,
        "until": None,
        "contract": None,
        "locale": "en",
        "time_zone": "UTC",
        "target_minutes": None,
        "reminders": True,
        "delegate": None,
        "delegated_by": [],
        "version": 1,
    }
    second = await erin.get(PROFILE)
    assert (second.json, second.etag) == (first.json, first.etag)


async def test_a_token_without_a_name_makes_a_profile_all_the_same(tenant: Tenant) -> None:
    assert (await tenant.sign_in("carl").get(PROFILE)).json["name"] == "auth0|carl"
    known = await tenant.sign_in("chloe", email="chloe@contractors.example").get(PROFILE)
    assert known.json["name"] == "chloe@contractors.example"
    odd = await tenant.sign_in("cem", name="  ", email="not an address").get(PROFILE)
    assert (odd.json["name"], odd.json["email"]) == ("auth0|cem", None)


async def test_many_first_calls_at_once_make_one_profile(
    tenant: Tenant, profile_database: str
) -> None:
    erin = tenant.sign_in("erin", **ERIN)
    replies = await asyncio.gather(*(erin.get(PROFILE) for _ in range(8)))
    assert {reply.status for reply in replies} == {200}
    assert {reply.etag for reply in replies} == {replies[0].etag}
    assert len(await events(profile_database)) == 1


async def test_a_machine_has_no_profile(tenant: Tenant, ada: Caller) -> None:
    machine = tenant.machine("batch-nightly", "approve:timesheets read:people")
    for reply in (
        await machine.get(PROFILE),
        await machine.patch(PROFILE, {"locale": "de"}),
        await machine.delete(f"{PROFILE}/delegate"),
    ):
        assert reply.status == 403
        assert "A machine has no profile" in reply.json["detail"]
    assert (await machine.get("/v1/people")).json["items"] == []
    assert (await ada.get("/v1/people/batch-nightly%40clients")).status == 404


async def test_a_person_in_the_directory_gets_that_row_on_the_first_call(
    tenant: Tenant, ada: Caller
) -> None:
    await put(ada, "maya")
    row = await put(ada, "erin", manager="auth0|maya", kind="contractor", employer="Erin Inc.")
    mine = await tenant.sign_in("erin", name="E. Employee", email="e@exampleco.com").get(PROFILE)
    assert (mine.json["name"], mine.json["email"]) == ("Erin Example", "erin@exampleco.com")
    assert (mine.json["manager"], mine.json["manager_name"]) == ("auth0|maya", "Maya Example")
    assert (mine.json["kind"], mine.json["employer"]) == ("contractor", "Erin Inc.")
    assert mine.json["version"] == row.json["version"]


async def test_a_changed_name_or_email_in_a_later_token_is_followed(tenant: Tenant) -> None:
    await tenant.sign_in("erin", **ERIN).get(PROFILE)
    changed: dict[str, Any] = {"name": "Erin Married", "email": "erin.married@exampleco.com"}
    later = await tenant.sign_in("erin", later=60, **changed).get(PROFILE)
    assert {key: later.json[key] for key in changed} == changed
    assert later.json["version"] == 2


async def test_a_token_that_says_nothing_of_a_name_changes_none(tenant: Tenant) -> None:
    first = await tenant.sign_in("erin", **ERIN).get(PROFILE)
    assert (await tenant.sign_in("erin", later=60).get(PROFILE)).json == first.json


async def test_an_older_token_that_is_still_in_use_changes_nothing_back(tenant: Tenant) -> None:
    old = tenant.sign_in("erin", **ERIN)
    await old.get(PROFILE)
    await tenant.sign_in("erin", later=60, name="Erin Married").get(PROFILE)
    assert (await old.get(PROFILE)).json["name"] == "Erin Married"


async def test_what_was_written_by_hand_does_not_follow_the_token(
    tenant: Tenant, ada: Caller
) -> None:
    erin = tenant.sign_in("erin", **ERIN)
    await erin.patch(PROFILE, {"name": "Erin E."})
    again = tenant.sign_in("erin", later=60, name="Erin Married", email="married@exampleco.com")
    mine = (await again.get(PROFILE)).json
    assert (mine["name"], mine["email"]) == ("Erin E.", "married@exampleco.com")
    await again.patch(PROFILE, {"name": "Erin Married"})
    third = tenant.sign_in("erin", later=120, name="Erin Third")
    assert (await third.get(PROFILE)).json["name"] == "Erin Third"
    await put(ada, "erin", email="by.hand@exampleco.com")
    fourth = tenant.sign_in("erin", later=180, email="fourth@exampleco.com")
    assert (await fourth.get(PROFILE)).json["email"] == "by.hand@exampleco.com"


async def test_what_the_directory_says_like_the_token_follows_the_token(
    tenant: Tenant, ada: Caller
) -> None:
    await put(ada, "erin", name=ERIN["name"], email="ERIN@exampleco.com")
    await tenant.sign_in("erin", **ERIN).get(PROFILE)
    changed: dict[str, Any] = {"name": "Erin Married", "email": "erin.married@exampleco.com"}
    later = await tenant.sign_in("erin", later=60, **changed).get(PROFILE)
    assert {key: later.json[key] for key in changed} == changed


async def test_an_email_that_another_person_has_does_not_keep_anybody_out(
    tenant: Tenant, ada: Caller
) -> None:
    await put(ada, "erin")
    twin = tenant.sign_in("twin", name="Twin", email="ERIN@exampleco.com")
    assert (await twin.get(PROFILE)).json["email"] is None
    mine = await tenant.sign_in("twin", later=60, name="Twin", email="t@exampleco.com").get(PROFILE)
    assert mine.json["email"] == "t@exampleco.com"
    stolen = tenant.sign_in("twin", later=120, name="Twin", email="erin@exampleco.com")
    assert (await stolen.get(PROFILE)).json["email"] == "t@exampleco.com"
    assert (await ada.get(address("erin"))).json["email"] == "erin@exampleco.com"


async def test_two_people_with_one_email_may_arrive_at_once(tenant: Tenant) -> None:
    callers = [
        tenant.sign_in(f"twin{number}", name="Twin", email="twin@exampleco.com")
        for number in range(6)
    ]
    replies = await asyncio.gather(*(caller.get(PROFILE) for caller in callers))
    assert {reply.status for reply in replies} == {200}
    emails = [reply.json["email"] for reply in replies]
    assert sorted(emails, key=str) == [None] * 5 + ["twin@exampleco.com"]


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "Zoë Ångström"},
        {"locale": "de-CH"},
        {"locale": "zh-Hant-TW"},
        {"locale": "en-US-u-ca-gregory-x-own"},
        {"time_zone": "Europe/Berlin"},
        {"time_zone": "America/Argentina/Buenos_Aires"},
        {"target_minutes": 0},
        {"target_minutes": 10080},
        {"reminders": False},
        {"name": "Erin", "locale": "fr", "time_zone": "UTC", "target_minutes": 1920},
    ],
)
async def test_a_person_changes_what_is_their_own(tenant: Tenant, fields: dict[str, Any]) -> None:
    erin = tenant.sign_in("erin", **ERIN)
    before = (await erin.get(PROFILE)).json
    patched = await erin.patch(PROFILE, fields)
    assert patched.status == 200
    assert ProfileAnswer().validate(patched.json) == {}
    assert patched.json == {**before, **fields, "version": 2}
    read = await erin.get(PROFILE)
    assert (read.json, read.etag) == (patched.json, patched.etag)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"name": " "}, "invalid"),
        ({"name": "x" * 201}, "invalid"),
        ({"name": None}, "null"),
        ({"locale": "de_CH"}, "invalid"),
        ({"locale": "german!"}, "invalid"),
        ({"locale": "en\n"}, "invalid"),
        ({"locale": ""}, "invalid"),
        ({"locale": "en-" + "abcdefgh-" * 8 + "abcdefgh"}, "invalid"),
        ({"time_zone": "Europe/Atlantis"}, "invalid"),
        ({"time_zone": "europe/berlin"}, "invalid"),
        ({"time_zone": "Europe"}, "invalid"),
        ({"time_zone": "../../etc/passwd"}, "invalid"),
        ({"time_zone": "CEST+1\0"}, "invalid"),
        ({"target_minutes": -1}, "invalid"),
        ({"target_minutes": 10081}, "invalid"),
        ({"target_minutes": True}, "invalid"),
        ({"reminders": "yes"}, "invalid"),
        ({"email": "mine@exampleco.com"}, "unknown"),
        ({"manager": None}, "unknown"),
        ({"kind": "employee"}, "unknown"),
        ({"active": True}, "unknown"),
        ({"delegate": None}, "unknown"),
        ({"version": 1}, "unknown"),
    ],
)
async def test_a_wrong_field_is_refused(tenant: Tenant, fields: dict[str, Any], code: str) -> None:
    [field] = fields
    reply = await tenant.sign_in("erin").patch(PROFILE, fields)
    assert (reply.status, reply.codes) == (422, {(f"/{field}", code)})


async def test_a_patch_can_be_the_first_call(tenant: Tenant) -> None:
    patched = await tenant.sign_in("erin", **ERIN).patch(PROFILE, {"locale": "de"})
    assert (patched.json["name"], patched.json["locale"]) == ("Erin Employee", "de")
    assert patched.json["version"] == 1


async def test_the_same_patch_again_changes_nothing(tenant: Tenant) -> None:
    erin = tenant.sign_in("erin", **ERIN)
    first = await erin.get(PROFILE)
    patched = await erin.patch(PROFILE, {"locale": "de"}, headers={"If-Match": first.etag})
    again = await erin.patch(PROFILE, {"locale": "de"}, headers={"If-Match": first.etag})
    assert (again.status, again.json) == (200, patched.json)
    assert (await erin.patch(PROFILE, {})).json == patched.json


async def test_a_stale_version_is_refused_with_the_present_one(tenant: Tenant) -> None:
    erin = tenant.sign_in("erin", **ERIN)
    stale = {"If-Match": (await erin.get(PROFILE)).etag}
    await erin.patch(PROFILE, {"locale": "de"})
    reply = await erin.patch(PROFILE, {"locale": "fr"}, headers=stale)
    assert (reply.status, reply.etag, reply.json["current"]["locale"]) == (
        412,
        (await erin.get(PROFILE)).etag,
        "de",
    )
    new = await tenant.sign_in("nobody").patch(PROFILE, {"locale": "fr"}, headers=stale)
    assert new.status == 412


async def test_an_unchanged_profile_is_not_sent_again(erin: Caller, ada: Caller) -> None:
    same = {"If-None-Match": (await erin.get(PROFILE)).etag}
    assert (await erin.get(PROFILE, headers=same)).status == 304
    await put(ada, "maya", name="Maya Renamed")
    renamed = await erin.get(PROFILE, headers=same)
    assert (renamed.status, renamed.json["manager_name"]) == (200, "Maya Renamed")
    assert renamed.json["version"] == 1
