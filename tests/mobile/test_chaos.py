"""Fault injection: whatever the network, the device and other people do, the books agree."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import pytest

from mobile.core.changes import ChangeKind
from tests.mobile.chaos import Chaos, Server, read_items
from tests.mobile.chaos_approver import deputy_of
from tests.mobile.chaos_network import PREFIXES
from tests.support.client import ADMINISTRATOR, MANAGER, Caller, Service
from tests.support.fleet import Fleet
from tests.support.issuer import PERSON, Issuer

SEEDS = int(os.environ.get("CHAOS_SEEDS", "50"))
CHANGES = int(os.environ.get("CHAOS_CHANGES", "2000"))
FIRST_SEED = int(os.environ.get("CHAOS_FIRST_SEED", "0"))
NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)


@pytest.mark.usefixtures("ada")
@pytest.mark.parametrize("seed", [1, 2])
async def test_two_devices_over_a_failing_network_lose_and_double_nothing(
    tmp_path: Path, entries: Service, erin: Caller, issuer: Issuer, seed: int
) -> None:
    async with _two_devices(tmp_path / "chaos", entries, issuer, "erin", seed) as chaos:
        await chaos.run(120)
        chaos.check(await own_books(erin))
        assert sum(player.kills for player in chaos.players.values()) > 2


@pytest.mark.slow
@pytest.mark.usefixtures("ada")
async def test_a_seed_always_does_the_same(
    tmp_path: Path, entries: Service, issuer: Issuer
) -> None:
    done = []
    for person in ("erin", "emil"):
        async with _two_devices(tmp_path / person, entries, issuer, person, seed=3) as chaos:
            await chaos.run(40)
            done.append((chaos.accepted, chaos.faults, chaos.changes))

    assert done[0] == done[1]


@asynccontextmanager
async def _two_devices(
    folder: Path, entries: Service, issuer: Issuer, person: str, seed: int
) -> AsyncIterator[Chaos]:
    sub = f"auth0|{person}"
    token = issuer.token(sub=sub, scope=PERSON)
    paths = ("/v1/entries", "/v1/timesheets", "/v1/projects", "/v1/absences", "/v1/calendar")
    routes = dict.fromkeys(paths, entries.url)
    chaos = Chaos(folder, seed, routes, {"phone": (sub, token), "desk": (sub, token)}, NOW)
    try:
        yield chaos
    finally:
        await chaos.close()


async def own_books(caller: Caller) -> Server:
    """The person's data in the entries service."""
    weeks = await read_items(caller, "/v1/timesheets?from=2026-W44&to=2026-W53")
    return Server(
        entries=await read_items(caller, "/v1/entries"),
        absences=await read_items(caller, "/v1/absences"),
        weeks=[(await caller.get(f"/v1/timesheets/{week['week']}")).json for week in weeks],
    )


@pytest.mark.endurance
@pytest.mark.timeout(6 * 3600)
async def test_two_devices_and_an_approver_over_failing_services(
    tmp_path: Path, fleet: Fleet, issuer: Issuer
) -> None:
    """Each seed has a person and a manager of its own; every seed is run, then all must agree."""
    failed: dict[int, str] = {}
    kinds: set[ChangeKind] = set()
    for seed in range(FIRST_SEED, FIRST_SEED + SEEDS):
        began = time.monotonic()
        chaos = await _with_approver(tmp_path / str(seed), fleet, issuer, seed)
        try:
            await chaos.run(CHANGES)
            chaos.check(await _all_books(fleet, seed))
        except AssertionError as error:
            failed[seed] = str(error)
        finally:
            await chaos.close()
        kinds |= set(chaos.changes)
        took = time.monotonic() - began
        print(f"seed {seed}: {chaos.changes.total()} changes in {took:.0f} s", failed.get(seed, ""))
        timers = sum(player.timers for player in chaos.players.values())
        print(f"  {dict(chaos.changes)}, {timers} by a timer\n  {dict(chaos.faults)}", flush=True)
    assert failed == {}
    assert kinds == set(ChangeKind)


async def _with_approver(folder: Path, fleet: Fleet, issuer: Issuer, seed: int) -> Chaos:
    person, manager = f"erin{seed}", f"maya{seed}"
    people = fleet.caller("profile", "ada", ADMINISTRATOR)
    for sub, boss in (
        (f"auth0|{manager}", None),
        (deputy_of(f"auth0|{manager}"), None),
        (f"auth0|{person}", f"auth0|{manager}"),
    ):
        body = {"name": sub, "email": f"{sub[6:]}@exampleco.com", "manager": boss}
        assert (await people.put(f"/v1/people/{quote(sub)}", body)).status in (200, 201)
    await fleet.drained()
    own = issuer.token(sub=f"auth0|{person}", scope=PERSON)
    deciding = issuer.token(sub=f"auth0|{manager}", scope=MANAGER)
    tokens = {
        "phone": (f"auth0|{person}", own),
        "desk": (f"auth0|{person}", own),
        "approver": (f"auth0|{manager}", deciding),
    }
    routes = dict.fromkeys(PREFIXES, fleet.url("entries"))
    routes |= {f"/v1/{name}": fleet.url(name) for name in ("approvals", "profile")}
    return Chaos(folder, seed, routes, tokens, datetime.now(UTC))


async def _all_books(fleet: Fleet, seed: int) -> Server:
    person, manager = f"erin{seed}", f"maya{seed}"
    server = await own_books(fleet.caller("entries", person))
    server.approvals = await read_items(
        fleet.caller("approvals", manager, MANAGER), "/v1/approvals"
    )
    for device, key, scope in (("phone", person, PERSON), ("approver", manager, MANAGER)):
        profile = (await fleet.caller("profile", key, scope).get("/v1/profile")).json
        server.targets[device] = profile["target_minutes"]
        server.delegate = profile["delegate"]
        log = f"/v1/changes/profile?subject={quote(f'auth0|{key}')}"
        changes = await read_items(fleet.caller("profile", "aud", "read:audit"), log)
        server.profiles += [each["after"] for each in changes if each["after"] is not None]
    return server
