"""docs/reference/events.md shows every event, and its examples have the shape of real ones."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from services.profile.app import create_app as create_profile
from tests.conftest import Databases, service_settings, serving
from tests.feeds.agreement.world import World
from tests.support.client import ADMINISTRATOR, MANAGER
from tests.support.clock import StandingClock
from tests.support.issuer import Issuer

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "events.md"
EXAMPLE = re.compile(r"^### (\S+)\n.*?```json\n(.*?)```", re.DOTALL | re.MULTILINE)
EVENTS = "SELECT type, data FROM events ORDER BY sequence"
WEEK = "2026-W47"
SHEET = f"/v1/timesheets/{WEEK}"


def examples() -> dict[str, Any]:
    return {kind: json.loads(text) for kind, text in EXAMPLE.findall(PAGE.read_text())}


def shape(value: Any) -> Any:
    """A value without what it says: the names of members, and the kinds of what they hold."""
    if isinstance(value, dict) and all(re.match(r"[a-z_]+$", key) for key in value):
        return {key: shape(member) for key, member in value.items()}
    if isinstance(value, dict):
        return {"any": sorted({type(member).__name__ for member in value.values()})}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return type(value).__name__


@pytest.fixture
def world(databases: Databases) -> Iterator[World]:
    made = World(databases.own("entries"), databases.own("approvals"))
    made.start()
    made.empty()
    yield made
    made.stop()


def submit(world: World) -> str:
    entry = {"date": "2026-11-16", "project": "APOLLO", "minutes": 30, "task": "x", "note": "y"}
    world.call("entries", "erin", "POST", "/v1/entries", entry)
    submitted = world.call("entries", "erin", "POST", f"{SHEET}/submit")
    world.deliver("entries to approvals", 100)
    submission: str = submitted.json["submission_id"]
    return submission


def decide(world: World, submission: str, **decision: str) -> None:
    path = f"/v1/approvals/{submission}/decision"
    assert world.call("approvals", "maya", "PUT", path, decision).status == 200


def test_every_event_of_a_week_is_as_the_page_says(world: World) -> None:
    world.tell_person("maya", None, 1)
    world.tell_person("erin", "maya", 1)
    world.deliver("profile to approvals", 10)
    decide(world, submit(world), decision="reject", reason="wrong project")
    world.deliver("approvals to entries", 10)
    decide(world, submit(world), decision="approve")
    world.call("entries", "erin", "POST", f"{SHEET}/withdraw")
    world.deliver("approvals to entries", 10)
    decide(world, submit(world), decision="approve")
    world.deliver("approvals to entries", 10)
    absence = {"from": "2026-11-30", "to": "2026-12-04", "kind": "vacation"}
    world.call("entries", "erin", "PUT", f"/v1/absences/{uuid.uuid4()}", absence)
    body = {"person": "auth0|erin", "reason": "wrong rate"}
    world.call("entries", "ada", "POST", f"{SHEET}/reopen", body)
    world.tell_person("erin", "maya", 2, active=False)
    world.deliver("profile to entries", 10)
    closing = {"closed_through": "2026-11-22", "reason": "payroll"}
    world.call("entries", "ada", "PUT", "/v1/period", closing)
    documented = examples()
    seen = set()
    for kind, data in world.rows("entries", EVENTS) + world.rows("approvals", EVENTS):
        real = json.loads(data)
        if kind != "approval.decided" or real["decision"] == "rejected":
            assert shape(real) == shape(documented[kind]), kind
        seen.add(kind)
    assert seen | {"person.changed"} == documented.keys()


@pytest.fixture
def profile_database(databases: Databases) -> str:
    return databases.shared("profile")


async def test_a_changed_person_is_as_the_page_says(
    profile_database: str, issuer: Issuer, session: aiohttp.ClientSession, clock: StandingClock
) -> None:
    settings = service_settings("profile", issuer, profile_database)
    documented = examples()["person.changed"]
    async with serving(create_profile(settings), settings, issuer, session, clock) as profile:
        ada = profile.caller("ada", ADMINISTRATOR)
        for person in ("maya", "marco"):
            body = {"name": person.title(), "email": f"{person}@exampleco.com"}
            assert (await ada.put(f"/v1/people/auth0%7C{person}", body)).status == 201
        fields = (
            *("name", "email", "kind", "manager", "since", "external_ids", "uploaders"),
            "target_minutes",
        )
        body = {field: documented[field] for field in fields}
        assert (await ada.put("/v1/people/auth0%7Cerin", body)).status == 201
        [contract] = documented["contracts"]
        terms = {name: contract[name] for name in ("minutes", "calendar")}
        path = f"/v1/people/auth0%7Cerin/contracts/{contract['from']}"
        assert (await ada.put(path, terms)).status == 201
        erin = profile.caller("erin", MANAGER)
        assert (await erin.put("/v1/profile/delegate", documented["delegate"])).status in (200, 201)
        token = issuer.machine_token("partner", "read:events")
        feed = (await profile.bearer(token).get("/v1/people/feed")).json
    assert feed[-1]["type"] == "person.changed"
    assert shape(feed[-1]["data"]) == shape(documented)
