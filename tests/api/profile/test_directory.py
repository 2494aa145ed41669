"""The directory for HR systems: PATCH, look-ups, leavers, duplicates, any `sub`."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from tests.api.profile.conftest import Tenant, address, draft, put
from tests.api.profile.test_people import FULL, names
from tests.support.client import Caller, Service
from tests.support.connections import connected
from tests.support.issuer import Issuer


@pytest.mark.usefixtures("maya")
async def test_patch_changes_what_is_named_and_nothing_else(ada: Caller) -> None:
    created = (await ada.put(address("chloe"), FULL)).json
    patched = await ada.patch(address("chloe"), {"employer": "Other Inc.", "until": "2027-01-31"})
    assert patched.status == 200
    changed = {"employer": "Other Inc.", "until": "2027-01-31", "version": 2}
    ignored = ("updated_at",)
    assert {k: v for k, v in patched.json.items() if k not in ignored} == {
        k: v for k, v in (created | changed).items() if k not in ignored
    }
    assert (await ada.patch(address("chloe"), {})).json["version"] == 2


async def test_patch_refuses_unknown_fields_people_and_versions(ada: Caller, erin: Caller) -> None:
    unknown = await ada.patch(address("erin"), {"nickname": "E"})
    assert (unknown.status, unknown.codes) == (422, {("/nickname", "unknown")})
    assert (await ada.patch(address("nobody"), {"name": "N"})).status == 404
    stale = await ada.patch(address("erin"), {"name": "N"}, headers={"If-Match": '"9"'})
    assert (stale.status, stale.json["current"]["name"]) == (412, "Erin Example")
    null = await ada.patch(address("erin"), {"name": None})
    assert null.codes == {("/name", "null")}
    assert (await erin.patch(address("erin"), {"name": "N"})).status == 403


async def test_a_put_leaves_target_and_revocation_as_they_are(ada: Caller) -> None:
    moment = "2026-11-01T08:00:00Z"
    await put(ada, "erin", target_minutes=1200, revoked_before=moment)
    kept = (await put(ada, "erin")).json
    assert (kept["target_minutes"], kept["revoked_before"]) == (1200, moment)
    cleared = (await put(ada, "erin", target_minutes=None, revoked_before=None)).json
    assert (cleared["target_minutes"], cleared["revoked_before"]) == (None, None)


@pytest.mark.parametrize(
    ("fields", "codes"),
    [
        ({"since": "2026-02-01", "until": "2026-01-31"}, {("/until", "order")}),
        ({"since": "soon"}, {("/since", "invalid")}),
        ({"revoked_before": "2026-11-24T00:00:00Z"}, {("/revoked_before", "future")}),
        ({"revoked_before": "2026-11-01"}, {("/revoked_before", "invalid")}),
        ({"revoked_before": "2026-11-01T00:00:00"}, {("/revoked_before", "invalid")}),
        ({"revoked_before": "0001-01-01T00:00:00+14:00"}, {("/revoked_before", "invalid")}),
        ({"name": "A\nB"}, {("/name", "invalid")}),
        ({"name": "\u202eB"}, {("/name", "invalid")}),
        ({"name": "\u200b"}, {("/name", "invalid")}),
        ({"target_minutes": 10081}, {("/target_minutes", "invalid")}),
    ],
)
async def test_wrong_fields_of_leavers_names_and_targets_are_refused(
    ada: Caller, fields: dict[str, Any], codes: set[tuple[str, str]]
) -> None:
    reply = await ada.put(address("erin"), draft("erin", **fields))
    assert (reply.status, reply.codes) == (422, codes)


async def test_wrong_types_are_named_in_words_of_our_own(ada: Caller) -> None:
    """marshmallow's own messages neither say what is expected nor read like the others."""
    fields = ("name", "email", "kind", "employer", "manager", "active", "since", "until")
    wrong: dict[str, Any] = dict.fromkeys((*fields, "external_ids", "uploaders"), 5)
    wrong |= {"revoked_before": "2026-11-01T00:00:00", "target_minutes": "5"}
    refused = await ada.patch(address("ada"), wrong)
    assert {error["pointer"][1:] for error in refused.json["errors"]} == set(wrong)
    assert all(error["message"].endswith(" is expected.") for error in refused.json["errors"])


async def test_people_are_found_by_email_and_external_id(ada: Caller) -> None:
    await put(ada, "erin", external_ids={"payroll": "4711", "harvest": "a:b"})
    await put(ada, "emil", external_ids={"payroll": "4712"})
    assert await names(ada, "?email=ERIN@exampleco.com") == ["Erin Example"]
    assert await names(ada, "?email=erin") == []
    await put(ada, "plus", name="Pia Plus", email="pia+work@exampleco.com")
    for given in ("pia%2Bwork@exampleco.com", "pia+work@exampleco.com"):
        assert await names(ada, f"?email={given}") == ["Pia Plus"]
    assert await names(ada, "?external_id=4711") == ["Erin Example"]
    assert await names(ada, "?external_id=payroll:4712") == ["Emil Example"]
    assert await names(ada, "?external_id=harvest:4712") == []
    assert await names(ada, "?external_id=harvest:a:b") == ["Erin Example"]
    assert await names(ada, "?external_id=a:b") == ["Erin Example"]


