"""The programs that are compared, each started as it is deployed, in one process."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from dev.gateway import Gateway
from dev.ports import free_port
from tests.support.issuer import Issuer

ROOT = Path(__file__).parents[1]
PEERS = ROOT / ".benchvenv" / "bin"
NODE_PEERS = Path(__file__).parent / "peers"
# The peers, and what their servers are called.
PYTHON = {"fastapi": "uvicorn", "blacksheep": "granian"}
NODE = ("express", "fastify")
GO = PEERS / "go-peer"
# A program of this name runs on the event loop of the standard library, all others on uvloop.
ON_ASYNCIO = "-asyncio"
START_TIMEOUT = 30.0


@dataclass(frozen=True, slots=True)
class Program:
    """A program that runs and takes connections."""

    name: str
    url: str
    pid: int
    started_in: float
    """Seconds from its start until it took a connection."""


def command(name: str, port: int) -> Sequence[str]:
    """The command that starts the program."""
    name = name.removesuffix(ON_ASYNCIO)
    if name == "floor":
        return sys.executable, "-m", "bench.floor"
    if name == "fastapi":
        return (
            *(str(PEERS / "uvicorn"), "bench.peers.fastapi_app:app"),
            *("--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
        )
    if name == "blacksheep":
        return (
            *(str(PEERS / "granian"), "bench.peers.blacksheep_app:app"),
            *("--interface", "asgi", "--loop", "uvloop", "--no-ws", "--http", "1"),
            *("--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
        )
    if name == "go":
        return (str(GO),)
    if name in NODE:
        return "node", str(NODE_PEERS / name / "server.js")
    return sys.executable, "-m", f"services.{name}"


def installed(name: str) -> bool:
    """Whether the peer is installed. A missing one is reported and skipped."""
    if name in PYTHON and not (PEERS / PYTHON[name]).exists():
        sys.stderr.write(f"  no {name}: make .benchvenv/ready\n")
        return False
    if name == "go" and not GO.exists():
        sys.stderr.write("  no go: it needs the proxy of Go's modules, then make peers\n")
        return False
    installed_here = (NODE_PEERS / name / "node_modules").exists() and shutil.which("node")
    if name in NODE and not installed_here:
        sys.stderr.write(f"  no {name}: it needs node and npm, then make peers\n")
        return False
    return True


def variables(issuer: Issuer, database: str) -> dict[str, str]:
    """The environment of every program, peers included; limits and log are the defaults, and the
    event loop is that of the manifests."""
    return {
        "AUTH_ISSUER": issuer.issuer,
        "AUTH_AUDIENCE": issuer.audience,
        "DATABASE_URL": database,
        "HOST": "127.0.0.1",
        "ADMIN_PORT": "0",
        "EVENT_LOOP": "uvloop",
        "SHUTDOWN_DELAY": "0",
        "NODE_ENV": "production",
        # Followers of feeds that nobody serves ask again after a pause.
        "M2M_CLIENT_ID": "follower",
        "FULL_FEED_CLIENTS": "follower",
        "M2M_CLIENT_SECRET": "follower-secret",
        "M2M_TOKEN_URL": issuer.token_url,
        "ENTRIES_URL": "http://127.0.0.1:9",
        "APPROVALS_URL": "http://127.0.0.1:9",
        "PROFILE_URL": "http://127.0.0.1:9",
    }


@asynccontextmanager
async def program(
    name: str, environ: Mapping[str, str], log: Path, port: int = 0
) -> AsyncIterator[Program]:
    """Start the program and wait until it takes connections; its output goes to `log`."""
    port = port or free_port()
    environ = {"PATH": os.environ["PATH"], "PORT": str(port), **environ}
    if name.endswith(ON_ASYNCIO):
        environ["EVENT_LOOP"] = "asyncio"
    with log.open("ab") as output:
        began = time.perf_counter()
        process = await asyncio.create_subprocess_exec(
            *command(name, port), env=environ, cwd=ROOT, stdout=output, stderr=output
        )
    try:
        await _until_open(process, port, log)
        taken = time.perf_counter() - began
        yield Program(name, f"http://127.0.0.1:{port}", process.pid, taken)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


@asynccontextmanager
async def traefik(backends: Mapping[str, Sequence[str]], folder: Path) -> AsyncIterator[str]:
    """Traefik with the routes of the Ingress manifest, before these services; yields its URL.

    It is that of `make run`: without TLS, and without the limits by address, because all requests
    of a bench come from one.
    """
    gateway = Gateway(folder / "traefik", free_port())
    gateway.start(backends, folder / "traefik.log")
    try:
        await gateway.ready()
        yield gateway.url
    finally:
        gateway.stop()


async def _until_open(process: asyncio.subprocess.Process, port: int, log: Path) -> None:
    async with asyncio.timeout(START_TIMEOUT):
        while True:
            if process.returncode is not None:
                raise RuntimeError(f"ended at once: {_tail(log)}")
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.005)
            else:
                writer.close()
                return


def _tail(log: Path) -> str:
    return log.read_text()[-2000:]
