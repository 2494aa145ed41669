"""People are found by name, however many there are, and shown by name."""

from __future__ import annotations

import re

import msgspec

from tests.portal.client import Page, PortalClient

LISTED = re.compile(r'<a href="/approvals/[0-9a-f-]{36}[^"]*">([^<]+)</a>')


def listed_people(page: Page) -> set[str]:
    return set(LISTED.findall(page.text))


async def test_approvals_are_filtered_by_the_name_of_a_person(client: PortalClient) -> None:
    await client.sign_in("maya")
    page = await client.get("/approvals", params={"state": "all", "person": "erin empl"})
    shown = listed_people(page)
    assert shown == {"Erin Employee"}
    assert 'value="Erin Employee (auth0|erin)"' in page.text
    for text in ("auth0|erin", "Erin Employee (auth0|erin)"):
        same = await client.get("/approvals", params={"state": "all", "person": text})
        assert listed_people(same) == shown


async def test_a_name_that_several_have_is_not_guessed(client: PortalClient) -> None:
    await client.sign_in("maya")
    page = await client.get("/approvals", params={"person": "employee"})
    assert "Several people match: " in page.text
    assert "Erin Employee (auth0|erin)" in page.text
    page = await client.get("/approvals", params={"person": "nobody at all"})
    assert "No matching person." in page.text
    assert 'value="nobody at all"' in page.text


async def test_names_are_suggested_to_those_who_may_read_the_directory(
    client: PortalClient,
) -> None:
    await client.sign_in("maya")
    page = await client.get("/people/suggestions", params={"q": "marc"})
    assert msgspec.json.decode(page.text) == ["Marco Manager (auth0|marco)"]
    assert (await client.get("/people/suggestions")).text == "[]"


async def test_an_employee_is_not_shown_the_directory(client: PortalClient) -> None:
    await client.sign_in("erin")
    assert (await client.get("/people/suggestions", params={"q": "marc"})).status == 403


async def test_an_approval_names_those_who_decided_it(client: PortalClient) -> None:
    await client.sign_in("maya")
    page = await client.get("/approvals", params={"state": "approved", "person": "chloe"})
    found = re.search(r'href="(/approvals/[0-9a-f-]{36})', page.text)
    assert found is not None
    page = await client.get(found[1])
    assert "Marco Manager" in page.text
    assert "auth0|marco" not in page.text


async def test_submitting_for_somebody_says_whose_week_it_is(client: PortalClient) -> None:
    await client.sign_in("maya")
    page = await client.get("/weeks/2026-W24/submit", params={"person": "auth0|emil"})
    assert "<p>Emil Employee · " in page.text
    assert "can withdraw it" in page.text
    assert "You can withdraw it" not in page.text