async def test_external_ids_of_leavers_can_be_given_to_others(ada: Caller) -> None:
    ids = {"payroll": "4711"}
    await put(ada, "erin", external_ids=ids)
    await ada.patch(address("erin"), {"active": False})
    await put(ada, "emil", external_ids=ids)
    assert (await ada.get(address("erin"))).json["external_ids"] == ids
    back = await ada.patch(address("erin"), {"active": True})
    assert (back.status, back.codes) == (422, {("/external_ids/payroll", "taken")})
    both = await ada.patch(address("erin"), {"active": True, "external_ids": {"payroll": "1"}})
    assert (both.status, both.json["external_ids"]) == (200, {"payroll": "1"})
    await ada.patch(address("erin"), {"active": False, "external_ids": ids})
    await put(ada, "emil")
    assert (await ada.patch(address("erin"), {"active": True})).status == 200
    taken = await ada.put(address("emil"), draft("emil", external_ids=ids))
    assert taken.codes == {("/external_ids/payroll", "taken")}


async def test_a_second_account_with_a_known_email_is_surfaced(ada: Caller, tenant: Tenant) -> None:
    await put(ada, "erin")
    await put(ada, "emil")
    twin = tenant.sign_in("google-erin", name="Erin G.", email="ERIN@exampleco.com")
    assert (await twin.get("/v1/profile")).json["email"] is None
    assert (await ada.get(address("google-erin"))).json["same_email_as"] == "auth0|erin"
    assert await names(ada, "?duplicates=true") == ["Erin G."]
    assert (await ada.get(address("erin"))).json["same_email_as"] is None
    await ada.patch(address("google-erin"), {"active": False})
    assert await names(ada, "?duplicates=true") == []


@pytest.mark.parametrize(
    "sub",
    [
        "ad|{3F25-04E0}",
        "a/b",
        "ü",
        "u\u0308",
        "100%",
        "a?b#c",
        "emoji🐝",
        " padded ",
        "a\\b",
        "..x",
    ],
)
async def test_any_character_of_a_sub_may_stand_in_the_address(ada: Caller, sub: str) -> None:
    path = f"/v1/people/{quote(sub, safe='')}"
    assert (await ada.put(path, {"name": "Odd"})).json["person"] == sub
    assert (await ada.get(path)).json["person"] == sub
    contract = {"minutes": [60] * 7, "calendar": None}
    assert (await ada.put(f"{path}/contracts/2026-01-01", contract)).status == 201
    assert (await ada.get(f"{path}/contracts")).json["items"][0]["weekly_minutes"] == 420


async def test_subs_are_compared_byte_for_byte(ada: Caller) -> None:
    paths = [f"/v1/people/{quote(sub)}" for sub in ("\u00fc", "u\u0308")]
    for number, path in enumerate(paths):
        await ada.put(path, {"name": f"N{number}"})
    assert [(await ada.get(path)).json["name"] for path in paths] == ["N0", "N1"]


async def test_the_sub_feed_is_reserved(ada: Caller) -> None:
    reply = await ada.put("/v1/people/feed", {"name": "Feed"})
    assert (reply.status, reply.codes) == (422, {("/sub", "reserved")})
    assert [error["location"] for error in reply.json["errors"]] == ["path"]


async def test_machines_may_keep_the_directory(profile: Service, issuer: Issuer) -> None:
    token = issuer.machine_token("hr-system", "read:people manage:people")
    hr = profile.bearer(token)
    assert (await hr.put(address("erin"), draft("erin"))).status == 201
    assert (await hr.patch(address("erin"), {"until": "2026-12-31"})).status == 200


async def test_a_deactivated_or_revoked_person_is_barred_in_the_same_transaction(
    ada: Caller, profile_database: str
) -> None:
    barred = "SELECT active, revoked_before IS NOT NULL FROM barred_people"
    async with connected(profile_database) as connection:
        await put(ada, "erin")
        assert await connection.fetch(barred) == []
        await ada.patch(address("erin"), {"active": False})
        assert [tuple(row) for row in await connection.fetch(barred)] == [(False, False)]
        again = {"active": True, "revoked_before": "2026-11-23T12:00:00Z"}
        await ada.patch(address("erin"), again)
        assert [tuple(row) for row in await connection.fetch(barred)] == [(True, True)]
