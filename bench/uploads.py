"""A company whose agency uploads hours for everybody: the batches of `contention` and `closing`."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
import uuid
from collections import deque
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg

from bench.database import deployed_postgres
from bench.exchange import encode
from bench.load import Call
from bench.programs import Program, program, variables
from libs.postgres.migrate import upgrade
from tests.support.client import ADMINISTRATOR
from tests.support.issuer import Issuer

CLIENT, PARTNER = "bench", "partner"
PEOPLE, WEEKS, DAYS_A_WEEK, PROJECTS = 200, 40, 5, 20
FIRST_MONDAY = date(2026, 1, 5)
LAST_DAY = FIRST_MONDAY + timedelta(days=7 * WEEKS - 1)
ENDING = "ENDING"
"""Projects that nobody uses and that are ended: ENDING0, ENDING1, and so on."""
PIECE = 256 * 1024

# Everybody has five entries in each week already.
FILL = f"""
    INSERT INTO projects (code, name, customer)
    SELECT 'P' || number, 'Project', 'Customer' FROM generate_series(0, {PROJECTS - 1}) AS number
    UNION ALL
    SELECT '{ENDING}' || number, 'Project', 'Customer' FROM generate_series(0, 99) AS number;
    INSERT INTO people
        (person, name, email, kind, active, target_minutes, external_ids, uploaders, version)
    SELECT 'auth0|' || number, 'Person', 'person' || number || '@agency.example', 'contractor',
        true, 2400, '{{}}', ARRAY['{CLIENT}'], 1
    FROM generate_series(0, {PEOPLE - 1}) AS number;
    INSERT INTO entries (person, id, date, project, minutes, note, billable, source)
    SELECT 'auth0|' || person, gen_random_uuid(), '{FIRST_MONDAY}'::date + 7 * week + day,
        'P' || (person + day) % {PROJECTS}, 60, 'Worked on the thing', true, 'app'
    FROM generate_series(0, {WEEKS - 1}) AS week, generate_series(0, {PEOPLE - 1}) AS person,
        generate_series(0, {DAYS_A_WEEK - 1}) AS day;
"""
SUMMARY_IS_FILLED = "SELECT EXISTS (SELECT FROM daily_totals_filled)"
# The statement of a merge that takes longest.
IS_WRITING = """
    SELECT EXISTS (
        SELECT FROM pg_stat_activity
        WHERE state = 'active' AND pid <> pg_backend_pid()
          AND query LIKE '%INSERT INTO entries%FROM planned%'
    )
