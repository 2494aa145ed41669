"""Load by wrk, and what it costs the program that is loaded.

wrk is closed-loop: a connection sends its next request when it has the response, so
a stalled server gets fewer requests. Its p99 covers the requests that were sent, not those that
were held back.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
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


class WrkReport(msgspec.Struct):
    """The totals that wrk prints at its end; latencies in microseconds."""

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
    """Write the calls as `requests.lua` reads them, one a line, and return the path."""
    lines = ("\t".join((c.method, c.path, c.person, c.token, c.body)) for c in calls)
    path.write_text("\n".join(lines) + "\n")
    return path


async def load(
    url: str, pid: int, calls: Path, seconds: float, connections: int = CONNECTIONS
) -> Load:
    """Send the calls again and again. Raises `RuntimeError` where one of them failed."""
    before = cpu_seconds(pid)
    report = await _wrk(url, calls, seconds, connections)
    spent = cpu_seconds(pid) - before
    if report.refused or report.broken or not report.requests:
        raise RuntimeError(f"{url}: {report.refused} refused, {report.broken} broken of {report}")
    return Load(
        rate=report.requests / (report.microseconds / 1e6),
        cpu=spent * 1e6 / report.requests,
        p50=report.p50 / 1000,
        p99=report.p99 / 1000,
    )


async def _wrk(url: str, calls: Path, seconds: float, connections: int) -> WrkReport:
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
    return msgspec.json.decode(output.strip().splitlines()[-1], type=WrkReport)


def cpu_seconds(pid: int) -> float:
    """User and system time of the process and its children, those that have ended included."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    children = " ".join(each.read_text() for each in Path(f"/proc/{pid}/task").glob("*/children"))
    total = sum(map(int, fields[11:15])) / _TICKS
    for child in children.split():
        # PostgreSQL's workers end at any time.
        with suppress(FileNotFoundError, ProcessLookupError):
            total += cpu_seconds(int(child))
    return total


def memory(pid: int, what: str = "VmRSS") -> float:
    """MiB of the process: `VmRSS` now, `VmHWM` at most so far."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{what}:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"process {pid} has no {what}")
