"""`person.changed` holds all that concerns the other services, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.profile.conftest import (
    DELEGATE,
    TODAY,
    Tenant,
    address,
    delegation,
    draft,
    events,
    put,
)
from tests.support.client import Caller, Service
from tests.support.clock import StandingClock

PROFILE = "/v1/profile"


async def published(url: str) -> list[dict[str, Any]]:
    """The data of all events, which are of one type, each under its person."""
    published = await events(url)
    assert {kind for kind, _, _ in published} <= {"person.changed"}
    assert all(subject == data["person"] for _, subject, data in published)
    return [data for _, _, data in published]


async def test_an_event_has_every_field_of_the_person(
    ada: Caller, maya: Caller, profile_database: str
) -> None:
    await put(
        ada,
        "chloe",
        kind="contractor",
        employer="Northern Staffing",
        manager="auth0|maya",
        uploaders=["batch-nightly"],
        external_ids={"harvest": "1"},
        target_minutes=1440,
    )
    await maya.put(DELEGATE, delegation("chloe"))
    _, chloe, delegating = await published(profile_database)
    assert chloe == {
        "person": "auth0|chloe",
        "name": "Chloe Example",
        "email": "chloe@exampleco.com",
        "kind": "contractor",
        "employer": "Northern Staffing",
        "manager": "auth0|maya",
        "active": True,
        "external_ids": {"harvest": "1"},
        "uploaders": ["batch-nightly"],
        "target_minutes": 1440,
        "since": None,
        "until": None,
        "revoked_before": None,
        "locale": "en",
        "time_zone": "UTC",
        "reminders": True,
        "contracts": [],
        "delegate": None,
        "version": 1,
        "actor": "auth0|ada",
        "client": "app",
    }
    assert delegating["person"] == "auth0|maya"
    assert delegating["delegate"] == {"person": "auth0|chloe", "from": TODAY, "to": "2026-12-24"}
    assert delegating["version"] == 2


async def test_a_first_call_is_published_once(tenant: Tenant, profile_database: str) -> None:
    erin = tenant.sign_in("erin", name="Erin Employee", email="erin@exampleco.com")
    await erin.get(PROFILE)
    await erin.get(PROFILE)
    await tenant.sign_in("erin", later=60, name="Erin Married").get(PROFILE)
    names = [data["name"] for data in await published(profile_database)]
    assert names == ["Erin Employee", "Erin Married"]


async def test_each_field_that_concerns_others_is_published(
    ada: Caller, profile_database: str
) -> None:
    fields: dict[str, Any] = {
        "name": "Erin Married",
        "email": "married@exampleco.com",
        "kind": "contractor",
        "employer": "Erin Inc.",
        "manager": "auth0|maya",
        "since": "2026-01-01",
        "until": "2026-12-31",
        "revoked_before": "2026-11-01T00:00:00Z",
        "active": False,
        "external_ids": {"harvest": "1"},
        "uploaders": ["batch"],
        "target_minutes": 60,
    }
    await put(ada, "erin")
    await put(ada, "maya")
    body = draft("erin")
    for field, value in fields.items():
        body[field] = value
        assert (await ada.put(address("erin"), body)).status == 200
        newest = (await published(profile_database))[-1]
        assert newest[field] == value
    every = await published(profile_database)
    versions = [data["version"] for data in every if data["person"] == "auth0|erin"]
    assert versions == list(range(1, len(fields) + 2))


async def test_what_a_person_sets_is_published_and_a_remembered_token_is_not(
    erin: Caller, tenant: Tenant, profile_database: str
) -> None:
    before = await published(profile_database)
    # The directory has another name already: the token is remembered, and nothing has changed.
    await tenant.sign_in("erin", name="Erin Employee").get(PROFILE)
    assert await published(profile_database) == before
    mine = {"locale": "de", "time_zone": "Europe/Berlin", "reminders": False}
    await erin.patch(PROFILE, mine)
    newest = (await published(profile_database))[-1]
    assert {name: newest[name] for name in mine} == mine
    await erin.patch(PROFILE, {"target_minutes": 1920})
    newest = (await published(profile_database))[-1]
    assert (newest["target_minutes"], newest["version"]) == (1920, 3)
    assert newest["actor"] == "auth0|erin"


async def test_a_repeated_or_refused_change_is_not_published(
    ada: Caller, maya: Caller, erin: Caller, profile_database: str
) -> None:
    await maya.put(DELEGATE, delegation("erin"))
    before = await published(profile_database)
    assert len(before) == 3
    await put(ada, "erin", manager="auth0|maya")
    await maya.put(DELEGATE, delegation("erin"))
    await erin.patch(PROFILE, {})
    assert (await ada.put(address("maya"), draft("maya", manager="auth0|erin"))).status == 422
    assert (await ada.put(address("emil"), draft("emil", email="erin@exampleco.com"))).status == 422
    assert (await maya.put(DELEGATE, delegation("maya"))).status == 422
    stale = {"If-Match": '"99"'}
    assert (await erin.patch(PROFILE, {"name": "E."}, headers=stale)).status == 412
    assert await published(profile_database) == before


@pytest.mark.usefixtures("erin")
async def test_a_removed_delegate_is_published(maya: Caller, profile_database: str) -> None:
    await maya.put(DELEGATE, delegation("erin"))
    await maya.delete(DELEGATE)
    delegates = [
        data["delegate"]
        for data in await published(profile_database)
        if data["person"] == "auth0|maya"
    ]
    assert [delegate is not None for delegate in delegates] == [False, True, False]


async def test_the_feed_serves_them_with_the_scope(
    maya: Caller, profile: Service, clock: StandingClock
) -> None:
    assert (await maya.get("/v1/people/feed")).status == 403
    feed = await profile.caller("follower", "read:events").get("/v1/people/feed")
    [event] = feed.json
    assert (event["type"], event["subject"]) == ("person.changed", "auth0|maya")
    assert event["time"].startswith(clock.time.strftime("%Y-%m-%dT%H:%M:%S"))
    assert event["data"]["name"] == "Maya Example"
