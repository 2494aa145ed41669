"""A company published by profile, the events of the other services, and the callers."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import asyncpg
import pytest

from libs.feed.wire import Delivery
from libs.rules.calendar import Week
from services.approvals.app import create_app
from services.approvals.feeds import HANDLERS
from tests.conftest import Databases, service_settings, serving
from tests.support.client import ADMINISTRATOR, MANAGER, Caller, Service
from tests.support.clock import StandingClock
from tests.support.events import data_of
from tests.support.issuer import Issuer

LAST = "2026-W47"
"""The week before the present one of the standing clock."""


@pytest.fixture
def approvals_database(databases: Databases) -> str:
    return databases.shared("approvals")


@pytest.fixture
async def approvals(
    approvals_database: str, issuer: Issuer, session: aiohttp.ClientSession, clock: StandingClock
) -> AsyncIterator[Service]:
    """The approvals service, over a database of its own."""
    settings = service_settings("approvals", issuer, approvals_database)
    async with serving(create_app(settings), settings, issuer, session, clock) as service:
        yield service


@pytest.fixture
async def connection(approvals_database: str) -> AsyncIterator[asyncpg.Connection]:
    """The service's database, to look into it."""
    opened = await asyncpg.connect(approvals_database)
    yield opened
    await opened.close()


class Neighbours:
    """entries and profile, as approvals hears of them: each event in a transaction of its own."""

    def __init__(self, connection: asyncpg.Connection, clock: StandingClock) -> None:
        self._connection = connection
        self._clock = clock
        self._sequence = itertools.count(1)

    async def tell(self, source: str, kind: str, subject: str, data: dict[str, Any]) -> None:
        event = Delivery(
            sequence=next(self._sequence),
            id=str(uuid.uuid4()),
            source=f"/v1/{source}",
            type=kind,
            subject=subject,
            time=self._clock.now(),
            data=data_of(data),
        )
        async with self._connection.transaction():
            await HANDLERS[source][kind](self._connection, [event])

    async def person(self, key: str, manager: str | None = None, **fields: Any) -> None:
        """Publish `auth0|<key>`; `delegate` is (key, first day, last day)."""
        delegate = fields.pop("delegate", None)
        data = {
            "person": sub(key),
            "name": key.title(),
            "email": f"{key}@exampleco.com",
            "kind": "employee",
            "employer": None,
            "manager": sub(manager) if manager else None,
            "active": True,
            "external_ids": {},
            "uploaders": [],
            "target_minutes": 2400,
            "delegate": delegate
            and {"person": sub(delegate[0]), "from": delegate[1], "to": delegate[2]},
            "version": next(self._sequence),
            **fields,
        }
        await self.tell("profile", "person.changed", sub(key), data)

    async def submitted(self, key: str, week: str = LAST, **fields: Any) -> str:
        """Five days of eight hours on APOLLO; returns the id."""
        days = [day.isoformat() for day in Week.parse(week).days[:5]]
        by_day = fields.pop("by_day", dict.fromkeys(days, 480))
        projects = fields.pop("by_project", {"APOLLO": sum(by_day.values())})
        source = fields.pop("source", "app")
        self._clock.move(seconds=1)
        data = {
            "submission_id": str(uuid.uuid4()),
            "person": sub(key),
            "week": week,
            "total_minutes": sum(by_day.values()),
            "by_day": by_day,
            "by_project": projects,
            "entries": [
                {
                    "id": str(uuid.uuid4()),
                    "date": next(iter(by_day), days[0]),
                    "project": project,
                    "task": None,
                    "minutes": minutes,
                    "note": "sprint",
                    "billable": True,
                    "source": source,
                }
                for project, minutes in projects.items()
            ],
            "submitted_at": self._clock.now().isoformat(),
            **fields,
        }
        await self.tell("entries", "timesheet.submitted", data["submission_id"], data)
        return str(data["submission_id"])

    async def entries(self, kind: str, submission_id: str, **fields: Any) -> None:
        """An event of entries about a submission after it was submitted."""
        data = {"submission_id": submission_id, "person": sub("erin"), "week": LAST, **fields}
        await self.tell("entries", kind, submission_id, data)


def sub(key: str) -> str:
    return f"auth0|{key}"


@pytest.fixture
def neighbours(connection: asyncpg.Connection, clock: StandingClock) -> Neighbours:
    return Neighbours(connection, clock)


@pytest.fixture
async def company(neighbours: Neighbours) -> Neighbours:
    """Ada is nobody's manager; erin and carl are maya's, ethan is marco's, both are max's."""
    for key, manager in (
        ("ada", "max"),
        ("max", None),
        ("maya", "max"),
        ("marco", "max"),
        ("erin", "maya"),
        ("carl", "maya"),
        ("ethan", "marco"),
    ):
        await neighbours.person(key, manager)
    return neighbours


@pytest.fixture
def maya(approvals: Service) -> Caller:
    return approvals.caller("maya", MANAGER)


@pytest.fixture
def marco(approvals: Service) -> Caller:
    return approvals.caller("marco", MANAGER)


@pytest.fixture
def ada(approvals: Service) -> Caller:
    return approvals.caller("ada", ADMINISTRATOR)


async def ids(caller: Caller, query: str = "") -> list[str]:
    """The ids of a list, in its order."""
    reply = await caller.get(f"/v1/approvals{query}")
    assert reply.status == 200, reply.json
    return [item["id"] for item in reply.json["items"]]
