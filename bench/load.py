"""Load by wrk, and what it costs the program that is loaded.

wrk is closed-loop: a connection sends when it has its answer, so a server that stalls is asked
less meanwhile. Its p99 is that of the requests that were sent, not of those that would have been.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

SCRIPT = Path(__file__).parent / "requests.lua"
CONNECTIONS = 32
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Call:
    """One request to send."""

    method: str
    path: str
    person: str
    token: str
    body: str = ""


class Told(msgspec.Struct):
    """What wrk tells at its end; latencies in microseconds."""

    requests: int
    microseconds: int
    refused: int
    broken: int
    p50: float
    p99: float


@dataclass(frozen=True, slots=True)
class Load:
    """One round. `cpu` is what the program spent on a request, in microseconds; the latencies
    are in milliseconds."""

    rate: float
    cpu: float
    p50: float
    p99: float


def write_calls(path: Path, calls: Sequence[Call]) -> Path:
    lines = ("\t".join((c.method, c.path, c.person, c.token, c.body)) for c in calls)
    path.write_text("\n".join(lines) + "\n")
    return path


async def load(
    url: str, pid: int, calls: Path, seconds: float, connections: int = CONNECTIONS
) -> Load:
    """Send the calls again and again. Raises `RuntimeError` where one of them failed."""
    before = cpu_seconds(pid)
    told = await _wrk(url, calls, seconds, connections)
    spent = cpu_seconds(pid) - before
    if told.refused or told.broken or not told.requests:
        raise RuntimeError(f"{url}: {told.refused} refused, {told.broken} broken of {told}")
    return Load(
        rate=told.requests / (told.microseconds / 1e6),
        cpu=spent * 1e6 / told.requests,
        p50=told.p50 / 1000,
        p99=told.p99 / 1000,
    )


async def _wrk(url: str, calls: Path, seconds: float, connections: int) -> Told:
    wrk = shutil.which("wrk")
    if wrk is None:
        raise SystemExit("These cases need wrk: apt-get install wrk, or brew install wrk.")
    duration = f"{max(1, round(seconds))}s"
    process = await asyncio.create_subprocess_exec(
        *(wrk, "-t1", f"-c{connections}", f"-d{duration}", "--timeout", "10s", "-s", str(SCRIPT)),
        *(url, "--", str(calls)),
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    return msgspec.json.decode(output.strip().splitlines()[-1], type=Told)


def cpu_seconds(pid: int) -> float:
    """User and system time of the process and what it waited for."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / _TICKS


def memory(pid: int, what: str = "VmRSS") -> float:
    """MiB of the process: `VmRSS` now, `VmHWM` at most so far."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{what}:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"process {pid} has no {what}")
