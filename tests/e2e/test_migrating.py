"""The next release migrates while people work and a long report reads."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from services.entries import migrations
from tests.conftest import Databases
from tests.e2e.test_rolling import ADD_PROJECT, call
from tests.support.issuer import Issuer
from tests.support.load import Tally, steady_load
from tests.support.processes import ROOT, copy_of

RATE = 20.0
NEXT = """
from libs.postgres.migrate import run_sql

revision = "9999"
down_revision = {head!r}


def upgrade() -> None:
    run_sql("ALTER TABLE entries ADD COLUMN colour text")
"""


@pytest.fixture
def database(databases: Databases) -> str:
    return databases.own("entries")


@pytest.fixture
def next_release(tmp_path: Path) -> Path:
    """A folder to import `release` from: the migrations of entries and one that alters a table."""
    versions = tmp_path / "release" / "migrations" / "versions"
    shutil.copytree(Path(migrations.__path__[0]) / "versions", versions)
    (tmp_path / "release" / "__init__.py").touch()
    head = max(path.name for path in versions.glob("[0-9]*.py")).partition("_")[0]
    (versions / "9999_colour.py").write_text(NEXT.format(head=head))
    return tmp_path


@asynccontextmanager
async def migrating(database: str, folder: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "libs.postgres", "migrate", "release"),
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": database, "PYTHONPATH": str(folder)},
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def migrate_behind_a_reader(
    database: str, issuer: Issuer, next_release: Path, log: Path, tries: int
) -> Tally:
    """Work goes on while a migration meets an open reader `tries` times, and then succeeds."""
    reader = await asyncpg.connect(database)
    await reader.execute(ADD_PROJECT)
    variables = {
        "AUTH_ISSUER": issuer.issuer,
        "AUTH_AUDIENCE": issuer.audience,
        "DATABASE_URL": database,
        "M2M_CLIENT_ID": "follower",
        "M2M_CLIENT_SECRET": "follower-secret",
        "M2M_TOKEN_URL": issuer.token_url,
        "APPROVALS_URL": "http://127.0.0.1:1",
        "PROFILE_URL": "http://127.0.0.1:1",
        "RATE_LIMIT": "off",
    }
    async with copy_of("services.entries", variables, log) as copy:
        await reader.execute("BEGIN; SELECT FROM entries")
        done = asyncio.Event()
        load = asyncio.create_task(steady_load(copy.url, issuer.token(), RATE, call, done))
        async with migrating(database, next_release) as process:
            assert process.stderr is not None
            for _ in range(tries):
                assert b"waiting: canceling statement" in await process.stderr.readline()
            await reader.execute("COMMIT")
            printed = await process.stderr.read()
            assert await process.wait() == 0, printed
        done.set()
        tally = await load
    assert await reader.fetchval("SELECT count(colour) FROM entries") == 0
    await reader.close()
    return tally


@pytest.mark.slow
async def test_a_migration_behind_an_open_reader_turns_no_request_away(
    database: str, issuer: Issuer, next_release: Path, tmp_path: Path
) -> None:
    log = tmp_path / "entries.log"
    tally = await migrate_behind_a_reader(database, issuer, next_release, log, tries=1)
    assert tally.failures == []
    assert set(tally.statuses) == {("GET", 200), ("POST", 201)}


@pytest.mark.endurance
@pytest.mark.timeout(300)
async def test_a_migration_behind_a_reader_of_half_a_minute_turns_no_request_away(
    database: str, issuer: Issuer, next_release: Path, tmp_path: Path
) -> None:
    log = tmp_path / "entries.log"
    tally = await migrate_behind_a_reader(database, issuer, next_release, log, tries=9)
    assert tally.failures == []
    assert set(tally.statuses) == {("GET", 200), ("POST", 201)}
    print(f"\n{tally.total} requests, none failed: {dict(tally.statuses)}")
