"""The middlewares that are shipped, in a real Traefik under a flood."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import re
import subprocess
import sysconfig
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml
from aiohttp import web

from dev.gateway import MAX_HEADER_BYTES, READ_TIMEOUT
from dev.ports import free_port
from libs.service.gateway_problems import gateway_problems
from libs.web.context import REQUEST_ID
from tests.deploy.manifests import KUBERNETES
from tests.support.processes import Footprint

pytestmark = [pytest.mark.deploy, pytest.mark.timeout(300)]

VALUES = (KUBERNETES / "traefik-values.yaml").read_text()


def shipped_middlewares() -> dict[str, Any]:
    """As Traefik's file provider takes them: references are names instead of objects."""
    documents = yaml.safe_load_all((KUBERNETES / "components/traefik/traefik.yaml").read_text())
    found = {
        item["metadata"]["name"]: item["spec"] for item in documents if item["kind"] == "Middleware"
    }
    found["problems"]["errors"]["service"] = "api"
    chain = found["edge"]["chain"]
    chain["middlewares"] = [item["name"] for item in chain["middlewares"]]
    return found


def token_matcher() -> str:
    """The condition under which the limit by token applies."""
    tokens = yaml.safe_load((KUBERNETES / "components/traefik/tokens.yaml").read_text())
    [matcher] = {
        str(found)
        for route in tokens["spec"]["routes"]
        for found in re.findall(r"HeaderRegexp\(.*?\)", route["match"])
    }
    return matcher


@dataclass(frozen=True)
class Edge:
    url: str
    process: subprocess.Popen[bytes]

    @property
    def megabytes(self) -> float:
        return Footprint.of(self.process.pid).megabytes


@pytest.fixture
async def service() -> AsyncIterator[str]:
    async def refuse(request: web.Request) -> web.Response:
        request[REQUEST_ID] = "id"
        return web.Response(status=401)

    app = web.Application()
    app.add_routes([*gateway_problems(), web.get("/v1/entries", refuse)])
    runner = web.AppRunner(app, access_log=None, max_field_size=2**14, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    yield f"http://{host}:{port}"
    await runner.cleanup()


@pytest.fixture
def edge(tmp_path: Path, service: str) -> Iterator[Edge]:
    port = free_port()
    (tmp_path / "routes.yaml").write_text(
        yaml.safe_dump(
            {
                "http": {
                    "routers": {
                        "all": {
                            "rule": "PathPrefix(`/`)",
                            "service": "api",
                            "middlewares": ["edge"],
                        },
                        "tokens": {
                            "rule": f"PathPrefix(`/`) && {token_matcher()}",
                            "service": "api",
                            "middlewares": ["edge", "limit-by-token"],
                        },
                    },
                    "services": {"api": {"loadBalancer": {"servers": [{"url": service}]}}},
                    "middlewares": shipped_middlewares(),
                }
            }
        )
    )
    shipped = [
        argument.replace("websecure", "web")
        for argument in yaml.safe_load(VALUES)["additionalArguments"]
        if argument.startswith("--entryPoints.websecure.")
    ]
    process = subprocess.Popen(
        [
            Path(sysconfig.get_path("scripts")) / "traefik",
            f"--entryPoints.web.address=127.0.0.1:{port}",
            f"--providers.file.filename={tmp_path / 'routes.yaml'}",
            *shipped,
        ]
    )
    yield Edge(f"http://127.0.0.1:{port}", process)
    process.kill()  # it would wait 10 s for its connections
    process.wait()


def client(address: str = "127.0.0.1") -> aiohttp.ClientSession:
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(local_addr=(address, 0)))


async def flood(edge: Edge, numbers: Iterator[int], size: int = 8000) -> Counter[int]:
    """A request for each number, with a token of `size` bytes that holds it."""
    statuses: Counter[int] = Counter()

    async def send(session: aiohttp.ClientSession) -> None:
        for number in numbers:
            headers = {"Authorization": f"Bearer {number:0{size}}"}
            async with session.get(f"{edge.url}/v1/entries", headers=headers) as response:
                statuses[response.status] += 1

    async with client() as session:
        await asyncio.gather(*(send(session) for _ in range(50)))
    return statuses


async def started(edge: Edge) -> None:
    async with aiohttp.ClientSession() as session, asyncio.timeout(20):
        while True:
            with contextlib.suppress(aiohttp.ClientError):
                async with session.get(f"{edge.url}/v1/entries") as response:
                    if response.status == 401:
                        return


def test_the_stand_in_of_one_machine_has_the_shipped_bounds() -> None:
    assert f"websecure.http.maxHeaderBytes={MAX_HEADER_BYTES}" in VALUES
    assert f"websecure.transport.respondingTimeouts.readTimeout={READ_TIMEOUT}" in VALUES


@pytest.mark.parametrize("size", [1500, 8000])
async def test_many_tokens_from_one_address_are_limited_and_take_no_memory(
    edge: Edge, size: int
) -> None:
    await started(edge)
    before = edge.megabytes

    statuses = await flood(edge, iter(range(5000)), size)

    grown = edge.megabytes - before
    print(f"\n{dict(statuses)}, {grown:.0f} MiB more")
    assert set(statuses) == {401, 429}
    assert statuses[429] > statuses[401]
    assert grown < 32


async def test_another_address_is_untouched_meanwhile(edge: Edge) -> None:
    """Every request has a new token: Traefik counts separately for each router, and requests
    without a token would not meet the flood."""
    await started(edge)
    done = asyncio.Event()
    numbers = itertools.takewhile(lambda _: not done.is_set(), itertools.count())
    # With short tokens even a loaded machine exceeds the limit.
    flooding = asyncio.create_task(flood(edge, numbers, size=100))
    try:
        async with client() as session, client("127.0.0.2") as other, asyncio.timeout(60):
            for number in itertools.count():
                headers = {"Authorization": f"Bearer flooding-{number}"}
                async with session.get(f"{edge.url}/v1/entries", headers=headers) as response:
                    if response.status == 429:
                        problem = await response.json()
                        break
            for number in range(50):
                headers = {"Authorization": f"Bearer other-{number}"}
                async with other.get(f"{edge.url}/v1/entries", headers=headers) as untouched:
                    assert untouched.status == 401
    finally:
        done.set()
        statuses = await flooding
    assert statuses[429] > 0, statuses
    assert response.headers["Retry-After"] == "1"
    assert response.content_type == "application/problem+json"
    assert problem["instance"] == "/v1/entries"


async def test_the_limit_by_address_counts_for_each_route(edge: Edge) -> None:
    """Traefik's counters belong to a route (docs/decisions, 2026-11-27): an address that has used
    up its limit with tokens still has the one without."""
    await started(edge)
    statuses = await flood(edge, iter(range(1500)), size=100)
    assert statuses[429] > 0, statuses
    async with client() as session, session.get(f"{edge.url}/v1/entries") as response:
        assert response.status == 401


async def test_one_token_is_limited_wherever_it_is_used_and_nobody_else(edge: Edge) -> None:
    await started(edge)
    headers = {"Authorization": "Bearer leaked"}

    async def send(session: aiohttp.ClientSession) -> int:
        async with session.get(f"{edge.url}/v1/entries", headers=headers) as response:
            return response.status

    statuses: Counter[int] = Counter()
    for number in range(2, 6):
        async with client(f"127.0.0.{number}") as session:
            statuses.update(await asyncio.gather(*(send(session) for _ in range(200))))
    assert statuses[429] > statuses[401]
    async with client("127.0.0.2") as session, session.get(f"{edge.url}/v1/entries") as response:
        assert response.status == 401
