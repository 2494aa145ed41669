"""Absences, working time and company days that change in the same moment: all of them decide which
weeks are off."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import date

import asyncpg
import pytest

from libs.changes import Actor
from services.entries.calendar import AbsenceDraft, AbsenceKind
from services.entries.commands.absences import put_absence_in
from services.entries.store.holidays import lock_company_days, save_company_day
from tests.api.entries.halfway import waiting_session
from tests.api.entries.test_decisions import NOW, learn
from tests.api.entries.test_weeks_off import FULL, published
from tests.support.client import Caller

SIX_DAYS = {**FULL, "minutes": [400, 400, 400, 400, 400, 400, 0]}
FRIDAYS = {**FULL, "minutes": [0, 0, 0, 0, 480, 0, 0]}
FRIDAY = date(2026, 12, 11)
FOUR_DAYS_OFF = AbsenceDraft(date(2026, 12, 7), date(2026, 12, 10), AbsenceKind.VACATION, 1.0, "")
WEEK_OFF = AbsenceDraft(date(2026, 12, 7), date(2026, 12, 11), AbsenceKind.VACATION, 1.0, "")
ERIN = Actor("auth0|erin", "app")


@pytest.fixture
async def other(entries_database: str) -> AsyncIterator[asyncpg.Connection]:
    """A second connection of the service."""
    opened = await asyncpg.connect(entries_database)
    yield opened
    await opened.close()


async def test_a_contract_waits_for_the_absence_that_is_being_saved(
    ada: Caller, connection: asyncpg.Connection, other: asyncpg.Connection
) -> None:
    del ada
    await learn(connection, "erin", contracts=[FULL])
    await published(connection)
    async with connection.transaction():
        await put_absence_in(connection, "auth0|erin", uuid.uuid4(), WEEK_OFF, ERIN, NOW)
        changing = asyncio.create_task(learn(other, "erin", contracts=[SIX_DAYS], version=2))
        await waiting_session(connection)
    await changing
    assert await published(connection) == [("2026-W50", True), ("2026-W50", False)]


async def test_a_company_day_waits_for_the_contract_that_is_being_learned(
    ada: Caller, connection: asyncpg.Connection
) -> None:
    await learn(connection, "erin", contracts=[FULL])
    await published(connection)
    async with connection.transaction():
        await learn(connection, "erin", contracts=[FRIDAYS], version=2)
        saving = asyncio.create_task(ada.put(f"/v1/holidays/{FRIDAY}", {"name": "Fair"}))
        await waiting_session(connection)
    assert (await saving).status == 201
    assert await published(connection) == [("2026-W50", True)]


async def test_a_contract_waits_for_the_company_day_that_is_being_saved(
    ada: Caller, connection: asyncpg.Connection, other: asyncpg.Connection
) -> None:
    del ada
    await learn(connection, "erin", contracts=[FULL])
    await published(connection)
    async with connection.transaction():
        await lock_company_days(connection)
        await save_company_day(connection, FRIDAY, "Fair")
        changing = asyncio.create_task(learn(other, "erin", contracts=[FRIDAYS], version=2))
        await waiting_session(connection)
    await changing
    assert await published(connection) == [("2026-W50", True)]


async def test_a_company_day_waits_for_the_absence_that_is_being_saved(
    ada: Caller, connection: asyncpg.Connection
) -> None:
    await learn(connection, "erin", contracts=[FULL])
    await published(connection)
    async with connection.transaction():
        await put_absence_in(connection, "auth0|erin", uuid.uuid4(), FOUR_DAYS_OFF, ERIN, NOW)
        saving = asyncio.create_task(ada.put(f"/v1/holidays/{FRIDAY}", {"name": "Fair"}))
        await waiting_session(connection)
    assert (await saving).status == 201
    assert await published(connection) == [("2026-W50", False), ("2026-W50", True)]


@pytest.mark.parametrize("note", ["", "Alps"])
async def test_an_absence_that_is_being_saved_can_be_sent_again(
    erin: Caller, connection: asyncpg.Connection, note: str
) -> None:
    absence_id = uuid.uuid4()
    days = {"from": str(WEEK_OFF.first), "to": str(WEEK_OFF.last)}
    body = {**days, "kind": "vacation", "note": note}
    async with connection.transaction():
        await put_absence_in(connection, "auth0|erin", absence_id, WEEK_OFF, ERIN, NOW)
        again = asyncio.create_task(erin.put(f"/v1/absences/{absence_id}", body))
        await waiting_session(connection)
    reply = await again
    assert (reply.status, reply.json["note"]) == (200, note)
    assert reply.json["version"] == (2 if note else 1)
