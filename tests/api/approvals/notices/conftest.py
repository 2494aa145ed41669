"""Notices with a real mail server, a real database and a clock that the test moves."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg
import pytest

from libs.postgres.pool import Database
from services.approvals.notices.commands.delivery import Outcome
from services.approvals.notices.job import run_notices
from services.approvals.notices.settings import NoticeSettings
from tests.api.approvals.conftest import Neighbours, sub
from tests.support.clock import StandingClock
from tests.support.mail import MailServer

PORTAL = "https://time.exampleco.com"


def environment(database_url: str, smtp_url: str) -> dict[str, str]:
    return {
        "DATABASE_URL": database_url,
        "SMTP_URL": smtp_url,
        "MAIL_FROM": "ExampleCo Timesheets <timesheets@exampleco.com>",
        "PORTAL_URL": f"{PORTAL}/",
    }


@dataclass
class Notices:
    """`notify`, in this process."""

    database: Database
    settings: NoticeSettings
    clock: StandingClock
    mail: MailServer

    async def run(self) -> Counter[Outcome]:
        return await run_notices(self.database, self.settings, self.clock)

    async def run_at(self, day: str, zone: str = "UTC") -> list[tuple[str, str]]:
        """Run at this local time; (recipient, subject) of what was delivered by it."""
        self.at(day, zone)
        known = len(self.mail.inbox)
        await self.run()
        return sorted(map(headline, self.mail.inbox[known:]))

    def at(self, day: str, zone: str = "UTC") -> None:
        self.clock.time = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone))


def headline(message: EmailMessage) -> tuple[str, str]:
    address = message["To"].addresses[0]
    return address.username, str(message["Subject"])


@pytest.fixture
async def mail() -> AsyncIterator[MailServer]:
    async with MailServer() as server:
        yield server


@pytest.fixture
async def database(approvals_database: str) -> AsyncIterator[Database]:
    settings = NoticeSettings.read(environment(approvals_database, "smtp://127.0.0.1"))
    opened = Database(settings.database)
    await opened.start()
    yield opened
    await opened.stop()


@pytest.fixture
def notices(
    database: Database, approvals_database: str, mail: MailServer, clock: StandingClock
) -> Notices:
    settings = NoticeSettings.read(environment(approvals_database, mail.url))
    return Notices(database, settings, clock, mail)


class Staff:
    """People with the fields that notices depend on, known since week 40."""

    def __init__(
        self, neighbours: Neighbours, connection: asyncpg.Connection, notices: Notices
    ) -> None:
        self.neighbours = neighbours
        self._connection = connection
        self._notices = notices

    async def add(self, key: str, manager: str | None = None, **fields: Any) -> None:
        now = self._notices.clock.time
        self._notices.at("2026-09-28T06:00")
        await self.neighbours.person(
            key,
            manager,
            **{"locale": "en", "time_zone": "UTC", "reminders": True, **fields},
        )
        self._notices.clock.time = now

    async def off(self, key: str, *weeks: str, is_off: bool = True) -> None:
        for week in weeks:
            data = {"person": sub(key), "week": week, "off": is_off}
            await self.neighbours.tell("entries", "absence.changed", f"{sub(key)}/{week}", data)

    async def rejected(self, key: str, week: str, reason: str = "Too long") -> str:
        """A submission that was rejected now, and confirmed by entries."""
        submission = await self.neighbours.submitted(key, week=week)
        await self.neighbours.entries(
            "timesheet.rejected", submission, decided_by=sub("maya"), reason=reason
        )
        return submission


@pytest.fixture
def staff(neighbours: Neighbours, connection: asyncpg.Connection, notices: Notices) -> Staff:
    return Staff(neighbours, connection, notices)
