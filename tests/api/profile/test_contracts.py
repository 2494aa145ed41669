"""Contracts: what a person is to work, and who may say so."""

from __future__ import annotations

from typing import Any

import pytest

from services.profile.schemas.people import ContractAnswer, ContractsAnswer
from tests.api.profile.conftest import address, events, put
from tests.support.client import Caller

PROFILE = "/v1/profile"
FULL_TIME = {"minutes": [480, 480, 480, 480, 480, 0, 0], "calendar": "DE-BY"}
HALF_TIME = {"minutes": [240, 240, 240, 240, 240, 0, 0], "calendar": "DE-BY"}


def contract(key: str, day: str) -> str:
    return f"{address(key)}/contracts/{day}"


async def test_contracts_are_listed_oldest_first(ada: Caller, erin: Caller) -> None:
    created = await ada.put(contract("erin", "2026-12-01"), HALF_TIME)
    assert created.status == 201
    assert created.json == {"from": "2026-12-01", "weekly_minutes": 1200, **HALF_TIME}
    assert ContractAnswer().validate(created.json) == {}
    assert (await ada.put(contract("erin", "2026-01-01"), FULL_TIME)).status == 201

    listed = await ada.get(f"{address('erin')}/contracts")
    assert ContractsAnswer().validate(listed.json) == {}
    assert [item["from"] for item in listed.json["items"]] == ["2026-01-01", "2026-12-01"]
    unchanged = await ada.get(
        f"{address('erin')}/contracts", headers={"If-None-Match": listed.etag}
    )
    assert unchanged.status == 304
    assert (await erin.get(f"{address('erin')}/contracts")).status == 403


async def test_the_contract_of_today_sets_the_target(ada: Caller, erin: Caller) -> None:
    assert (await erin.get(PROFILE)).json["target_minutes"] is None
    await erin.patch(PROFILE, {"target_minutes": 1920})
    await ada.put(contract("erin", "2026-01-01"), FULL_TIME)
    await ada.put(contract("erin", "2026-12-01"), HALF_TIME)
    mine = (await erin.get(PROFILE)).json
    assert (mine["target_minutes"], mine["contract"]["from"]) == (2400, "2026-01-01")
    row = (await ada.get(address("erin"))).json
    assert (row["target_minutes"], row["contract"]["weekly_minutes"]) == (1920, 2400)


async def test_a_person_sets_their_target_only_without_a_contract(
    ada: Caller, erin: Caller
) -> None:
    assert (await erin.patch(PROFILE, {"target_minutes": 1920})).status == 200
    assert (await erin.patch(PROFILE, {"target_minutes": None})).json["target_minutes"] is None
    await ada.put(contract("erin", "2027-01-01"), FULL_TIME)
    refused = await erin.patch(PROFILE, {"target_minutes": 1200})
    assert (refused.status, refused.codes) == (422, {("/target_minutes", "contract")})
    await ada.put(contract("erin", "2026-01-01"), FULL_TIME)
    same = await erin.patch(PROFILE, {"target_minutes": 2400, "locale": "de"})
    assert (same.status, same.json["locale"]) == (200, "de")


async def test_repeating_a_contract_changes_nothing(
    ada: Caller, erin: Caller, profile_database: str
) -> None:
    path = contract("erin", "2026-01-01")
    first = await ada.put(path, FULL_TIME)
    again = await ada.put(path, FULL_TIME, headers={"If-Match": '"99"'})
    assert (again.status, again.json, again.etag) == (200, first.json, first.etag)
    assert len(await events(profile_database)) == 3
    stale = await ada.put(path, HALF_TIME, headers={"If-Match": '"1"'})
    assert (stale.status, stale.json["version"]) == (412, 2)
    changed = await ada.put(path, HALF_TIME, headers={"If-Match": first.etag})
    assert (changed.status, changed.json["weekly_minutes"]) == (200, 1200)
    assert (await erin.get(PROFILE)).json["target_minutes"] == 1200


async def test_a_removed_contract_gives_way_to_the_one_before(ada: Caller, erin: Caller) -> None:
    await ada.put(contract("erin", "2026-01-01"), FULL_TIME)
    await ada.put(contract("erin", "2026-11-01"), HALF_TIME)
    stale = await ada.delete(contract("erin", "2026-11-01"), headers={"If-Match": '"1"'})
    assert stale.status == 412
    assert (await ada.delete(contract("erin", "2026-11-01"))).status == 204
    assert (await erin.get(PROFILE)).json["target_minutes"] == 2400
    assert (await ada.delete(contract("erin", "2026-11-01"))).status == 404
    assert (await ada.delete(contract("nobody", "2026-11-01"))).status == 404
    assert (await ada.put(contract("nobody", "2026-11-01"), FULL_TIME)).status == 404
    assert (await ada.get(f"{address('nobody')}/contracts")).status == 404


@pytest.mark.usefixtures("erin")
async def test_the_event_carries_all_contracts(ada: Caller, profile_database: str) -> None:
    await ada.put(contract("erin", "2026-01-01"), FULL_TIME)
    _, _, data = (await events(profile_database))[-1]
    assert data["contracts"] == [{"from": "2026-01-01", **FULL_TIME}]
    assert (data["actor"], data["version"]) == ("auth0|ada", 2)


@pytest.mark.usefixtures("erin")
@pytest.mark.parametrize(
    ("body", "codes"),
    [
        ({}, {("/minutes", "required")}),
        ({"minutes": [480] * 6}, {("/minutes", "invalid")}),
        ({"minutes": [480] * 6 + [1441]}, {("/minutes/6", "invalid")}),
        ({"minutes": [480] * 6 + [-1]}, {("/minutes/6", "invalid")}),
        ({"minutes": [480] * 6 + ["0"]}, {("/minutes/6", "invalid")}),
        ({"minutes": [0] * 7, "calendar": "Bavaria"}, {("/calendar", "invalid")}),
        ({"minutes": [0] * 7, "calendar": "XX"}, {("/calendar", "invalid")}),
        ({"minutes": [0] * 7, "calendar": "DE-XX"}, {("/calendar", "invalid")}),
        ({"minutes": [0] * 7, "from": "2026-01-01"}, {("/from", "unknown")}),
    ],
)
async def test_a_wrong_contract_is_refused(
    ada: Caller, body: dict[str, Any], codes: set[tuple[str, str]]
) -> None:
    reply = await ada.put(contract("erin", "2026-01-01"), body)
    assert (reply.status, reply.codes) == (422, codes)


@pytest.mark.usefixtures("erin")
@pytest.mark.parametrize("day", ["2026-13-01", "0001-01-01", "9999-01-01", "2026-02-30"])
async def test_a_day_that_does_not_exist_is_refused(ada: Caller, day: str) -> None:
    reply = await ada.put(contract("erin", day), FULL_TIME)
    assert (reply.status, reply.codes) == (422, {("/from", "invalid")})


async def test_only_administrators_set_contracts(maya: Caller, ada: Caller) -> None:
    await put(ada, "erin", manager="auth0|maya")
    assert (await maya.put(contract("erin", "2026-01-01"), FULL_TIME)).status == 403
    assert (await maya.delete(contract("erin", "2026-01-01"))).status == 403
    assert (await maya.get(f"{address('erin')}/contracts")).json == {"items": [], "next": None}
