"""Targets and delegates, changed at two devices over a network that loses responses."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import cast

import aiohttp
import httpx
import pytest

from mobile.core.database import Database
from mobile.core.session import Workspace
from mobile.core.tokens import TokenManager
from mobile.viewmodels.problems import Resolution
from services.profile.app import create_app
from tests.conftest import Databases, service_settings, serving
from tests.mobile.device import MONDAY, Device, api_of
from tests.mobile.offline_app import OfflineApp
from tests.mobile.support import AppClock, Fault, Network
from tests.support.client import ADMINISTRATOR, MANAGER, Caller, Service
from tests.support.clock import StandingClock
from tests.support.issuer import Issuer

PROFILE = "/v1/profile"
SUNDAY = MONDAY + timedelta(days=6)


@pytest.fixture
async def profile(
    databases: Databases, issuer: Issuer, session: aiohttp.ClientSession, clock: StandingClock
) -> AsyncIterator[Service]:
    settings = service_settings("profile", issuer, databases.shared("profile"))
    async with serving(create_app(settings), settings, issuer, session, clock) as service:
        people = service.caller("ada", ADMINISTRATOR)
        for name in ("Max", "Moritz"):
            body = {"name": name, "email": f"{name}@exampleco.com"}
            assert (await people.put(f"/v1/people/auth0%7C{name}", body)).status == 201
        yield service


@pytest.fixture
def desk(profile: Service) -> Caller:
    """The same person at another device."""
    return profile.caller("maya", MANAGER)


@pytest.fixture
def phone(
    profile: Service, issuer: Issuer, app_clock: AppClock, http: httpx.AsyncClient
) -> OfflineApp:
    token = issuer.token(sub="auth0|maya", scope=MANAGER)
    database = Database(None, "auth0|maya")
    device = Device(database, app_clock, api_of(http, profile.url, token))
    parts = (database, device.store, device.outbox, device.timesheet)
    return OfflineApp(
        Workspace(*parts, cast(TokenManager, None), device.engine()), device, app_clock
    )


async def send(phone: OfflineApp) -> None:
    await phone.workspace.engine.flush(math.inf)


def lose_responses(network: Network, fault: Fault = Fault.LOST_AFTER) -> None:
    network.fault = lambda request: fault if request.method != "GET" else Fault.NONE


def find_network(network: Network) -> None:
    network.fault = lambda _request: Fault.NONE


async def target_of(caller: Caller) -> object:
    return (await caller.get(PROFILE)).json["target_minutes"]


async def test_a_target_whose_response_was_lost_is_not_set_twice(
    phone: OfflineApp, network: Network, desk: Caller
) -> None:
    phone.profile().set_target("30")
    lose_responses(network)
    await send(phone)
    find_network(network)
    version = (await desk.get(PROFILE)).etag
    await send(phone)

    assert phone.device.outbox.counts() == (0, 0)
    assert await target_of(desk) == 1800
    assert (await desk.get(PROFILE)).etag == version
    assert phone.profile().target_minutes == 1800


@pytest.mark.parametrize("fault", [Fault.LOST_AFTER, Fault.LOST_BEFORE], ids=str)
async def test_a_target_changed_elsewhere_meanwhile_is_a_problem_and_not_overwritten(
    phone: OfflineApp, network: Network, desk: Caller, fault: Fault
) -> None:
    phone.profile().set_target("30")
    lose_responses(network, fault)
    await send(phone)
    find_network(network)
    assert (await desk.patch(PROFILE, {"target_minutes": 1200})).status == 200
    await send(phone)

    assert await target_of(desk) == 1200
    assert phone.device.outbox.counts() == (0, 1)
    problems = phone.problems()
    [problem] = problems.problems
    assert (problem.why, problem.resolutions) == (
        "problem.changed",
        (Resolution.RETRY, Resolution.DROP),
    )
    problems.retry(problem.seq)
    await send(phone)
    assert phone.device.outbox.counts() == (0, 0)
    assert await target_of(desk) == 1800


async def test_other_changes_of_the_profile_do_not_hold_a_target_up(
    phone: OfflineApp, network: Network, desk: Caller
) -> None:
    phone.profile().set_target("30")
    lose_responses(network, Fault.LOST_BEFORE)
    await send(phone)
    find_network(network)
    reminders = not (await desk.get(PROFILE)).json["reminders"]
    assert (await desk.patch(PROFILE, {"reminders": reminders})).status == 200
    await send(phone)

    assert phone.device.outbox.counts() == (0, 0)
    assert await target_of(desk) == 1800


async def test_a_delegate_removed_elsewhere_after_another_was_appointed_stays_removed(
    phone: OfflineApp, network: Network, desk: Caller
) -> None:
    days = {"from": str(MONDAY), "to": str(SUNDAY)}
    before = {"person": "auth0|Moritz", **days}
    assert (await desk.put(f"{PROFILE}/delegate", before)).status == 200
    phone.profile().set_delegate("auth0|Max", "Max", MONDAY, SUNDAY)
    lose_responses(network)
    await send(phone)
    find_network(network)
    assert (await desk.get(PROFILE)).json["delegate"]["person"] == "auth0|Max"
    assert (await desk.delete(f"{PROFILE}/delegate")).status == 204
    await send(phone)

    assert (await desk.get(PROFILE)).json["delegate"] is None
    assert phone.device.outbox.counts() == (0, 1)


async def test_a_removal_that_waits_shows_no_delegate_after_an_attempt(
    phone: OfflineApp, network: Network, desk: Caller
) -> None:
    days = {"from": str(MONDAY), "to": str(SUNDAY)}
    assert (await desk.put(f"{PROFILE}/delegate", {"person": "auth0|Max", **days})).status == 200
    phone.profile().clear_delegate()
    lose_responses(network)
    await send(phone)
    assert phone.device.outbox.counts() == (1, 0)
    assert phone.profile().delegate is None
    find_network(network)
    await send(phone)

    assert phone.device.outbox.counts() == (0, 0)
    assert (await desk.get(PROFILE)).json["delegate"] is None
