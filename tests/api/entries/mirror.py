"""A partner's copy of all approved entries, and a company that changes them."""

from __future__ import annotations

import asyncio
import json
import random
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import asyncpg

from libs.rules.calendar import Week
from tests.api.entries.agency import Agency
from tests.api.entries.test_reports import approve
from tests.support.client import Caller, Service
from tests.support.issuer import Issuer

PersonsWeek = tuple[str, str]

APPROVED = """
    SELECT entry.id::text, entry.person, to_char(entry.date, 'IYYY"-W"IW') AS week,
        entry.date::text, entry.project, entry.minutes, entry.note
    FROM entries AS entry JOIN weeks AS week
        ON week.person = entry.person AND week.monday = entry.monday
    WHERE week.state = 'approved'
"""
FIELDS = ("id", "person", "week", "date", "project", "minutes", "note")


@dataclass
class Mirror:
    """The rows by week, and the cursor: both change at once, as in a transaction."""

    cursor: str = "0"
    rows: dict[PersonsWeek, list[dict[str, Any]]] = field(default_factory=dict)

    async def update(self, payroll: Caller) -> None:
        """Ask for what was decided since. The cursor is that of the weeks, which come first."""
        weeks, cursor = await self._weeks(payroll)
        address = f"/v1/reports/entries?approved_since={self.cursor}&format=ndjson"
        reply = await payroll.get(address)
        assert reply.status == 200, reply.body
        self._store(weeks, list(map(json.loads, reply.body.splitlines())), cursor)

    async def _weeks(self, payroll: Caller) -> tuple[list[PersonsWeek], str]:
        address: str | None = f"/v1/reports/weeks?approved_since={self.cursor}&limit=3"
        weeks: list[PersonsWeek] = []
        cursor = self.cursor
        while address:
            reply = await payroll.get(address)
            assert reply.status == 200, reply.body
            cursor = reply.headers["Report-Cursor"]
            weeks += [(item["person"], item["week"]) for item in reply.json["items"]]
            address = reply.json["next"]
        return weeks, cursor

    def _store(self, weeks: list[PersonsWeek], entries: list[dict[str, Any]], cursor: str) -> None:
        for key in (*weeks, *((entry["person"], entry["week"]) for entry in entries)):
            self.rows.pop(key, None)
        for entry in entries:
            self.rows.setdefault((entry["person"], entry["week"]), []).append(entry)
        self.cursor = cursor

    @property
    def content(self) -> list[tuple[Any, ...]]:
        rows = (row for rows in self.rows.values() for row in rows)
        return sorted(tuple(row[name] for name in FIELDS) for row in rows)


@dataclass
class Company:
    """People, an administrator and an agency that do something at random."""

    entries: Service
    issuer: Issuer
    connection: asyncpg.Connection
    administrator: Caller
    chance: random.Random

    def __post_init__(self) -> None:
        self.people = {name: self.entries.caller(name) for name in ("erin", "carl")}
        self.agency = Agency(self.entries, self.issuer)

    async def act(self) -> None:
        acts = (
            *(self._log, self._change, self._delete, self._upload, self._submit, self._submit),
            *(self._approve, self._approve, self._reopen),
        )
        reply = await self.chance.choice(acts)()
        assert reply is None or reply.status < 500, reply.body

    @property
    def _person(self) -> tuple[str, Caller]:
        return self.chance.choice(list(self.people.items()))

    @property
    def _day(self) -> date:
        return date(2026, 10, 26) + timedelta(days=self.chance.randrange(28))

    async def _log(self) -> Any:
        draft = {"date": str(self._day), "project": "APOLLO", "minutes": self._minutes}
        return await self._person[1].post("/v1/entries", draft)

    @property
    def _minutes(self) -> int:
        return self.chance.randrange(1, 90)

    async def _entry(self, name: str) -> str | None:
        query = "SELECT id FROM entries WHERE person = $1 ORDER BY id"
        ids = [record["id"] for record in await self.connection.fetch(query, f"auth0|{name}")]
        return f"/v1/entries/{self.chance.choice(ids)}" if ids else None

    async def _change(self) -> Any:
        name, caller = self._person
        if address := await self._entry(name):
            return await caller.patch(address, {"minutes": self._minutes, "note": "corrected"})
        return None

    async def _delete(self) -> Any:
        name, caller = self._person
        if address := await self._entry(name):
            return await caller.delete(address)
        return None

    async def _upload(self) -> Any:
        rows = [
            {
                "external_id": f"row-{self.chance.randrange(30)}",
                "person": f"auth0|{self._person[0]}",
                "date": str(self._day),
                "project": "ZEUS",
                "minutes": self._minutes,
            }
            for _ in range(8)
        ]
        complete = self.chance.choice(("", "&complete=2026-10-26..2026-11-22"))
        batch = await self.agency.send(rows, f"?on_error=skip{complete}")
        if self.chance.random() < 0.2:
            return await self.agency.caller.delete(batch.headers["Location"])
        return batch

    async def _submit(self) -> Any:
        return await self._person[1].post(f"/v1/timesheets/{Week.of(self._day)}/submit")

    async def _approve(self) -> None:
        query = "SELECT person, monday FROM weeks WHERE state = 'submitted' ORDER BY 1, 2"
        weeks = await self.connection.fetch(query)
        if not weeks:
            return
        week = self.chance.choice(weeks)
        caller = self.people[week["person"].removeprefix("auth0|")]
        await approve(self.connection, await caller.get(f"/v1/timesheets/{Week(week['monday'])}"))

    async def _reopen(self) -> Any:
        query = "SELECT person, monday FROM weeks WHERE state = 'approved' ORDER BY 1, 2"
        weeks = await self.connection.fetch(query)
        if not weeks:
            return None
        week = self.chance.choice(weeks)
        body = {"person": week["person"], "reason": "wrong"}
        address = f"/v1/timesheets/{Week(week['monday'])}/reopen"
        return await self.administrator.post(address, body)


async def keep_mirror(
    company: Company, mirror: Mirror, payroll: Caller, *, steps: int, kills: int
) -> None:
    """Let the company act while a reader keeps the mirror. The reader dies `kills` times midway."""
    deaths = set(company.chance.sample(range(steps), kills))
    reader = asyncio.create_task(mirror.update(payroll))
    for step in range(steps):
        await company.act()
        if step in deaths:
            reader.cancel()
        if reader.done() or step in deaths:
            await asyncio.gather(reader, return_exceptions=True)
            reader = asyncio.create_task(mirror.update(payroll))
    await reader
    await mirror.update(payroll)


async def approved(connection: asyncpg.Connection) -> list[tuple[Any, ...]]:
    """The entries that the mirror has to have."""
    return sorted(map(tuple, await connection.fetch(APPROVED)))
