"""The callers and projects that the tests of entries begin with."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from libs.postgres.pool import Database
from libs.postgres.settings import DatabaseSettings
from tests.api.entries.agency import Agency, learn
from tests.api.entries.calendar import Week as Week
from tests.support.client import ADMINISTRATOR, Caller, Reply, Service
from tests.support.issuer import Issuer


def draft(**fields: Any) -> dict[str, Any]:
    return {"date": Week.MONDAY, "project": "APOLLO", "minutes": 60, **fields}


async def log(caller: Caller, **fields: Any) -> Reply:
    reply = await caller.post("/v1/entries", draft(**fields))
    assert reply.status == 201, reply.json
    return reply


@pytest.fixture
async def ada(entries: Service) -> Caller:
    """The administrator, who has set up two projects."""
    caller = entries.caller("ada", ADMINISTRATOR)
    for code, customer in (("APOLLO", "Big Company"), ("ZEUS", "Small Company")):
        project = {"name": code.title(), "customer": customer, "billable": code == "APOLLO"}
        assert (await caller.post(f"/v1/projects/{code}", project)).status == 201
    return caller


@pytest.fixture
async def erin(entries: Service, ada: Caller) -> Caller:  # noqa: ARG001 - projects first
    return entries.caller("erin")


@pytest.fixture
async def carl(entries: Service) -> Caller:
    return entries.caller("carl")


@pytest.fixture
async def connection(entries_database: str) -> AsyncIterator[asyncpg.Connection]:
    """The service's database, to look into it."""
    opened = await asyncpg.connect(entries_database)
    yield opened
    await opened.close()


@pytest.fixture
async def agency(
    entries: Service, issuer: Issuer, erin: Caller, connection: asyncpg.Connection
) -> Agency:
    """Uploads for erin and carl."""
    del erin  # only for the projects
    await learn(connection, "erin")
    await learn(connection, "carl")
    return Agency(entries, issuer)


@pytest.fixture
async def database(entries: Service, entries_database: str) -> AsyncIterator[Database]:
    """The pool of another replica."""
    del entries
    opened = Database(DatabaseSettings(entries_database))
    await opened.start()
    yield opened
    await opened.stop()
