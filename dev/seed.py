"""Fills a new installation with the sample company, through the API as anybody would."""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from urllib.parse import quote

import aiohttp

from dev.sample_data import DELEGATIONS, PEOPLE, PROJECTS, Person, person_named
from dev.signin import sign_in
from dev.timesheets import WorkedWeek, first_monday, worked_weeks

# So long approvals may take to hear of what was submitted.
FEED_TIMEOUT = 20.0
POLL = 0.1


class LoadError(Exception):
    """A service did not take what the sample company brings."""


@dataclass(frozen=True)
class Caller:
    """A person with a token of their own, so that every rule holds for them."""

    session: aiohttp.ClientSession
    api: str
    token: str

    async def send(self, method: str, path: str, body: object = None) -> Any:
        """The answer; 409 is no error: what is there already stays as it is."""
        headers = {"Authorization": f"Bearer {self.token}"}
        async with self.session.request(
            method, self.api + path, json=body, headers=headers
        ) as response:
            if response.status >= 400 and response.status != 409:
                raise LoadError(f"{method} {path}: {response.status} {await response.text()}")
            return await response.json() if response.content_length != 0 else None


# People before their weeks, and those before what was decided of them.
ORDER = ("profile", "entries", "approvals")


class Loader:
    """Fills an empty system with the sample company, through the API."""

    def __init__(self, session: aiohttp.ClientSession, api: str, issuer: str, today: date) -> None:
        self._session = session
        self._api = api
        self._issuer = issuer
        self._today = today

    async def load(self, services: Collection[str]) -> AsyncIterator[str]:
        """Bring these what they hold of the company; yields each that has it all."""
        steps = {
            "profile": self._load_people,
            "entries": self._load_weeks,
            "approvals": self._load_decisions,
        }
        callers = {person.key: await self._caller(person) for person in PEOPLE}
        for name in ORDER:
            if name in services:
                await steps[name](callers)
                yield name

    async def _caller(self, person: Person) -> Caller:
        token = await sign_in(self._session, self._issuer, person)
        return Caller(self._session, self._api, token)

    async def _load_people(self, callers: dict[str, Caller]) -> None:
        for person in PEOPLE:
            body = _directory_entry(person, first_monday(self._today))
            await callers["ada"].send("PUT", f"/v1/people/{person.sub}", body)
        for delegation in DELEGATIONS:
            until = self._today + timedelta(days=delegation.days)
            delegate = {
                "person": f"auth0|{delegation.person}",
                "from": self._today.isoformat(),
                "to": until.isoformat(),
            }
            await callers[delegation.manager].send("PUT", "/v1/profile/delegate", delegate)

    async def _load_weeks(self, callers: dict[str, Caller]) -> None:
        for project in PROJECTS:
            body = {
                "name": project.name,
                "customer": project.customer,
                "billable": project.billable,
            }
            await callers["ada"].send("POST", f"/v1/projects/{project.code}", body)
        weeks: dict[str, list[WorkedWeek]] = defaultdict(list)
        for week in worked_weeks(self._today):
            weeks[week.person.key].append(week)
        async with asyncio.TaskGroup() as group:
            for key, worked in weeks.items():
                group.create_task(_log_weeks(callers[key], worked))

    async def _load_decisions(self, callers: dict[str, Caller]) -> None:
        weeks = [week for week in worked_weeks(self._today) if week.submitted and week.decided]
        for week in weeks:
            decider = callers[_decider(week.person)]
            found = await _await_approval(decider, week)
            await decider.send("PUT", f"/v1/approvals/{found}/decision", _decision(week))
        await self._submit_waiting_weeks(callers)

    async def _submit_waiting_weeks(self, callers: dict[str, Caller]) -> None:
        """Submit the weeks without a decision last: their projects then count as known."""
        worked = worked_weeks(self._today)
        for week in worked:
            if week.submitted and week.decided:
                await _await_decision(callers[week.person.key], week)
        for week in worked:
            if week.submitted and not week.decided:
                await callers[week.person.key].send("POST", f"/v1/timesheets/{week.name}/submit")


async def _log_weeks(caller: Caller, weeks: Sequence[WorkedWeek]) -> None:
    for week in weeks:
        for entry in week.entries:
            body = {
                "date": entry.date.isoformat(),
                "project": entry.project,
                "minutes": entry.minutes,
                "note": entry.note,
            }
            await caller.send("PUT", f"/v1/entries/{entry.id}", body)
        if week.submitted and week.decided:
            await caller.send("POST", f"/v1/timesheets/{week.name}/submit")


async def _await_approval(caller: Caller, week: WorkedWeek) -> str:
    """The id of the week's approval, once approvals has heard of the submission."""
    person = quote(week.person.sub)
    deadline = time.monotonic() + FEED_TIMEOUT
    while time.monotonic() < deadline:
        page = await caller.send("GET", f"/v1/approvals?person={person}&week={week.name}")
        if page["items"]:
            return str(page["items"][0]["id"])
        await asyncio.sleep(POLL)
    raise LoadError(f"approvals has not heard of {week.person.name}'s {week.name}")


async def _await_decision(caller: Caller, week: WorkedWeek) -> None:
    """Return once entries has applied the decision on the week."""
    deadline = time.monotonic() + FEED_TIMEOUT
    while time.monotonic() < deadline:
        found = await caller.send("GET", f"/v1/timesheets/{week.name}")
        if found["state"] != "submitted":
            return
        await asyncio.sleep(POLL)
    raise LoadError(f"entries has not applied the decision on {week.person.name}'s {week.name}")


def _decider(person: Person) -> str:
    """The manager, or the administrator where there is none."""
    return person.manager or "ada"


def _decision(week: WorkedWeek) -> dict[str, str]:
    if week.rejection is None:
        return {"decision": "approve"}
    return {"decision": "reject", "reason": week.rejection}


def _directory_entry(person: Person, since: date) -> dict[str, object]:
    manager = person_named(person.manager) if person.manager else None
    return {
        "name": person.name,
        "email": person.email,
        "kind": person.kind,
        "employer": person.employer,
        "manager": manager.sub if manager else None,
        "active": True,
        "since": since.isoformat(),
        "uploaders": list(person.uploaders),
        "target_minutes": person.weekly_minutes,
    }
