"""Germans read German: the API's refusals and reasons too."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.portal.client import PortalClient
from tests.portal.own import OwnPortal, Relay

DAY = "2026-06-01"
ENTRY = {
    "id": "4d2b3c68-6d0e-4df5-8a5f-2f3a9c1b7e20",
    "project": "BIG-WEB",
    "date": DAY,
    "duration": "1:30",
    "note": "",
}


@pytest.fixture
async def erin(portal: OwnPortal) -> AsyncIterator[PortalClient]:
    async with PortalClient(portal.origin, "de") as client:
        await client.sign_in("erin")
        await client.post("/profile/appearance", {"language": "de", "appearance": ""})
        yield client


async def test_a_locked_week_says_why_in_german(erin: PortalClient) -> None:
    await erin.post("/weeks/2026-W25/submit")
    page = await erin.get("/weeks/2026-W25")
    assert "Ziehen Sie die Woche zurück" in page.text
    assert "Withdraw the week" not in page.text
    page = await erin.post("/entries/new", {**ENTRY, "date": "2026-06-16"})
    assert page.status == 422
    assert "Ziehen Sie die Woche zurück" in page.text
    assert "This cannot change" not in page.text


@pytest.mark.parametrize(
    ("code", "sentence"),
    [("day_full", "Ein Tag hat 24 Stunden."), ("new_code", "In English.")],
)
async def test_a_refused_field_says_why_in_german(
    erin: PortalClient, relay: Relay, code: str, sentence: str
) -> None:
    errors = [{"pointer": "/minutes", "code": code, "message": "In English."}]
    relay.refuse("PUT", "/v1/entries/", 422, errors=errors)
    page = await erin.send("/entries/new", ENTRY)
    assert sentence in page.text


async def test_a_refusal_at_a_field_is_said_once_in_german(
    erin: PortalClient, relay: Relay
) -> None:
    errors = [{"pointer": "/to", "code": "order", "message": "In English."}]
    relay.refuse("PUT", "/v1/absences/", 422, detail="In English.", errors=errors)
    absence = {"id": ENTRY["id"], "from": DAY, "to": DAY, "kind": "vacation", "portion": "1"}
    page = await erin.send("/absences", absence)
    assert page.text.count("Der letzte Tag liegt vor dem ersten.") == 1
    assert "In English." not in page.text


async def test_the_change_log_is_german(portal: OwnPortal) -> None:
    async with PortalClient(portal.origin, "de") as ada:
        await ada.sign_in("ada")
        await ada.post("/profile/appearance", {"language": "de", "appearance": ""})
        page = await ada.get("/admin/changes?service=profile")
        assert "Person angelegt" in page.text
        assert "person created" not in page.text
