"""The disk under the database is full: writes fail with 503, reads work, nothing is lost."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from dev.ports import free_port
from dev.postgres import PostgresServer
from tests.support.client import Caller, Reply
from tests.support.fleet import Fleet

MEGABYTES = 400

pytestmark = [pytest.mark.endurance, pytest.mark.timeout(600)]


@pytest.fixture
def disk() -> Iterator[Path]:
    """A file system that is soon full, where the database's own account reaches it."""
    folder = Path(tempfile.mkdtemp(dir="/var/tmp", prefix="exampleco-test-"))
    folder.chmod(0o755)
    options = f"size={MEGABYTES}m,mode=755"
    mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        shutil.rmtree(folder)
        pytest.skip("only root may mount a small file system, and not on every machine")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)
    folder.rmdir()


@pytest.fixture
def server(disk: Path) -> Iterator[PostgresServer]:
    with PostgresServer(disk / "postgres", free_port()) as started:
        yield started


def fill(disk: Path) -> Path:
    """Take what is left of it."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            return filler


async def write(caller: Caller, number: int) -> tuple[UUID, Reply]:
    """An entry of about a quarter of a page."""
    entry = uuid4()
    day = f"2026-{1 + number // 28 % 9:02}-{1 + number % 28:02}"
    body = {"date": day, "project": "APOLLO", "minutes": 1, "note": os.urandom(950).hex()}
    return entry, await caller.put(f"/v1/entries/{entry}", body)


async def test_a_full_disk_is_reported_and_nothing_accepted_is_lost(
    fleet: Fleet, disk: Path
) -> None:
    erin = fleet.caller("entries", "erin")
    accepted: set[UUID] = set()
    refused: list[Reply] = []
    filler: Path | None = None
    for number in range(3000):
        if number == 100:
            filler = fill(disk)
        entry, reply = await write(erin, number)
        if reply.status == 201:
            accepted.add(entry)
        else:
            refused.append(reply)
        if len(refused) == 50:
            break
    assert filler is not None
    assert len(accepted) >= 100
    assert {reply.status for reply in refused} == {503}, refused[0].json
    assert all("Retry-After" in reply.headers for reply in refused)
    assert len(refused) == 50
    assert (await erin.get("/v1/entries")).status == 200

    filler.unlink()
    began = time.monotonic()
    while (written := await write(erin, 0))[1].status != 201:
        assert time.monotonic() - began < 2
    accepted.add(written[0])
    stored = {row[0] for row in await fleet.rows("entries", "SELECT id FROM entries")}
    assert stored == accepted
    print(f"\n{len(accepted)} accepted and kept, {len(refused)} turned away on a full disk")
