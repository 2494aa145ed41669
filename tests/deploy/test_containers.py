"""The images run as the manifests say, by podman: a week of five people, PostgreSQL beside them."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml
from aiohttp import web

from dev.gateway import Gateway
from dev.issuer.app import create_app
from dev.issuer.state import Store, machine_secrets
from dev.ports import free_port
from dev.postgres import PostgresServer
from dev.sample_data import PEOPLE
from dev.seed import Loader
from dev.signin import sign_in
from tests.deploy.manifests import ROOT, SERVICES, render
from tests.deploy.tools import tool
from tests.e2e import test_week as week
from tests.support.client import Caller

pytestmark = [
    pytest.mark.deploy,
    pytest.mark.images,
    pytest.mark.timeout(900),
]

BASE = os.environ.get("BASE", "docker.io/library/python:3.13-slim")
CONFINED = ("--read-only", "--cap-drop=all", "--security-opt=no-new-privileges", "--network=none")
LABEL = "org.opencontainers.image."
NAMES = ("entries", "approvals", "profile", "portal", "batch", "migrate")
# Not allowed in an image: build tools, test tools, and the stand-in for the tenant.
UNWANTED = (
    "gcc",
    "cc",
    "make",
    "git",
    "/app/tests",
    "/app/dev",
    "/app/mobile",
    "/packages/bin/pip",
)


def podman(*arguments: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    program = tool("podman", "podman.io; Debian: apt-get install podman")
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


def git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments],
        cwd=ROOT,
        env=os.environ | {"TZ": "UTC"},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.fixture(scope="module")
def images() -> str:
    """Build the images as `make images` does, and return the prefix of their names."""
    known = podman("image", "exists", BASE, check=False).returncode == 0
    if not known and podman("pull", "--quiet", BASE, check=False).returncode != 0:
        pytest.skip(f"the base image {BASE} cannot be had: BASE names another")
    started = podman("run", "--rm", "--network=none", BASE, "true", check=False)
    if started.returncode != 0:
        pytest.skip(f"podman cannot start a container here: {started.stderr.strip()}")
    repository = "localhost/timesheets-tests"
    build(repository)
    return repository


def build(repository: str, **variables: str) -> None:
    """Build as `make images` does."""
    named = {"BUILDER": "podman", "REPOSITORY": repository, "BASE": BASE}
    done = subprocess.run(
        [ROOT / "deploy/images.sh"],
        env=os.environ | named | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


@pytest.mark.parametrize("name", NAMES)
def test_two_builds_of_one_commit_are_one_image(images: str, name: str) -> None:
    build(f"{images}-again", SERVICES=name, OPTIONS="--no-cache")
    first, second = (
        podman("image", "inspect", "--format", "{{.Id}} {{.Digest}}", f"{it}/{name}:local").stdout
        for it in (images, f"{images}-again")
    )
    print(first)
    assert first == second


@pytest.mark.parametrize("name", NAMES)
def test_what_migrates_is_in_the_image_for_migrations_alone(images: str, name: str) -> None:
    program = "import importlib.util as u; print(*map(u.find_spec, ('sqlalchemy', 'alembic')))"
    inside = podman(
        "run", "--rm", *CONFINED, "--entrypoint=python", f"{images}/{name}:local", "-c", program
    )
    assert ("None" in inside.stdout) == (name != "migrate")


@pytest.mark.parametrize("name", NAMES)
def test_an_image_runs_read_only_as_nobody_and_without_capabilities(images: str, name: str) -> None:
    image = f"{images}/{name}:local"
    described = json.loads(podman("image", "inspect", image).stdout)[0]["Config"]
    assert described["User"] == "10001:10001"
    labels = {
        key.removeprefix(LABEL): value
        for key, value in described["Labels"].items()
        if key.startswith(LABEL)
    }
    assert labels == {
        "title": f"timesheets-{name}",
        "description": f"ExampleCo Timesheets: {name}",
        "vendor": "ExampleCo",
        "licenses": "Apache-2.0",
        "version": "local",
        "source": "https://github.com/exampleco/timesheets",
        "revision": git("rev-parse", "HEAD"),
        "created": git("log", "-1", "--date=format-local:%Y-%m-%dT%H:%M:%SZ", "--format=%cd"),
    }
    # Without settings it says so: everything that it imports is there.
    said = podman("run", "--rm", *CONFINED, image, *ARGUMENTS.get(name, ()), check=False)
    assert said.returncode == 2, said.stderr
    assert EXPECTED.get(name, "DATABASE_URL is not set") in said.stderr
    look = " ".join(f"{{ command -v {it} || ls -d {it}; }} 2>/dev/null;" for it in UNWANTED)
    inside = podman("run", "--rm", *CONFINED, "--entrypoint=sh", image, "-c", f"{look} id -u")
    assert inside.stdout == "10001\n"


ARGUMENTS = {
    "migrate": ("migrate", "services.entries"),
    "batch": ("upload", "/etc/hostname", "--format", "ours"),
}
EXPECTED = {"batch": "TIMESHEETS_URL is not set"}


@dataclass(frozen=True)
class Cluster:
    """A network of podman's, in which each pod has the address that its Service would have."""

    name: str
    directory: Path

    @property
    def network(self) -> Any:
        described = json.loads(podman("network", "inspect", self.name).stdout)
        return ip_network(described[0]["subnets"][0]["subnet"])

    @property
    def host(self) -> str:
        """Under which the pods reach this machine."""
        return str(self.network[1])

    def address(self, service: str) -> str:
        return str(self.network[100 + SERVICES.index(service)])

    def play(self, service: str, images: str, variables: dict[str, dict[str, str]]) -> None:
        path = self.directory / f"{service}.yaml"
        path.write_text(yaml.safe_dump(self._pod(service, images, variables)))
        podman(
            *("kube", "play", "--network", self.name, "--ip", self.address(service), path),
        )

    def _pod(self, service: str, images: str, variables: dict[str, dict[str, str]]) -> Any:
        """A pod as the Deployment makes them. Podman wants some things said in another way."""
        manifests = render("local")
        template = json.loads(json.dumps(manifests.pods()[service]))
        spec = template["spec"]
        # Here nobody starts an init container again once it has succeeded.
        spec["restartPolicy"] = "Never"
        spec["hostAliases"] = [
            {"ip": self.address(other), "hostnames": [other]} for other in SERVICES
        ]
        for container in [*spec["containers"], *spec["initContainers"]]:
            environ = manifests.environment(container) | variables[container["name"]]
            container["env"] = [{"name": key, "value": value} for key, value in environ.items()]
            container.pop("envFrom", None)
            container["image"] = container["image"].replace("localhost/timesheets", images)
            # Podman takes these for ports of the host, and its probes want systemd.
            for field in ("ports", "startupProbe", "readinessProbe", "livenessProbe"):
                container.pop(field, None)
        metadata = {"name": service, "labels": template["metadata"]["labels"]}
        return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    name = f"timesheets-{os.getpid()}"
    podman("network", "create", name)
    try:
        yield Cluster(name, tmp_path)
    finally:
        for service in SERVICES:
            podman("pod", "rm", "--force", "--time", "1", service, check=False)
        podman("network", "rm", "--force", name)


