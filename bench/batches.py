"""A million rows come in and go out, against PostgreSQL's own COPY.

psql puts the same rows into a table with the same indexes, in turn with us. Both sides share the
machine with the database and the client; meanwhile another person reads and writes one at a time,
and their waiting time is reported for psql's \\copy too.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from importlib.util import find_spec
from pathlib import Path
from statistics import median

import aiohttp
import asyncpg

from bench.database import deployed_postgres
from bench.load import memory
from bench.programs import Program, program, variables
from bench.results import Result, at_least, at_most, reported
from dev.postgres import INSTALLATION, PACKAGE
from libs.postgres.migrate import upgrade
from tests.support.issuer import Issuer

ROWS, ROUNDS, RESENT_ROUNDS = 1_000_000, 5, 3
CLIENT = "bench"
PEOPLE, DAYS, PROJECTS = 200, 300, 20
FIRST_DAY = date(2026, 1, 1)
LAST_DAY = FIRST_DAY + timedelta(days=DAYS)
# A complete file lacks one in so many of the rows.
GONE_IN = 1000
PAUSE = 0.02
PIECE = 256 * 1024

SET_UP = f"""
    INSERT INTO projects (code, name, customer)
    SELECT 'P' || number, 'Project', 'Customer' FROM generate_series(0, {PROJECTS - 1}) AS number;
    INSERT INTO people
        (person, name, email, kind, active, target_minutes, external_ids, uploaders, version)
    SELECT 'auth0|' || number, 'Person', 'person' || number || '@agency.example', 'contractor',
        true, 2400, '{{}}', ARRAY['{CLIENT}'], 1
    FROM generate_series(0, {PEOPLE - 1}) AS number;
    CREATE TABLE plain (LIKE entries INCLUDING ALL);
"""
COPY_IN = (
    "\\copy plain (person, id, date, project, task, minutes, note, billable, source, external_id) "
    "from '{path}'"
)
COPY_OUT = (
    f"\\copy (SELECT * FROM entries WHERE date BETWEEN '{FIRST_DAY}' AND '{LAST_DAY}') "
    "to '/dev/null' (FORMAT csv)"
)
EXPORTING = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'COPY (%'"


@dataclass(slots=True)
class Taken:
    """Seconds: of each round, and of each request of somebody else meanwhile."""

    rounds: list[float] = field(default_factory=list)
    others: list[float] = field(default_factory=list)

    def by(self, copied: Taken) -> float:
        """The median throughput relative to COPY, compared round by round."""
        rounds = zip(reversed(copied.rounds), reversed(self.rounds), strict=False)
        return median(theirs / ours for theirs, ours in rounds)

    @property
    def p99(self) -> float:
        """Milliseconds that the others waited."""
        return sorted(self.others)[int(0.99 * (len(self.others) - 1))] * 1000


@dataclass(frozen=True, slots=True)
class Bench:
    """The programs that are measured, and the caller of each request."""

    entries: Program
    session: aiohttp.ClientSession
    database: asyncpg.Connection
    url: str
    machine: str
    person: str

    @asynccontextmanager
    async def timed(self, taken: Taken) -> AsyncIterator[None]:
        """One round, beside somebody else's requests."""
        over = asyncio.Event()
        working = asyncio.create_task(self._work_beside(taken.others, over))
        began = time.perf_counter()
        try:
            yield
            taken.rounds.append(time.perf_counter() - began)
        finally:
            # Not cut off: what the service went on with would stand in the way of emptying.
            over.set()
            await working

    async def _work_beside(self, taken: list[float], over: asyncio.Event) -> None:
        headers = {"Authorization": f"Bearer {self.person}"}
        entry = f"{self.entries.url}/v1/entries/{uuid.UUID(int=7)}"
        for number in itertools.count():
            if over.is_set():
                return
            draft = {"date": str(FIRST_DAY), "project": "P1", "minutes": 1 + number % 100}
            began = time.perf_counter()
            if number % 4:
                sent = self.session.get(f"{self.entries.url}/v1/entries?limit=20", headers=headers)
            else:
                sent = self.session.put(entry, json=draft, headers=headers)
            async with sent as reply:
                await reply.read()
            if reply.status not in (200, 201):
                raise RuntimeError(f"another request got {reply.status}")
            taken.append(time.perf_counter() - began)
            await asyncio.sleep(PAUSE)

    async def empty(self) -> None:
        """Empty the tables and write a checkpoint, so that each round starts alike."""
        await self.database.execute("TRUNCATE plain, entries, weeks, batches, idempotency_keys")
        await self.database.execute("CHECKPOINT")

    async def psql(self, command: str) -> None:
        """Run one command in psql. Raises `RuntimeError` if psql is missing or fails."""
        spec = find_spec(PACKAGE)
        if spec is None or spec.origin is None:
            raise RuntimeError(f"{PACKAGE} is not installed")
        psql = Path(spec.origin).parent / INSTALLATION / "bin" / "psql"
        process = await asyncio.create_subprocess_exec(
            *(str(psql), "-X", "-v", "ON_ERROR_STOP=1", "-qc", command, self.url)
        )
        if await process.wait():
            raise RuntimeError("psql failed")

    async def upload(self, path: Path, *, complete: bool = False) -> dict[str, int]:
        """The counts of the batch."""
        headers = {
            "Authorization": f"Bearer {self.machine}",
            "Content-Type": "application/x-ndjson",
            "Idempotency-Key": str(uuid.uuid4()),
        }
        address = f"{self.entries.url}/v1/batches"
        if complete:
            address += f"?complete={FIRST_DAY}..{LAST_DAY}"
        async with self.session.post(address, data=_pieces(path), headers=headers) as reply:
            batch: dict[str, int] = await reply.json()
        if reply.status != 201 or batch["failed"]:
            raise RuntimeError(f"the upload got {reply.status}: {batch}")
        return batch

    @asynccontextmanager
    async def report(self, form: str) -> AsyncIterator[aiohttp.ClientResponse]:
        """Open the report of all entries as `csv`, `ndjson` or `xlsx`; the body is not read yet."""
        address = f"{self.entries.url}/v1/reports/entries?from={FIRST_DAY}&to={LAST_DAY}"
        headers = {"Authorization": f"Bearer {self.machine}"}
        async with self.session.get(f"{address}&format={form}", headers=headers) as reply:
            yield reply

    async def export(self, form: str) -> None:
        """Read the report of all entries to its end and discard it."""
        async with self.report(form) as reply:
            async for _piece in reply.content.iter_any():
                pass