"""


@dataclass
class Company:
    """The service over its database, and those who call it."""

    entries: Program
    session: aiohttp.ClientSession
    database: asyncpg.Connection
    issuer: Issuer
    folder: Path
    _numbers: Iterator[int] = field(default_factory=itertools.count)
    _tokens: dict[int, str] = field(default_factory=dict)
    _files: deque[Path] = field(default_factory=deque)

    def next_number(self) -> int:
        """A number that nothing of this company has yet."""
        return next(self._numbers)

    def write_files(self, rows: int, number: int) -> None:
        """Files of new rows for everybody, by person and day, as a time tracker writes them.

        Write them before people's requests are driven: it would hold up the driver.
        """
        for _ in range(number):
            prefix = self.next_number()
            path = self.folder / f"{prefix}.ndjson"
            with path.open("w") as lines:
                lines.writelines(_lines(rows, prefix))
            self._files.append(path)

    async def upload(self) -> float:
        """Upload the next file and return the seconds that took."""
        path = self._files.popleft()
        headers = {
            "Authorization": f"Bearer {self.issuer.machine_token(CLIENT, 'batch:upload')}",
            "Content-Type": "application/x-ndjson",
            "Idempotency-Key": str(uuid.uuid4()),
        }
        began = time.perf_counter()
        address = f"{self.entries.url}/v1/batches"
        async with self.session.post(address, data=_pieces(path), headers=headers) as reply:
            batch = await reply.json()
        if reply.status != 201 or batch["failed"]:
            raise RuntimeError(f"the upload got {reply.status}: {batch}")
        path.unlink()
        return time.perf_counter() - began

    async def until_writing(self, uploading: asyncio.Task[None]) -> None:
        """Wait until the merge writes its entries. Raises `RuntimeError` if it ends before."""
        while not await self.database.fetchval(IS_WRITING):
            if uploading.done():
                raise RuntimeError("the batch was over before anything could happen in it")
            await asyncio.sleep(0.005)

    async def administer(
        self, method: str, path: str, body: Mapping[str, object]
    ) -> tuple[int, float]:
        """Send a request of an administrator; its status and seconds."""
        token = self.issuer.token(sub="auth0|admin", scope=ADMINISTRATOR)
        return await self._timed(method, path, token, json=body)

    @cached_property
    def partner(self) -> str:
        """The token of a system that reads reports."""
        return self.issuer.machine_token(PARTNER, "read:reports")

    async def read_totals(self) -> tuple[int, float]:
        """The totals of a year, for the partner; the status and seconds."""
        year = "from=2026-01-01&to=2026-12-31"
        return await self._timed(
            "GET", f"/v1/reports/totals?{year}&group_by=project,month", self.partner
        )

    async def _timed(
        self, method: str, path: str, token: str, **arguments: Any
    ) -> tuple[int, float]:
        headers = {"Authorization": f"Bearer {token}"}
        began = time.perf_counter()
        address = self.entries.url + path
        async with self.session.request(method, address, headers=headers, **arguments) as reply:
            await reply.read()
        return reply.status, time.perf_counter() - began

    @cached_property
    def reads(self) -> Iterator[bytes]:
        """Weeks of the people that the batches write to, for ever."""
        calls = []
        for person, week in _weeks():
            since = FIRST_MONDAY + timedelta(weeks=week)
            path = f"/v1/entries?from={since}&to={since + timedelta(days=6)}"
            calls.append(encode(Call("GET", path, "", self._token(person))))
        return itertools.cycle(calls)

    @cached_property
    def writes(self) -> Iterator[bytes]:
        """New entries in the weeks that the batches write to, a minute each, for ever."""
        calls = []
        for person, week in _weeks():
            day = FIRST_MONDAY + timedelta(weeks=week, days=person % DAYS_A_WEEK)
            draft = {"date": str(day), "project": "P1", "minutes": 1}
            token = self._token(person)
            calls.append(encode(Call("POST", "/v1/entries", "", token, json.dumps(draft))))
        return itertools.cycle(calls)

    def _token(self, person: int) -> str:
        if person not in self._tokens:
            self._tokens[person] = self.issuer.token(sub=f"auth0|{person}")
        return self._tokens[person]


def _weeks() -> Iterator[tuple[int, int]]:
    """People and weeks, scattered: 7 has no factor in common with either number."""
    for number in range(1000):
        yield number * 7 % PEOPLE, number * 7 % WEEKS


def _lines(rows: int, prefix: int) -> Iterator[str]:
    a_day = max(1, -(-rows // (PEOPLE * WEEKS * DAYS_A_WEEK)))
    for number in range(rows):
        day = number // a_day
        person, day = divmod(day, WEEKS * DAYS_A_WEEK)
        week, weekday = divmod(day, DAYS_A_WEEK)
        row = {
            "external_id": f"{prefix}-{number:07}",
            "person": f"person{person}@agency.example",
            "date": str(FIRST_MONDAY + timedelta(weeks=week, days=weekday)),
            "project": f"P{number % PROJECTS}",
            "minutes": 5,
            "note": f"Worked on the thing number {number}",
        }
        yield json.dumps(row) + "\n"


async def _pieces(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            yield piece


@asynccontextmanager
async def company(folder: Path) -> AsyncIterator[Company]:
    """The company with its service started; its totals are summed up already."""
    forever = aiohttp.ClientTimeout(total=None)
    with deployed_postgres(folder) as server:
        server.create_database("entries")
        url = server.url("entries")
        await asyncio.to_thread(upgrade, "services.entries", url)
        database = await asyncpg.connect(url, command_timeout=None)
        await database.execute(FILL)
        await database.execute("VACUUM ANALYZE")
        async with (
            Issuer() as issuer,
            aiohttp.ClientSession(timeout=forever) as session,
            program("entries", variables(issuer, url), folder / "entries.log") as entries,
        ):
            while not await database.fetchval(SUMMARY_IS_FILLED):
                await asyncio.sleep(0.1)
            of = Company(entries, session, database, issuer, folder)
            # Signing tokens would hold up the driver.
            _signed = next(of.reads), next(of.writes), of.partner
            yield of
        await database.close()
