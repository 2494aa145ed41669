"""Fault injection: whatever the network, the device and other people do, the books agree."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.mobile.chaos import PREFIXES, Chaos
from tests.support.client import ADMINISTRATOR, MANAGER, Caller, Service
from tests.support.fleet import Fleet
from tests.support.issuer import PERSON, Issuer

SEEDS = int(os.environ.get("CHAOS_SEEDS", "50"))
CHANGES = int(os.environ.get("CHAOS_CHANGES", "2000"))
NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
ERIN, MAYA = "auth0|erin", "auth0|maya"


async def read_all(caller: Caller) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    page = "/v1/entries?limit=200"
    while page:
        reply = (await caller.get(page)).json
        items += reply["items"]
        page = reply["next"]
    return items


@pytest.mark.usefixtures("ada")
@pytest.mark.parametrize("seed", [1, 2])
async def test_two_devices_over_a_failing_network_lose_and_double_nothing(
    tmp_path: Path, entries: Service, erin: Caller, issuer: Issuer, seed: int
) -> None:
    token = issuer.token(sub=ERIN, scope=PERSON)
    routes = dict.fromkeys(("/v1/entries", "/v1/timesheets", "/v1/projects"), entries.url)
    chaos = Chaos(
        tmp_path / "chaos", seed, routes, {"phone": (ERIN, token), "desk": (ERIN, token)}, NOW
    )
    await chaos.run(120)

    chaos.check(await read_all(erin))
    assert sum(player.kills for player in chaos.players.values()) > 2
    await chaos.close()


@pytest.mark.endurance
@pytest.mark.timeout(4 * 3600)
async def test_two_devices_and_an_approver_over_failing_services(
    tmp_path: Path, fleet: Fleet, issuer: Issuer
) -> None:
    """Each seed has a person and a manager of its own."""
    now = datetime.now(UTC)
    routes = {
        "/v1/approvals": fleet.url("approvals"),
        "/v1/profile": fleet.url("profile"),
        **dict.fromkeys(PREFIXES, fleet.url("entries")),
    }
    for seed in range(SEEDS):
        person, manager = f"erin{seed}", f"maya{seed}"
        for key, boss in ((manager, None), (person, f"auth0|{manager}")):
            body = {"name": key, "email": f"{key}@exampleco.com", "manager": boss}
            people = fleet.caller("profile", "ada", ADMINISTRATOR)
            assert (await people.put(f"/v1/people/auth0%7C{key}", body)).status in (200, 201)
        await fleet.drained()
        own = issuer.token(sub=f"auth0|{person}", scope=PERSON)
        deciding = issuer.token(sub=f"auth0|{manager}", scope=MANAGER)
        tokens = {
            "phone": (f"auth0|{person}", own),
            "desk": (f"auth0|{person}", own),
            "approver": (f"auth0|{manager}", deciding),
        }
        chaos = Chaos(tmp_path / str(seed), seed, routes, tokens, now)
        await chaos.run(CHANGES)
        chaos.check(await read_all(fleet.caller("entries", person)))
        await chaos.close()