async def measure(count: int = ROWS, rounds: int = ROUNDS) -> list[Result]:
    """Measure `rounds` batches and exports of `count` rows, in turn with psql's \\copy."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ours, theirs = write_files(folder, count)
        with deployed_postgres(folder) as server:
            server.create_database("entries")
            url = server.url("entries")
            await asyncio.to_thread(upgrade, "services.entries", url)
            async with _bench(url, folder) as bench:
                return [
                    *await _batches(bench, ours, theirs, rounds),
                    *await _complete(bench, ours, RESENT_ROUNDS),
                    *await _exports(bench, rounds),
                ]


@asynccontextmanager
async def _bench(url: str, folder: Path) -> AsyncIterator[Bench]:
    database = await asyncpg.connect(url, command_timeout=None)
    await database.execute(SET_UP)
    forever = aiohttp.ClientTimeout(total=None)
    async with (
        Issuer() as issuer,
        aiohttp.ClientSession(timeout=forever) as session,
        program("entries", variables(issuer, url), folder / "entries.log") as entries,
    ):
        machine = issuer.machine_token(CLIENT, "batch:upload read:reports")
        person = issuer.token(sub="auth0|somebody")
        yield Bench(entries, session, database, url, machine, person)
    await database.close()


async def _batches(bench: Bench, ours: Path, theirs: Path, rounds: int) -> list[Result]:
    by_copy, by_us, again = Taken(), Taken(), Taken()
    before = memory(bench.entries.pid)
    for _ in range(rounds):
        await bench.empty()
        async with bench.timed(by_copy):
            await bench.psql(COPY_IN.format(path=theirs))
        await bench.empty()
        async with bench.timed(by_us):
            counts = await bench.upload(ours)
        _say(f"\\copy {by_copy.rounds[-1]:.1f} s, upload {by_us.rounds[-1]:.1f} s: {counts}")
    async with bench.timed(again):
        counts = await bench.upload(ours)
    _say(f"the same file again {again.rounds[0]:.1f} s: {counts}")
    grown = memory(bench.entries.pid, "VmHWM") - before
    against = f"psql \\copy into a table with the same indexes; median of {rounds} rounds in turn"
    what = "batch of 10^6 rows of NDJSON"
    return [
        at_least(f"{what}: rate", by_us.by(by_copy), 0.6, "of COPY", against),
        at_most(f"{what}: memory of the service", grown, 64, "MiB more", "peak against at rest"),
        at_most(
            f"{what}: others' p99 meanwhile",
            by_us.p99,
            50,
            "ms",
            f"{by_copy.p99:.0f} ms during psql's \\copy",
        ),
        reported(f"{what}, the same again", again.by(by_copy), "of COPY", against),
    ]


async def _complete(bench: Bench, ours: Path, rounds: int) -> list[Result]:
    """A file that lacks one in a thousand of the rows that are there: as such, and as complete."""
    shorter = ours.with_suffix(".shorter")
    with ours.open() as lines, shorter.open("w") as kept:
        kept.writelines(line for number, line in enumerate(lines) if number % GONE_IN)
    plain, complete = Taken(), Taken()
    for _ in range(rounds):
        async with bench.timed(plain):
            await bench.upload(shorter)
        async with bench.timed(complete):
            counts = await bench.upload(shorter, complete=True)
        _say(f"plain {plain.rounds[-1]:.1f} s, complete {complete.rounds[-1]:.1f} s: {counts}")
        await bench.upload(ours)  # restores the removed rows
    return [
        at_most(
            "complete batch of 10^6 rows, 1,000 gone: time",
            1 / complete.by(plain),
            1.3,
            "of plain",
            f"the same file without complete, both sent again; median of {rounds} rounds in turn",
        )
    ]


async def _exports(bench: Bench, rounds: int) -> list[Result]:
    await bench.database.execute("VACUUM ANALYZE")
    by_copy = Taken()
    by_us = {form: Taken() for form in ("csv", "ndjson", "xlsx")}
    before = memory(bench.entries.pid)
    for _ in range(rounds):
        async with bench.timed(by_copy):
            await bench.psql(COPY_OUT)
        for form in ("csv", "ndjson"):
            async with bench.timed(by_us[form]):
                await bench.export(form)
        _say(f"\\copy {by_copy.rounds[-1]:.1f} s, csv {by_us['csv'].rounds[-1]:.1f} s")
    async with bench.timed(by_us["xlsx"]):
        await bench.export("xlsx")
    grown = memory(bench.entries.pid, "VmHWM") - before
    against = f"psql \\copy of the table's rows to /dev/null; median of {rounds} rounds in turn"
    what = "export of 10^6 rows"
    shares = {form: taken.by(by_copy) for form, taken in by_us.items()}
    return [
        at_least(f"{what} as CSV: rate", shares["csv"], 0.5, "of COPY", against),
        at_most(f"{what}: memory of the service", max(0.0, grown), 64, "MiB more", "any format"),
        at_most(
            f"{what}: the query of a client that went away ends after",
            await _until_stopped(bench),
            1,
            "s",
            "pg_stat_activity",
        ),
        reported(
            f"{what} as CSV: others' p99 meanwhile",
            by_us["csv"].p99,
            "ms",
            f"{by_copy.p99:.0f} ms during psql's \\copy",
        ),
        reported(f"{what} as NDJSON: rate", shares["ndjson"], "of COPY", against),
        reported(f"{what} as XLSX: rate", shares["xlsx"], "of COPY", against),
    ]


async def _until_stopped(bench: Bench) -> float:
    """Seconds from when a client leaves in the middle until its query is no more."""
    async with bench.report("csv") as reply:
        await reply.content.readany()
        if not await bench.database.fetchval(EXPORTING):
            raise RuntimeError("the export was over before the client could leave")
        reply.close()
    began = time.perf_counter()
    while await bench.database.fetchval(EXPORTING):
        await asyncio.sleep(0.01)
    return time.perf_counter() - began


def write_files(folder: Path, count: int) -> tuple[Path, Path]:
    """The rows as NDJSON for us, and as text for COPY."""
    ours, theirs = folder / "rows.ndjson", folder / "rows.tsv"
    with ours.open("w") as lines, theirs.open("w") as table:
        for row in _rows(count):
            lines.write(json.dumps(row) + "\n")
            fields = [row["person"], uuid.uuid4(), row["date"], row["project"], row["task"]]
            fields += [row["minutes"], row["note"], "t", f"batch:{CLIENT}", row["external_id"]]
            table.write("\t".join(map(str, fields)) + "\n")
    return ours, theirs


def _rows(count: int) -> Iterator[dict[str, object]]:
    """By person and day, as a time tracker writes them."""
    a_day = max(1, -(-count // (PEOPLE * DAYS)))
    for number in range(count):
        person, day = number // (DAYS * a_day), number // a_day % DAYS
        yield {
            "external_id": f"row-{number:07}",
            "person": f"person{person}@agency.example",
            "date": str(FIRST_DAY + timedelta(days=day)),
            "project": f"P{number % PROJECTS}",
            "minutes": 5 + number % 50,
            "task": "Development",
            "note": f"Worked on the thing number {number}",
        }


async def _pieces(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            yield piece


def _say(words: str) -> None:
    sys.stderr.write(f"  {words}\n")
