"""A week of five people, from the first entry to the last decision, over the running stack."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import aiohttp
import pytest

from dev.sample_data import PEOPLE
from dev.signin import sign_in
from tests.support.client import Caller, Reply
from tests.support.stack import Running

# Long enough ago that nobody of the sample company has touched it.
WEEKS_BACK = 30
GRACE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Company:
    """Everybody, signed in, at the gateway of the running stack."""

    callers: dict[str, Caller]
    today: date

    @property
    def monday(self) -> date:
        return self.today - timedelta(days=self.today.weekday(), weeks=WEEKS_BACK)

    @property
    def week(self) -> str:
        year, week, _ = self.monday.isocalendar()
        return f"{year}-W{week:02}"

    @property
    def sheet(self) -> str:
        return f"/v1/timesheets/{self.week}"

    def __getitem__(self, person: str) -> Caller:
        return self.callers[person]

    async def log(self, person: str, *minutes: int, project: str = "BIG-WEB") -> list[str]:
        """An entry a day from Monday on; returns their addresses."""
        addresses = []
        for offset, length in enumerate(minutes):
            day = self.monday + timedelta(days=offset)
            body = {"date": day.isoformat(), "project": project, "minutes": length}
            reply = await self[person].put(f"/v1/entries/{uuid4()}", body)
            assert reply.status == 201, reply.json
            addresses.append(reply.headers["Location"])
        return addresses

    async def step(self, person: str, step: str) -> str:
        reply = await self[person].post(f"{self.sheet}/{step}")
        assert reply.status == 200, reply.json
        submission: str = reply.json["submission_id"]
        return submission

    async def pending(self, approver: str, person: str) -> dict[str, Any]:
        """The person's approval in the approver's list, as soon as it is there."""

        async def look() -> Any:
            path = f"/v1/approvals?state=pending&week={self.week}&person=auth0%7C{person}"
            found = (await self[approver].get(path)).json["items"]
            return found[0] if found else None

        approval: dict[str, Any] = await eventually(look)
        return approval

    async def decide(self, approver: str, approval: dict[str, Any], **decision: str) -> Reply:
        return await self[approver].put(f"/v1/approvals/{approval['id']}/decision", decision)

    async def becomes(self, person: str, state: str) -> dict[str, Any]:
        """The person's week, as soon as it is in that state."""

        async def look() -> Any:
            week = (await self[person].get(self.sheet)).json
            return week if week["state"] == state else None

        week: dict[str, Any] = await eventually(look)
        return week


async def eventually(look: Callable[[], Awaitable[Any]]) -> Any:
    """Repeat `look` until it finds something, and return that."""
    async with asyncio.timeout(GRACE_SECONDS):
        while not (found := await look()):
            await asyncio.sleep(0.02)
    return found


@pytest.fixture
async def company(stack: Running) -> AsyncIterator[Company]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        callers = {}
        for person in PEOPLE:
            token = await sign_in(session, stack.addresses.issuer, person)
            callers[person.key] = Caller(session, stack.addresses.gateway, token)
        yield Company(callers, datetime.now(UTC).date())


async def test_a_week_of_five_people(company: Company) -> None:
    await a_rejected_week_is_corrected_and_approved(company)
    await a_withdrawn_week_is_resubmitted(company)
    await an_approved_week_is_reopened(company)
    await a_delegate_decides_for_an_absent_manager(company)
    await nobody_decides_their_own_week(company)


async def a_rejected_week_is_corrected_and_approved(company: Company) -> None:
    [address, *_] = await company.log("erin", 480, 480, 480, 480, 480)
    await company.step("erin", "submit")
    approval = await company.pending("maya", "erin")
    assert (approval["total_minutes"], approval["why"]) == (2400, "manager")
    silent = await company.decide("maya", approval, decision="reject")
    assert silent.status == 422
    rejected = await company.decide(
        "maya", approval, decision="reject", reason="Monday was another project."
    )
    assert rejected.status == 200, rejected.json
    week = await company.becomes("erin", "open")
    assert week["reason"] == "Monday was another project."
    mended = await company["erin"].patch(address, {"project": "BIG-SHOP"})
    assert mended.status == 200, mended.json
    await company.step("erin", "submit")
    again = await company.pending("maya", "erin")
    assert again["id"] != approval["id"]
    assert "resubmitted" in again["flags"]
    assert again["by_project"] == {"BIG-SHOP": 480, "BIG-WEB": 1920}
    assert (await company.decide("maya", again, decision="approve")).status == 200
    week = await company.becomes("erin", "approved")
    assert (await company["erin"].patch(address, {"minutes": 5})).status == 409
    assert [step["event"] for step in week["history"]] == [
        "submitted",
        "rejected",
        "submitted",
        "approved",
    ]


async def a_withdrawn_week_is_resubmitted(company: Company) -> None:
    await company.log("emil", 480)
    await company.step("emil", "submit")
    first = await company.pending("maya", "emil")
    await company.step("emil", "withdraw")

    async def withdrawn() -> bool:
        reply = await company["maya"].get(f"/v1/approvals/{first['id']}")
        return bool(reply.json["state"] == "withdrawn")

    await eventually(withdrawn)
    late = await company.decide("maya", first, decision="approve")
    assert late.status == 409, late.json
    await company.log("emil", 480, project="BIG-SHOP")
    await company.step("emil", "submit")
    second = await company.pending("maya", "emil")
    assert second["total_minutes"] == 960
    assert "over_10_hours" in second["flags"]
    assert (await company.decide("maya", second, decision="approve")).status == 200
    await company.becomes("emil", "approved")


async def an_approved_week_is_reopened(company: Company) -> None:
    [address] = await company.log("elena", 300)
    await company.step("elena", "submit")
    approval = await company.pending("maya", "elena")
    await company.decide("maya", approval, decision="approve")
    await company.becomes("elena", "approved")
    body = {"person": "auth0|elena", "reason": "Half of it was another customer."}
    assert (await company["emil"].post(f"{company.sheet}/reopen", body)).status == 403
    reopened = await company["ada"].post(f"{company.sheet}/reopen", body)
    assert (reopened.status, reopened.json["state"]) == (200, "open")
    assert (await company["elena"].patch(address, {"minutes": 150})).status == 200


async def a_delegate_decides_for_an_absent_manager(company: Company) -> None:
    back = company.today + timedelta(days=7)
    absence = {"person": "auth0|maya", "from": str(company.today), "to": str(back)}
    away = await company["marco"].put("/v1/profile/delegate", absence)
    assert away.status in (200, 201), away.json
    await company.log("ethan", 480)
    await company.step("ethan", "submit")
    approval = await company.pending("maya", "ethan")
    assert approval["why"] == "delegate"
    decided = await company.decide("maya", approval, decision="approve")
    assert (decided.status, decided.json["acting_for"]) == (200, "auth0|marco")
    await company.becomes("ethan", "approved")


async def nobody_decides_their_own_week(company: Company) -> None:
    await company.log("maya", 480)
    await company.step("maya", "submit")
    approval = await company.pending("ada", "maya")
    assert approval["why"] in ("unassigned", "administrator")
    own = await company.decide("maya", approval, decision="approve")
    assert own.status == 403, own.json
    assert (await company.decide("ada", approval, decision="approve")).status == 200
    await company.becomes("maya", "approved")
