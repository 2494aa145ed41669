"""A contractors' agency that runs the uploader as a program."""

from __future__ import annotations

import asyncio
import io
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import asyncpg
from rich.console import Console

from batch.job import Job
from batch.journal import Journal
from batch.options import Options
from batch.progress import Reporter
from batch.retries import Retries
from batch.settings import Settings
from batch.summary import Summary
from tests.api.entries.agency import CLIENT, learn
from tests.support.client import ADMINISTRATOR, Service
from tests.support.issuer import Client, Issuer

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Agency:
    directory: Path
    environ: dict[str, str]
    database: asyncpg.Connection

    def write(self, name: str, text: str) -> Path:
        path = self.directory / name
        path.write_text(text, encoding="utf-8", newline="")
        return path

    async def upload(self, *arguments: object, code: int = 0, **environ: str) -> Any:
        """The summary. The program must exit with `code`."""
        return await self.call("upload", *arguments, code=code, **environ)

    async def call(self, command: str, *arguments: object, code: int = 0, **environ: str) -> Any:
        """Return the JSON that the program prints. It must exit with `code`."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "batch", command, "--json"),
            *map(str, arguments),
            cwd=ROOT,
            env={"PATH": os.environ["PATH"]} | self.environ | environ,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        assert process.returncode == code, (out, err)
        return json.loads(out)

    async def run(self, path: Path, file_format: str, **options: Any) -> Summary:
        """Upload without a process of its own, which is much faster."""
        chosen = replace(Options(path=path, file_format=file_format), **options)
        reporter = Reporter(Console(file=io.StringIO()))
        journal = Journal.from_environment(self.environ)
        return await Job(chosen, Settings.read(self.environ), journal, reporter, Retries()).run()

    async def entries(self) -> list[tuple[Any, ...]]:
        found = await self.database.fetch(
            "SELECT person, project, minutes, task, note FROM entries ORDER BY person DESC"
        )
        return [tuple(record) for record in found]

    async def minutes(self) -> int:
        """The minutes of all entries."""
        total: int = await self.database.fetchval("SELECT coalesce(sum(minutes), 0) FROM entries")
        return total


@asynccontextmanager
async def running_agency(
    entries: Service, issuer: Issuer, database: str, directory: Path
) -> AsyncIterator[Agency]:
    """An agency whose people are Erin and Carl, and two projects."""
    issuer.clients[CLIENT] = Client("a-secret", "batch:upload")
    ada = entries.caller("ada", ADMINISTRATOR)
    for code in ("APOLLO", "ZEUS"):
        project = {"name": code.title(), "customer": "Big Company"}
        assert (await ada.post(f"/v1/projects/{code}", project)).status == 201
    connection = await asyncpg.connect(database)
    await learn(connection, "erin")
    await learn(connection, "carl")
    environ = {
        "TIMESHEETS_URL": entries.url,
        "M2M_TOKEN_URL": issuer.token_url,
        "M2M_CLIENT_ID": CLIENT,
        "M2M_CLIENT_SECRET": "a-secret",
        "BATCH_STATE_DIR": str(directory / "state"),
    }
    yield Agency(directory, environ, connection)
    await connection.close()


def counts(summary: Any) -> tuple[int, ...]:
    """Created, updated, unchanged and failed rows."""
    batch = summary["batch"]
    return tuple(batch[name] for name in ("created", "updated", "unchanged", "failed"))
