"""An uploader, the service it uploads to, and files to upload."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from batch.job import Job
from batch.journal import Journal
from batch.options import Options
from batch.progress import Reporter
from batch.retries import Retries
from batch.settings import Settings
from batch.summary import Summary
from batch.upload import TIMEOUTS, Timeouts
from tests.support.issuer import Client, Issuer
from tests.unit.batch.service import BatchService

SECRET = "the-secret-of-the-night"
CLIENT = "batch-nightly"


@pytest.fixture
async def service() -> AsyncIterator[BatchService]:
    async with BatchService() as running:
        yield running


@pytest.fixture
async def tenant(issuer: Issuer) -> Issuer:
    issuer.clients[CLIENT] = Client(SECRET, "batch:upload")
    return issuer


@dataclass(slots=True)
class Runner:
    """Runs uploads. `delays` are those between attempts, which take no time."""

    settings: Settings
    journal: Journal
    delays: list[float] = field(default_factory=list)
    log: io.StringIO = field(default_factory=io.StringIO)
    timeouts: Timeouts = TIMEOUTS
    now: float = 0.0

    async def upload(self, path: Path, file_format: str = "ours", **options: Any) -> Summary:
        chosen = replace(Options(path=path, file_format=file_format), **options)
        retries = Retries(retry_for=chosen.retry_for, clock=lambda: self.now)
        reporter = Reporter(Console(file=self.log))
        job = Job(
            chosen, self.settings, self.journal, reporter, retries, self.timeouts, self._sleep
        )
        return await job.run()

    async def _sleep(self, seconds: float) -> None:
        self.delays.append(seconds)
        self.now += seconds


@pytest.fixture
def runner(service: BatchService, tenant: Issuer, tmp_path: Path) -> Runner:
    settings = Settings(service.url, tenant.token_url, CLIENT, SECRET, tenant.audience)
    return Runner(settings, Journal(tmp_path / "state"))


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], Path]:
    """Writes a file with the given name and text."""

    def make(name: str, text: str) -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8", newline="")
        return path

    return make


OURS = """external_id,person,date,project,minutes,task,note,billable
a1,carl@example.com,2026-11-23,BIG-WEB,90,,sprint planning,yes
a2,carl@example.com,2026-11-23,BIG-SHOP,30,Review,,no
a3,cem@example.com,2026-11-24,BIG-WEB,480,,"a ""quoted"", long 🔥 note",
"""


@pytest.fixture
def hours(write: Callable[[str, str], Path]) -> Path:
    """Three valid rows in our own columns."""
    return write("hours.csv", OURS)


BATCH = "00000000-0000-0000-0000-000000000001"
"""The id of the first batch."""
