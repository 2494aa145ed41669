"""The API is down, slow, or refuses: each page says what happened and keeps what was typed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest

from libs.rules.calendar import Week
from libs.web.metrics import METRICS
from portal import api_client
from tests.portal.client import PortalClient
from tests.portal.own import OwnPortal, Relay, own_portal
from tests.support.stack import Running

TYPED = "what I typed & <b>kept</b>"
SHOWN = "what I typed &amp; &lt;b&gt;kept&lt;/b&gt;"
ENTRY = {
    "id": "9a4c6f5e-7c55-4b3f-9a3e-0d8a5f2b7c11",
    "project": "BIG-WEB",
    "date": "2026-06-01",
    "duration": "1:30",
    "note": TYPED,
}


@pytest.fixture
async def erin(portal: OwnPortal) -> AsyncIterator[PortalClient]:
    async with portal.client() as client:
        await client.sign_in("erin")
        yield client


@pytest.mark.parametrize("status", [403, 409, 412, 422])
async def test_a_refusal_is_shown_at_the_form(
    erin: PortalClient, relay: Relay, status: int
) -> None:
    errors = [{"pointer": "/minutes", "code": "too_long", "message": "Too many minutes."}]
    relay.refuse("PUT", "/v1/entries/", status, errors=errors if status == 422 else [])
    page = await erin.send("/entries/new", ENTRY)
    if status != 403:
        assert 'name="note"' in page.text
    assert SHOWN in page.text
    assert "The API said no." in page.text
    if status == 422:
        assert "Too many minutes." in page.text
        assert 'aria-describedby="duration-error' in page.text


@pytest.mark.parametrize("status", [401, 429, 500, 502, 503])
async def test_an_outage_keeps_the_form_to_be_sent_again(
    erin: PortalClient, relay: Relay, status: int
) -> None:
    challenge = {"WWW-Authenticate": 'Bearer error="invalid_token"'} if status == 401 else {}
    csrf = await erin.csrf()
    relay.refuse("PUT", "/v1/entries/", status, challenge)
    relay.refuse("GET", "/v1/projects", status, challenge)
    page = await erin.send("/entries/new", {**ENTRY, "csrf": csrf})
    assert page.status >= (429 if status == 429 else 500)
    assert SHOWN in page.text
    assert "Try again" in page.text
    relay.answers.clear()
    page = await erin.post("/entries/new", {**ENTRY, "csrf": csrf})
    assert "Entry saved." in page.text
    await erin.send(f"/entries/{ENTRY['id']}/delete", {"version": "1", "date": ENTRY["date"]})


@pytest.mark.parametrize("path", ["/", "/weeks/2026-W20", "/months", "/absences", "/profile"])
async def test_a_page_says_that_the_api_is_unavailable(
    erin: PortalClient, relay: Relay, path: str
) -> None:
    relay.refuse("GET", "/v1/", 503, {"Retry-After": "1"})
    page = await erin.get(path)
    assert page.status == 503
    assert page.heading == "Can't reach the server"


async def test_a_slow_api_is_not_waited_for(
    erin: PortalClient, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_client, "TIMEOUT", aiohttp.ClientTimeout(total=0.2))
    relay.answers["GET", "/v1/timesheets"] = None
    page = await erin.get("/")
    assert (page.status, page.heading) == (503, "Can't reach the server")


async def test_a_cell_that_is_not_saved_says_why(erin: PortalClient, relay: Relay) -> None:
    relay.refuse("PUT", "/v1/entries/", 409, errors=[])
    cell = {"row": "BIG-WEB/0", "date": "2026-06-01", "text": "1:30", "reference": ""}
    body = {**cell, "token": ENTRY["id"]}
    headers = {
        "X-CSRF-Token": await erin.csrf(),
        "X-Portal-Script": "1",
        "Origin": erin.origin,
        "Sec-Fetch-Site": "same-origin",
    }
    page = await erin.request("POST", "/weeks/2026-W23/cells", json=body, headers=headers)
    assert page.status == 409
    assert "The API said no." in page.text


async def test_a_change_whose_response_was_lost_is_no_conflict(
    erin: PortalClient, relay: Relay
) -> None:
    week = Week.of(datetime.now(UTC).date()).plus(-52)
    body = {"row": "BIG-WEB/0", "date": str(week.monday), "reference": ""}
    body["token"] = "5f9f4b52-8c0f-4f0e-9d55-0d5a3f1c2e77"
    headers = {"X-CSRF-Token": await erin.csrf(), "X-Portal-Script": "1"}
    headers |= {"Origin": erin.origin, "Sec-Fetch-Site": "same-origin"}

    async def save(text: str) -> tuple[int, Any]:
        page = await erin.request(
            "POST", f"/weeks/{week}/cells", json={**body, "text": text}, headers=headers
        )
        return page.status, page.json()

    _status, made = await save("1:00")
    body["reference"] = made["cell"]["reference"]
    # It is saved; then the week that the response shows is not to be had.
    relay.refuse("GET", "/v1/timesheets", 503)
    assert (await save("2:00"))[0] == 503
    relay.answers.clear()
    status, again = await save("2:00")
    assert (status, again["cell"]["minutes"]) == (200, 120)
    assert (await save("3:00"))[0] == 412


async def test_an_older_api_is_no_failure(erin: PortalClient, relay: Relay) -> None:
    relay.refuse("GET", "/v1/absences", 404)
    page = await erin.get("/absences")
    assert page.status == 200
    assert "offer this yet" in page.text


async def test_a_fresh_second_factor_is_required_and_the_form_is_restored(
    portal: OwnPortal, relay: Relay
) -> None:
    async with portal.client() as ada:
        await ada.sign_in("ada")
        former = ada.session_cookie
        challenge = (
            'Bearer error="insufficient_user_authentication", '
            'error_description="A more recent authentication is required", '
            'acr_values="http://schemas.openid.net/pape/policies/2007/06/multi-factor", '
            'max_age="600"'
        )
        relay.refuse("POST", "/v1/projects/", 401, {"WWW-Authenticate": challenge})
        fields = {"code": "STEP-UP", "name": TYPED, "customer": "Big", "billable": "on"}
        sent = await ada.send("/admin/projects/new", fields)
        assert sent.status == 303
        assert "max_age=600" in sent.headers["Location"]
        assert "acr_values=http" in sent.headers["Location"]
        relay.answers.clear()
        resumed = await ada.get(sent.headers["Location"])
        assert resumed.heading == "You are signed in again"
        assert SHOWN in resumed.text
        assert 'action="/admin/projects/new"' in resumed.text
        assert ada.session_cookie not in ("", former)
        done = await ada.post("/admin/projects/new", {**fields, "csrf": resumed.csrf})
        assert "Project created." in done.text


async def test_another_person_is_not_given_what_was_typed(portal: OwnPortal, relay: Relay) -> None:
    async with portal.client() as client:
        await client.sign_in("ada")
        challenge = 'Bearer error="insufficient_user_authentication", max_age="0"'
        relay.refuse("PUT", "/v1/period", 401, {"WWW-Authenticate": challenge})
        sent = await client.send("/admin/period", {"closed_through": "", "reason": TYPED})
        relay.answers.clear()
        client.jar.clear(lambda cookie: "stand-in" in cookie.key)
        page = await client.sign_in("maya", sent.headers["Location"])
        assert SHOWN not in page.text


async def test_requests_at_once_on_two_replicas_renew_the_tokens_once(
    stack: Running, portal: OwnPortal, relay: Relay
) -> None:
    """The refresh token is good once: a second renewal with it would end the sign-in."""
    async with own_portal(stack, relay.url, portal.origin) as replica, portal.client() as client:
        await client.sign_in("erin")
        for passed in (timedelta(minutes=59, seconds=30), timedelta(hours=2)):
            portal.pass_time(passed)
            replica.pass_time(passed)
            pages = await asyncio.gather(
                *(client.get(f"{at.origin}/profile") for at in (portal, replica) * 10)
            )
            assert {page.status for page in pages} == {200}
        assert sum(renewals_of(one, "renewed") for one in (portal, replica)) >= 2
        assert sum(renewals_of(one, "ended") for one in (portal, replica)) == 0


def renewals_of(portal: OwnPortal, outcome: str) -> float:
    name = "timesheets_portal_token_renewals_total"
    value = portal.app[METRICS].registry.get_sample_value(name, {"outcome": outcome})
    assert value is not None
    return value


async def test_a_session_ends_after_idling_and_at_last(portal: OwnPortal) -> None:
    async with portal.client() as client:
        await client.sign_in("erin")
        portal.pass_time(timedelta(hours=13))
        page = await client.request("GET", "/profile")
        assert page.headers["Location"].startswith("/auth/sign-in")


async def test_what_was_typed_survives_the_end_of_the_session(portal: OwnPortal) -> None:
    async with portal.client() as client:
        await client.sign_in("erin")
        csrf = await client.csrf()
        portal.pass_time(timedelta(days=8))
        sent = await client.send("/entries/new", {**ENTRY, "csrf": csrf})
        assert "/authorize?" in sent.headers["Location"]
        portal.pass_time(timedelta())
        resumed = await client.get(sent.headers["Location"])
        assert resumed.heading == "You are signed in again"
        assert SHOWN in resumed.text


async def test_what_can_end_in_one_way_only_is_not_offered_again(
    erin: PortalClient, relay: Relay
) -> None:
    page = await erin.get("/nowhere")
    assert page.status == 404
    assert "Try again" not in page.text
    assert "Go to my week" in page.text
    relay.refuse("GET", "/v1/timesheets", 503)
    page = await erin.get("/months")
    assert page.status == 503
    assert "Try again" in page.text
