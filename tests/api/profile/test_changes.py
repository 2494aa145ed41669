"""The change log of people and contracts, and who read about whom."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.api.profile.conftest import DELEGATE, Tenant, address, delegation, put
from tests.support.client import ADMINISTRATOR, Caller, Service
from tests.support.clock import StandingClock
from tests.support.connections import connected

PROFILE = "/v1/profile"
FULL_TIME = {"minutes": [480, 480, 480, 480, 480, 0, 0], "calendar": None}


@pytest.fixture
def auditor(profile: Service) -> Caller:
    return profile.caller("aud", "read:audit")


async def changes(auditor: Caller, query: str = "") -> list[dict[str, Any]]:
    """Newest first."""
    reply = await auditor.get(f"/v1/changes/profile{query}")
    assert reply.status == 200, reply.json
    items: list[dict[str, Any]] = reply.json["items"]
    return items


async def test_a_change_names_actor_client_and_values_before_and_after(
    ada: Caller, auditor: Caller
) -> None:
    await put(ada, "maya")
    await put(ada, "erin", manager="auth0|maya")
    await ada.patch(address("erin"), {"manager": None, "uploaders": ["batch"]})
    changed, created, _ = await changes(auditor)
    assert (changed["kind"], changed["subject"], changed["action"]) == (
        "person",
        "auth0|erin",
        "changed",
    )
    assert (changed["actor"], changed["client"]) == ("auth0|ada", "app")
    assert changed["before"] == {"manager": "auth0|maya", "uploaders": []}
    assert changed["after"] == {"manager": None, "uploaders": ["batch"]}
    assert changed["previous"] == created["sha256"]
    assert (created["before"], created["after"]["name"]) == (None, "Erin Example")


async def test_contracts_and_what_people_do_themselves_are_logged(
    ada: Caller, maya: Caller, tenant: Tenant, auditor: Caller
) -> None:
    erin = tenant.sign_in("erin", name="Erin")
    await erin.patch(PROFILE, {"target_minutes": 1200})
    await ada.put(f"{address('erin')}/contracts/2026-01-01", FULL_TIME)
    await ada.delete(f"{address('erin')}/contracts/2026-01-01")
    await put(ada, "max")
    await maya.put(DELEGATE, delegation("max"))
    removed, set_, created = await changes(auditor, "?subject=auth0|erin")
    assert (created["actor"], created["after"]["target_minutes"]) == ("auth0|erin", 1200)
    assert (set_["kind"], set_["action"]) == ("contract", "created")
    assert set_["after"] == {"from": "2026-01-01", **FULL_TIME}
    assert (removed["action"], removed["before"]) == ("removed", set_["after"])
    [appointed, _] = await changes(auditor, "?subject=auth0|maya")
    assert appointed["after"] == {"delegate": delegation("max")}


async def test_what_changes_nothing_is_not_logged(
    ada: Caller, erin: Caller, auditor: Caller
) -> None:
    before = await changes(auditor)
    await put(ada, "erin", manager="auth0|maya")
    await erin.get(PROFILE)
    await ada.put(address("erin"), {"name": ""})
    assert await changes(auditor) == before


async def test_changes_are_found_by_actor_and_day(
    ada: Caller, profile: Service, auditor: Caller, clock: StandingClock
) -> None:
    await put(ada, "erin")
    clock.move(days=1)
    await put(profile.caller("alan", ADMINISTRATOR), "emil")
    assert [row["subject"] for row in await changes(auditor, "?actor=auth0|alan")] == ["auth0|emil"]
    assert len(await changes(auditor, "?from=2026-11-24")) == 1
    assert len(await changes(auditor, "?to=2026-11-23")) == 1
    assert len(await changes(auditor, "?from=2026-11-23&to=2026-11-24")) == 2
    assert await changes(auditor, "?from=2026-11-25") == []
    reversed_range = await auditor.get("/v1/changes/profile?from=2026-11-24&to=2026-11-23")
    assert reversed_range.codes == {("/from", "invalid")}


async def test_pages_hold_each_change_once(ada: Caller, auditor: Caller) -> None:
    for number in range(5):
        await put(ada, f"p{number}")
    seen, path = [], "/v1/changes/profile?limit=2"
    while path:
        reply = await auditor.get(path)
        seen += [row["number"] for row in reply.json["items"]]
        path = reply.json["next"]
    assert seen == [5, 4, 3, 2, 1]


@pytest.mark.parametrize(
    "query", ["from=x", "actor=", "what=1", "cursor=x", "cursor=WyIwMDAxLTAxLTAxIiwgMV0"]
)
async def test_a_wrong_query_is_refused(auditor: Caller, query: str) -> None:
    assert (await auditor.get(f"/v1/changes/profile?{query}")).status == 422


async def test_only_auditors_read_the_log(ada: Caller, erin: Caller) -> None:
    for caller in (ada, erin):
        assert (await caller.get("/v1/changes/profile")).status == 403


async def test_a_refused_change_leaves_no_row(ada: Caller, profile_database: str) -> None:
    await ada.put(address("erin"), {"name": "Erin", "manager": "auth0|nobody"})
    async with connected(profile_database) as connection:
        assert await connection.fetchval("SELECT count(*) FROM changes") == 0


async def test_reading_about_others_leaves_one_audit_line(
    ada: Caller, erin: Caller, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    await ada.get(address("erin"))
    await ada.get("/v1/people?q=erin")
    await erin.get(PROFILE)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    audited = [line for line in lines if line["event"] == "personal data accessed"]
    assert [(line["actor"], line["route"]) for line in audited] == [
        ("auth0|ada", "GET /v1/people/{sub}"),
        ("auth0|ada", "GET /v1/people"),
    ]
    assert (audited[0]["person"], audited[1]["filter"]) == ("auth0|erin", "q=erin")