@asynccontextmanager
async def passed_on(port: int) -> AsyncIterator[int]:
    """A port that pods can reach, forwarded to one that only this machine can reach. Connections
    that are open at the end are closed, because the pods outlive the test."""
    writers: set[asyncio.StreamWriter] = set()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.add(writer)
        with suppress(ConnectionError):
            while data := await reader.read(1 << 16):
                writer.write(data)
        writer.close()
        writers.discard(writer)

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        to_reader, to_writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(pump(reader, to_writer), pump(to_reader, writer))

    async with await asyncio.start_server(connected, "0.0.0.0") as server:
        yield server.sockets[0].getsockname()[1]
    for writer in list(writers):
        writer.close()
    while writers:
        await asyncio.sleep(0)


@asynccontextmanager
async def issuing(cluster: Cluster, secrets: dict[str, str]) -> AsyncIterator[str]:
    """The stand-in for the tenant, where the pods can reach it."""
    port = free_port()
    address = f"http://{cluster.host}:{port}/"
    runner = web.AppRunner(create_app(address, Store(cluster.directory / "state.json"), secrets))
    await runner.setup()
    await web.TCPSite(runner, "0.0.0.0", port).start()
    yield address
    await runner.cleanup()


def make_databases(server: PostgresServer) -> None:
    for service in SERVICES:
        server.create_role(f"{service}_owner")
        server.create_role(service)
        server.create_database(service, owner=f"{service}_owner")


def variables(
    server: PostgresServer, at: str, service: str, issuer: str, secrets: dict[str, str]
) -> dict[str, dict[str, str]]:
    """Settings that the overlay leaves to each place, for init container and service."""

    def database(role: str) -> str:
        return f"postgresql://{role}:{server.password(role)}@{at}/{service}"

    client = f"service-{service}"
    return {
        "migrate": {"DATABASE_URL": database(f"{service}_owner")},
        "service": {
            "DATABASE_URL": database(service),
            "AUTH_ISSUER": issuer,
            "M2M_TOKEN_URL": f"{issuer}oauth/token",
            "M2M_CLIENT_ID": client,
            "FULL_FEED_CLIENTS": "service-approvals",
            "M2M_CLIENT_SECRET": secrets[client],
        },
    }


async def until_ready(session: aiohttp.ClientSession, cluster: Cluster) -> None:
    async with asyncio.timeout(60):
        for service in SERVICES:
            while not await answers(session, f"http://{cluster.address(service)}:9090/readyz"):
                await asyncio.sleep(0.1)


async def answers(session: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with session.get(url) as response:
            return response.status == 200
    except aiohttp.ClientError:
        return False


async def test_a_week_of_five_people_in_containers(
    images: str, cluster: Cluster, postgres: PostgresServer
) -> None:
    make_databases(postgres)
    secrets = machine_secrets(cluster.directory / "clients.json")
    async with AsyncExitStack() as stack:
        issuer = await stack.enter_async_context(issuing(cluster, secrets))
        at = f"{cluster.host}:{await stack.enter_async_context(passed_on(postgres.port))}"
        for service in SERVICES:
            settings = variables(postgres, at, service, issuer, secrets)
            await asyncio.to_thread(cluster.play, service, images, settings)
        jar = aiohttp.DummyCookieJar()
        session = await stack.enter_async_context(aiohttp.ClientSession(cookie_jar=jar))
        await until_ready(session, cluster)
        gateway = Gateway(cluster.directory / "gateway", free_port())
        backends = {name: [f"http://{cluster.address(name)}:8080"] for name in SERVICES}
        gateway.start(backends, cluster.directory / "gateway.log")
        stack.callback(gateway.stop)
        await gateway.ready()
        today = datetime.now(UTC).date()
        async for _loaded in Loader(session, gateway.url, issuer, today).load(SERVICES):
            pass
        callers = {
            person.key: Caller(session, gateway.url, await sign_in(session, issuer, person))
            for person in PEOPLE
        }
        await week.test_a_week_of_five_people(week.Company(callers, today))
