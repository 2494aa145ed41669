"""The directory over HTTP: putting people into it, finding them."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from services.profile.schemas.people import PeoplePage, PersonAnswer
from tests.api.profile.conftest import address, draft, put
from tests.support.client import Caller
from tests.support.connections import connected

FULL = {
    "name": "Chloe Contractor",
    "email": "Chloe@contractors.example",
    "kind": "contractor",
    "employer": "Northern Staffing",
    "manager": "auth0|maya",
    "active": True,
    "target_minutes": 1440,
    "uploaders": ["batch-nightly", "batch-weekly"],
    "external_ids": {"harvest": "4711", "payroll": "C-7"},
}


async def test_a_person_is_put_and_read_where_the_location_says(ada: Caller, maya: Caller) -> None:
    created = await ada.put(address("chloe"), FULL)
    assert (created.status, created.headers["Location"]) == (201, "/v1/people/auth0%7Cchloe")
    assert PersonAnswer().validate(created.json) == {}
    assert {key: created.json[key] for key in FULL} == FULL
    assert created.json["person"] == "auth0|chloe"
    assert created.json["manager_name"] == "Maya Example"
    assert (created.json["delegate"], created.json["version"]) == (None, 1)
    read = await maya.get(created.headers["Location"])
    assert (read.status, read.json, read.etag) == (200, created.json, created.etag)
    assert (await maya.get("/v1/people/auth0|chloe")).json == created.json
    same = await maya.get(address("chloe"), headers={"If-None-Match": created.etag})
    assert same.status == 304


@pytest.mark.parametrize(
    ("path", "sub"),
    [
        ("google-oauth2%7C1%402", "google-oauth2|1@2"),
        ("batch%40clients", "batch@clients"),
        ("waad%7Ca%2Fb", "waad|a/b"),
        ("samlp%7Cz%C3%BC%25", "samlp|zü%"),
    ],
)
async def test_any_sub_fits_into_the_address(ada: Caller, path: str, sub: str) -> None:
    created = await ada.put(f"/v1/people/{path}", draft("somebody"))
    assert (created.status, created.json["person"]) == (201, sub)
    assert (await ada.get(created.headers["Location"])).json["person"] == sub


async def test_an_address_that_holds_no_sub_leads_nowhere(ada: Caller) -> None:
    for path in ("%00", "a%00b"):
        assert (await ada.get(f"/v1/people/{path}")).status == 404
        assert (await ada.put(f"/v1/people/{path}", draft("erin"))).status == 404
    for path in ("x" * 256, "%7F"):
        assert (await ada.get(f"/v1/people/{path}")).status == 404
        refused = await ada.put(f"/v1/people/{path}", draft("erin"))
        assert (refused.status, refused.codes) == (422, {("/sub", "invalid")})
    assert (await ada.get(address("nobody"))).status == 404


@pytest.mark.usefixtures("maya")
async def test_repeating_changes_nothing_and_a_change_replaces(ada: Caller) -> None:
    created = await ada.put(address("chloe"), FULL)
    again = await ada.put(address("chloe"), FULL, headers={"If-Match": '"7"'})
    assert (again.status, again.json, again.etag) == (200, created.json, created.etag)
    replaced = await ada.put(address("chloe"), draft("chloe", external_ids={"harvest": "4712"}))
    assert replaced.status == 200
    assert replaced.json["version"] == 2
    assert replaced.json["kind"] == "employee"
    assert (replaced.json["employer"], replaced.json["manager"]) == (None, None)
    assert (replaced.json["uploaders"], replaced.json["external_ids"]) == ([], {"harvest": "4712"})
    assert (await ada.get(address("chloe"))).json == replaced.json


async def test_what_the_person_decides_stays(ada: Caller, erin: Caller) -> None:
    await erin.patch("/v1/profile", {"target_minutes": 1920, "locale": "de", "reminders": False})
    replaced = await put(ada, "erin", employer="ExampleCo")
    assert replaced.json["target_minutes"] == 1920
    mine = (await erin.get("/v1/profile")).json
    assert (mine["employer"], mine["locale"], mine["reminders"]) == ("ExampleCo", "de", False)
    assert (await put(ada, "erin", target_minutes=600)).json["target_minutes"] == 600


async def test_a_stale_version_is_refused_with_the_present_one(ada: Caller) -> None:
    stale = {"If-Match": (await put(ada, "erin")).etag}
    assert (
        await ada.put(address("erin"), draft("erin", active=False), headers=stale)
    ).status == 200
    refused = await ada.put(address("erin"), draft("erin", name="E."), headers=stale)
    assert (refused.status, refused.etag) == (412, (await ada.get(address("erin"))).etag)
    assert refused.json["current"]["active"] is False
    gone = await ada.put(address("nobody"), draft("nobody"), headers={"If-Match": '"1"'})
    assert gone.status == 412


async def test_if_none_match_creates_only(ada: Caller) -> None:
    only_new = {"If-None-Match": "*"}
    assert (await ada.put(address("erin"), draft("erin"), headers=only_new)).status == 201
    assert (await ada.put(address("erin"), draft("erin"), headers=only_new)).status == 200
    other = await ada.put(address("erin"), draft("erin", name="Other"), headers=only_new)
    assert (other.status, other.json["current"]["name"]) == (412, "Erin Example")


@pytest.mark.parametrize(
    ("fields", "codes"),
    [
        ({"name": ""}, {("/name", "invalid")}),
        ({"name": None}, {("/name", "null")}),
        ({"email": "erin"}, {("/email", "invalid")}),
        ({"email": "a b@exampleco.com"}, {("/email", "invalid")}),
        ({"email": "a\0@exampleco.com"}, {("/email", "invalid")}),
        ({"email": f"{'x' * 65}@exampleco.com"}, {("/email", "invalid")}),
        ({"email": f"x@{'x' * 253}"}, {("/email", "invalid")}),
        ({"kind": "robot"}, {("/kind", "invalid")}),
        ({"employer": ""}, {("/employer", "invalid")}),
        ({"manager": ""}, {("/manager", "invalid")}),
        ({"active": "yes"}, {("/active", "invalid")}),
        ({"target_minutes": 10081}, {("/target_minutes", "invalid")}),
        ({"uploaders": "batch"}, {("/uploaders", "invalid")}),
        ({"uploaders": ["a", ""]}, {("/uploaders/1", "invalid")}),
        ({"uploaders": [str(number) for number in range(21)]}, {("/uploaders", "invalid")}),
        ({"external_ids": []}, {("/external_ids", "invalid")}),
        ({"external_ids": {"a b": "1"}}, {("/external_ids/a b", "invalid")}),
        ({"external_ids": {"harvest": 1}}, {("/external_ids/harvest", "invalid")}),
        ({"external_ids": {"harvest": ""}}, {("/external_ids/harvest", "invalid")}),
        ({"locale": "de"}, {("/locale", "unknown")}),
        ({"delegate": None}, {("/delegate", "unknown")}),
        ({"manager": "auth0|erin"}, {("/manager", "own_manager")}),
    ],
)
async def test_a_wrong_person_is_refused_by_field(
    ada: Caller, fields: dict[str, Any], codes: set[tuple[str, str]]
) -> None:
    reply = await ada.put(address("erin"), draft("erin", **fields))
    assert (reply.status, reply.codes) == (422, codes)
    assert (await ada.get(address("erin"))).status == 404


async def test_nobody_deactivates_their_own_account(ada: Caller) -> None:
    await put(ada, "ada")
    for reply in (
        await ada.patch(address("ada"), {"active": False}),
        await ada.put(address("ada"), draft("ada", active=False)),
    ):
        assert (reply.status, reply.codes) == (422, {("/active", "own_account")})
    assert (await ada.get(address("ada"))).json["active"]
    assert (await ada.patch(address("ada"), {"name": "Ada"})).status == 200


async def test_uploaders_said_twice_are_one(ada: Caller) -> None:
    reply = await put(ada, "erin", uploaders=["b", "a", "b"])
    assert reply.json["uploaders"] == ["b", "a"]


async def test_a_cycle_of_managers_is_rejected_and_named(ada: Caller) -> None:
    await put(ada, "mona")
    await put(ada, "maya", manager="auth0|mona")
    await put(ada, "erin", manager="auth0|maya")
    reply = await ada.put(address("mona"), draft("mona", manager="auth0|erin"))
    assert (reply.status, reply.codes) == (422, {("/manager", "manager_circle")})
    assert reply.json["detail"] == (
        "This creates a cycle: Mona Example reports to Erin Example, "
        "who reports to Maya Example, who reports to Mona Example."
    )
    direct = await ada.put(address("maya"), draft("maya", manager="auth0|erin"))
    assert direct.codes == {("/manager", "manager_circle")}
    assert (await put(ada, "maya", manager=None)).json["manager"] is None
    assert (await put(ada, "mona", manager="auth0|erin")).json["manager_name"] == "Erin Example"


async def test_an_unknown_manager_is_refused(ada: Caller) -> None:
    refused = await ada.put(address("erin"), draft("erin", manager="auth0|maya"))
    assert (refused.status, refused.codes) == (422, {("/manager", "unknown_person")})
    await put(ada, "maya")
    await put(ada, "erin", manager="auth0|maya")
    assert (await ada.get(address("erin"))).json["manager_name"] == "Maya Example"


async def test_a_manager_whom_an_earlier_release_did_not_know_does_not_block_other_changes(
    ada: Caller, profile_database: str
) -> None:
    await put(ada, "erin")
    async with connected(profile_database) as connection:
        await connection.execute("UPDATE people SET manager = 'auth0|gone'")
    kept = await ada.put(address("erin"), draft("erin", manager="auth0|gone", name="E."))
    assert (kept.status, kept.json["manager"]) == (200, "auth0|gone")
    assert (await ada.patch(address("erin"), {"employer": "ExampleCo"})).status == 200


async def test_an_email_belongs_to_one_active_person_whatever_its_case(ada: Caller) -> None:
    await put(ada, "erin")
    taken = await ada.put(address("twin"), draft("twin", email="ERIN@ExampleCo.com"))
    assert (taken.status, taken.codes) == (422, {("/email", "taken")})
    assert "Erin Example" in taken.json["detail"]
    former = await put(ada, "twin", email="ERIN@ExampleCo.com", active=False)
    assert former.status == 201
    back = await ada.put(address("twin"), draft("twin", email="ERIN@ExampleCo.com"))
    assert back.codes == {("/email", "taken")}
    await put(ada, "erin", active=False)
    assert (await put(ada, "twin", email="ERIN@ExampleCo.com")).json["active"] is True
    assert [(await put(ada, key, email=None)).status for key in ("one", "two")] == [201, 201]


async def test_an_external_id_belongs_to_one_person_in_each_system(ada: Caller) -> None:
    await put(ada, "erin", external_ids={"harvest": "1", "toggl": "1"})
    taken = await ada.put(
        address("emil"), draft("emil", external_ids={"harvest": "2", "toggl": "1"})
    )
    assert (taken.status, taken.codes) == (422, {("/external_ids/toggl", "taken")})
    await put(ada, "emil", external_ids={"harvest": "2", "clockify": "1"})
    await put(ada, "erin", external_ids={"harvest": "1"})
    moved = await put(ada, "emil", external_ids={"harvest": "2", "toggl": "1"})
    assert moved.json["external_ids"] == {"harvest": "2", "toggl": "1"}


async def test_all_violations_are_reported_at_once(ada: Caller) -> None:
    await put(ada, "erin", external_ids={"harvest": "1"})
    body = {
        **draft("emil", email="erin@exampleco.com", manager="auth0|emil"),
        "external_ids": {"harvest": "1"},
    }
    reply = await ada.put(address("emil"), body)
    assert reply.codes == {
        ("/manager", "own_manager"),
        ("/email", "taken"),
        ("/external_ids/harvest", "taken"),
    }


async def names(caller: Caller, query: str = "") -> list[str]:
    reply = await caller.get(f"/v1/people{query}")
    assert reply.status == 200, reply.json
    assert PeoplePage().validate(reply.json) == {}
    return [item["name"] for item in reply.json["items"]]


async def test_people_are_listed_by_name_without_case_and_accents(ada: Caller) -> None:
    for key, name in (("1", "zoë"), ("2", "Émile"), ("3", "Emil"), ("4", "Anna"), ("5", "emilia")):
        await put(ada, key, name=name)
    assert await names(ada) == ["Anna", "Emil", "Émile", "emilia", "zoë"]


async def test_the_same_name_is_in_the_order_of_the_subs(ada: Caller) -> None:
    for key in ("b", "a", "C"):
        await put(ada, key, name="Erin")
    items = (await ada.get("/v1/people")).json["items"]
    assert [item["person"] for item in items] == ["auth0|C", "auth0|a", "auth0|b"]


async def test_pages_follow_each_other_to_the_end_while_people_come(ada: Caller) -> None:
    for number in range(7):
        await put(ada, f"e{number}", name=f"Erin {number // 2}")
    seen: list[str] = []
    path = "/v1/people?limit=3&q=erin"
    while path:
        reply = await ada.get(path)
        seen += [item["person"] for item in reply.json["items"]]
        path = reply.json["next"]
        assert ("Link" in reply.headers) == bool(path)
        await put(ada, f"later{len(seen)}", name="Erin -1")
    assert seen == [f"auth0|e{number}" for number in range(7)]


async def test_a_page_ends_anywhere_in_long_and_odd_names(ada: Caller) -> None:
    odd = ["漢" * 200, "漢" * 200, "'; --\\", "ß" * 200, "👩‍🚀" * 50]
    for number, name in enumerate(odd):
        await put(ada, f"{number}", name=name)
    seen: list[str] = []
    path = "/v1/people?limit=1"
    while path:
        reply = await ada.get(path)
        seen += [item["name"] for item in reply.json["items"]]
        path = reply.json["next"]
    assert sorted(seen) == sorted(odd)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("erin", ["Erin O'Hara-Smith"]),
        ("ERI", ["Erin O'Hara-Smith"]),
        ("hara smi", ["Erin O'Hara-Smith"]),
        ("o'hara", ["Erin O'Hara-Smith"]),
        ("hara-smith", ["Erin O'Hara-Smith"]),
        ("smith zo", []),
        ("rin", []),
        ("angstrom", ["Zoë Ångström"]),
        ("zoë å", ["Zoë Ångström"]),
        ("big.boss@EX", ["Zoë Ångström"]),
        ("boss@ex", []),
        ("BOSS", ["Zoë Ångström"]),
        ("big.boss@exampleco.com", ["Zoë Ångström"]),
        ("big.bo", ["Zoë Ångström"]),
        ("big.boss@", ["Zoë Ångström"]),
        ("exampleco", []),
        ("", ["Erin O'Hara-Smith", "Zoë Ångström"]),
        ("' & !", ["Erin O'Hara-Smith", "Zoë Ångström"]),
        ("a\\'b@c' | 'x", []),
        ("erin:*", ["Erin O'Hara-Smith"]),
        ("erin | zoë", []),
    ],
)
async def test_people_are_found_by_the_beginnings_of_words(
    ada: Caller, query: str, found: list[str]
) -> None:
    await put(ada, "erin", name="Erin O'Hara-Smith", email="x@exampleco.com")
    await put(ada, "zoe", name="Zoë Ångström", email="Big.Boss@exampleco.com")
    assert await names(ada, f"?q={quote(query)}") == found


async def test_a_renamed_person_is_found_by_the_new_name_only(ada: Caller) -> None:
    await put(ada, "erin", name="Erin Employee", email=None)
    await put(ada, "erin", name="Emma Married", email=None)
    assert await names(ada, "?q=employee") == []
    assert await names(ada, "?q=married") == ["Emma Married"]


async def test_lists_are_filtered_by_all_parameters(ada: Caller) -> None:
    for key in ("zac", "zoe"):
        await put(ada, key, kind="employee")
    await put(ada, "erin", manager="auth0|zac")
    await put(ada, "emil", manager="auth0|zac", kind="contractor")
    await put(ada, "ella", manager="auth0|zoe", kind="contractor", active=False)
    everybody = ["Ella Example", "Emil Example", "Erin Example"]
    assert await names(ada) == [*everybody, "Zac Example", "Zoe Example"]
    assert await names(ada, "?manager=auth0|zac") == everybody[1:]
    assert await names(ada, "?kind=contractor") == everybody[:2]
    assert await names(ada, "?kind=contractor&manager=auth0%7Czac") == ["Emil Example"]
    assert await names(ada, "?active=true&manager=auth0|zac") == everybody[1:]
    assert await names(ada, "?active=false&q=e&kind=contractor") == ["Ella Example"]
    assert await names(ada, "?manager=auth0|nobody") == []


@pytest.mark.parametrize(
    ("query", "codes"),
    [
        ("kind=robot", {("/kind", "invalid")}),
        ("active=maybe", {("/active", "invalid")}),
        ("limit=0", {("/limit", "invalid")}),
        ("limit=201", {("/limit", "invalid")}),
        ("cursor=nonsense", {("/cursor", "cursor")}),
        ("cursor=WyJcdTAwMDAiLCAiIl0", {("/cursor", "cursor")}),
        ("manager=", {("/manager", "invalid")}),
        ("manager=%00", {("/manager", "invalid")}),
        ("q=%00", {("/q", "invalid")}),
        (f"q={'x' * 101}", {("/q", "invalid")}),
        ("name=erin", {("/name", "unknown")}),
    ],
)
async def test_a_wrong_query_is_refused(
    ada: Caller, query: str, codes: set[tuple[str, str]]
) -> None:
    reply = await ada.get(f"/v1/people?{query}")
    assert (reply.status, reply.codes) == (422, codes)


async def test_people_without_the_scope_see_and_change_nobody(erin: Caller, maya: Caller) -> None:
    assert (await erin.get("/v1/people")).status == 403
    assert (await erin.get(address("maya"))).status == 403
    assert (await maya.put(address("erin"), draft("erin"))).status == 403
