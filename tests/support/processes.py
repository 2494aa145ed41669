"""Services in processes of their own, to be stopped and killed."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import aiohttp

from dev.ports import free_port

ROOT = Path(__file__).parents[2]


@dataclass(slots=True)
class Copy:
    """One process of a service."""

    process: asyncio.subprocess.Process
    url: str
    admin_url: str

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process."""
        self.process.send_signal(number)

    async def kill(self) -> None:
        """SIGKILL, unless it has ended already."""
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()

    async def exit_code(self) -> int:
        """Wait up to a minute for its end. Raises `TimeoutError` after that."""
        async with asyncio.timeout(60):
            return await self.process.wait()


@dataclass(frozen=True, slots=True)
class Footprint:
    """The resources that a process takes of a Linux machine."""

    megabytes: float
    descriptors: int

    @classmethod
    def of(cls, process: int) -> Self:
        """Read what the process with this id takes now."""
        folder = Path(f"/proc/{process}")
        resident = int((folder / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        return cls(resident / 2**20, sum(1 for _ in (folder / "fd").iterdir()))


async def start_copy(
    module: str, variables: dict[str, str], log: Path, port: int | None = None
) -> Copy:
    """Start `python -m module` and wait until it is ready."""
    port, admin_port = port or free_port(), free_port()
    environ = {
        "PATH": os.environ["PATH"],
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "ADMIN_PORT": str(admin_port),
        **variables,
    }
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", module, env=environ, cwd=ROOT, stderr=output, stdout=output
        )
    copy = Copy(process, f"http://127.0.0.1:{port}", f"http://127.0.0.1:{admin_port}")
    try:
        await _until_ready(copy, log)
    except BaseException:
        await copy.kill()
        raise
    return copy


@asynccontextmanager
async def copy_of(module: str, variables: dict[str, str], log: Path) -> AsyncIterator[Copy]:
    """A copy that is killed at the end, if it still runs."""
    copy = await start_copy(module, variables, log)
    try:
        yield copy
    finally:
        await copy.kill()


async def _until_ready(copy: Copy, log: Path) -> None:
    async with aiohttp.ClientSession() as session, asyncio.timeout(30):
        while True:
            if copy.process.returncode is not None:
                raise RuntimeError(f"{copy.url} ended: see {log}")
            try:
                async with session.get(f"{copy.admin_url}/readyz") as response:
                    if response.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.02)
