"""The gateway's rules, and a real Traefik that follows them."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import aiohttp
import pytest
import yaml
from aiohttp import web
from yarl import URL

from dev.gateway import INGRESS, Gateway, GatewayError, Route, read_routes, routing
from dev.ports import free_port

ENTRIES = (
    *("/v1/entries", "/v1/timesheets", "/v1/projects"),
    *("/v1/period", "/v1/batches", "/v1/reports"),
    *("/v1/absences", "/v1/holidays", "/v1/calendar", "/v1/changes/entries"),
)


@dataclass(frozen=True)
class Backend:
    """Answers with its name and what reached it."""

    name: str
    url: str


@asynccontextmanager
async def backend(name: str) -> AsyncIterator[Backend]:
    async def echo(request: web.Request) -> web.Response:
        body = await request.read()
        return web.json_response(
            {
                "name": name,
                "path": request.raw_path,
                "size": len(body),
                "headers": {name.lower(): value for name, value in request.headers.items()},
            }
        )

    app = web.Application(client_max_size=2**24)
    app.router.add_route("*", "/{path:.*}", echo)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    try:
        yield Backend(name, f"http://{host}:{port}")
    finally:
        await runner.cleanup()


@pytest.fixture
async def entries() -> AsyncIterator[Backend]:
    async with backend("entries") as running:
        yield running


@pytest.fixture
async def profile() -> AsyncIterator[Backend]:
    async with backend("profile") as running:
        yield running


@pytest.fixture
def gateway(tmp_path: Path, entries: Backend, profile: Backend) -> Iterator[Gateway]:
    running = Gateway(tmp_path, free_port())
    running.start({"entries": [entries.url], "profile": [profile.url]}, tmp_path / "log")
    yield running
    running.stop()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as opened:
        yield opened


def test_the_manifest_sends_every_path_of_the_contract_to_its_service() -> None:
    routes = {route.path: route.service for route in read_routes(INGRESS)}

    assert routes == {
        **dict.fromkeys(ENTRIES, "entries"),
        "/v1/approvals": "approvals",
        "/v1/changes/approvals": "approvals",
        "/v1/profile": "profile",
        "/v1/people": "profile",
        "/v1/changes/profile": "profile",
        "/.well-known/oauth-protected-resource": "api",
        "/v1": "api",
        "/": "portal",
    }


def test_a_prefix_goes_by_whole_path_elements() -> None:
    assert Route("/v1/entries", "x").rule == "Path(`/v1/entries`) || PathPrefix(`/v1/entries/`)"
    assert Route("/v1/entries/", "x").rule == "Path(`/v1/entries`) || PathPrefix(`/v1/entries/`)"
    assert Route("/", "x").rule == "PathPrefix(`/`)"
    assert Route("/v1/entries", "x", exact=True).rule == "Path(`/v1/entries`)"


def test_a_path_that_every_cluster_reads_otherwise_is_refused(tmp_path: Path) -> None:
    manifest = INGRESS.read_text().replace("pathType: Prefix", "pathType: ImplementationSpecific")
    (tmp_path / "ingress.yaml").write_text(manifest)

    with pytest.raises(ValueError, match="ImplementationSpecific"):
        read_routes(tmp_path / "ingress.yaml")


def test_the_longer_path_comes_first() -> None:
    routes = [Route("/", "a"), Route("/v1", "b"), Route("/v1", "c", exact=True)]
    backends = {name: ["http://x"] for name in "abc"}
    routers = routing(routes, backends, sign="/sign")["http"]["routers"]

    priorities = [routers[f"route-{number}"]["priority"] for number in (1, 2, 3)]
    assert priorities == sorted(set(priorities))


def test_the_manifest_is_what_the_platform_expects() -> None:
    manifest = yaml.safe_load(INGRESS.read_text())
    spec = manifest["spec"]

    assert (manifest["apiVersion"], manifest["kind"]) == ("networking.k8s.io/v1", "Ingress")
    assert spec["ingressClassName"] == "traefik"
    assert [rule["host"] for rule in spec["rules"]] == spec["tls"][0]["hosts"]
    ports = [path["backend"]["service"]["port"] for path in spec["rules"][0]["http"]["paths"]]
    assert all(port == {"name": "http"} for port in ports)


async def test_requests_go_by_their_path_which_stays_as_it_is(
    gateway: Gateway, session: aiohttp.ClientSession
) -> None:
    await gateway.ready()
    expected = dict.fromkeys(ENTRIES, "entries") | {
        "/v1/entries/": "entries",
        "/v1/entries/openapi.json": "entries",
        "/v1/entries?from=2026-11-02&cursor=a%2Fb%3D": "entries",
        "/v1/people/auth0%7Cerin": "profile",
        "/v1/profile/docs": "profile",
    }

    for path, name in expected.items():
        async with session.get(URL(gateway.url + path, encoded=True)) as response:
            answer = await response.json()
            assert (answer["name"], answer["path"]) == (name, path)


@pytest.mark.parametrize("path", ["/v1/entriesxyz", "/v1/entries-old/1", "/v1", "/v1/nothing"])
async def test_what_only_begins_like_a_path_leads_to_any_service(
    gateway: Gateway, profile: Backend, session: aiohttp.ClientSession, path: str
) -> None:
    await gateway.route({"entries": [], "profile": [profile.url]})

    async with session.get(gateway.url + path) as response:
        assert (await response.json())["name"] == "profile"


async def test_everything_else_leads_to_the_portal(
    gateway: Gateway, entries: Backend, session: aiohttp.ClientSession
) -> None:
    async with backend("portal") as portal:
        await gateway.route({"entries": [entries.url], "portal": [portal.url]})
        for path in ("/", "/weeks/2026-W48", "/auth/callback?code=1"):
            async with session.get(gateway.url + path) as response:
                assert (await response.json())["name"] == "portal"


async def test_every_host_is_right_here(gateway: Gateway, session: aiohttp.ClientSession) -> None:
    await gateway.ready()

    async with session.get(
        f"{gateway.url}/v1/entries", headers={"Host": "api.exampleco.com"}
    ) as response:
        assert (await response.json())["headers"]["host"] == "api.exampleco.com"


async def test_the_service_gets_the_address_of_the_client_and_no_forged_one(
    gateway: Gateway, session: aiohttp.ClientSession
) -> None:
    await gateway.ready()

    made_up = {"X-Forwarded-For": "6.6.6.6", "X-Real-Ip": "6.6.6.6", "X-Request-Id": "kept"}
    async with session.get(f"{gateway.url}/v1/entries", headers=made_up) as response:
        headers = (await response.json())["headers"]

    assert headers["x-forwarded-for"] == "127.0.0.1"
    assert "6.6.6.6" not in headers.values()
    assert headers["x-forwarded-proto"] == "http"
    assert headers["x-request-id"] == "kept"


async def test_a_service_without_a_backend_is_answered_for_by_another(
    gateway: Gateway, session: aiohttp.ClientSession
) -> None:
    await gateway.ready()

    async with session.get(f"{gateway.url}/v1/approvals") as response:
        answer = await response.json()
    assert answer["path"] == "/v1/approvals"


async def test_the_gateways_own_errors_are_rendered_by_a_service(
    gateway: Gateway, profile: Backend, session: aiohttp.ClientSession
) -> None:
    async with backend("gone") as gone:
        pass
    await gateway.route({"entries": [gone.url], "api": [profile.url]})

    async with session.get(f"{gateway.url}/v1/entries?limit=1") as response:
        assert response.status == 502
        answer = await response.json()
    url = "http%3A%2F%2F" + gateway.url.removeprefix("http://").replace(":", "%3A")
    assert answer["path"] == f"/problems/502?url={url}%2Fv1%2Fentries%3Flimit%3D1"


async def test_a_service_that_is_down_does_not_render_its_own_errors(
    gateway: Gateway, profile: Backend, session: aiohttp.ClientSession
) -> None:
    async with backend("gone") as gone:
        pass
    await gateway.route({"entries": [gone.url], "profile": [profile.url]})

    for _ in range(4):
        async with session.get(f"{gateway.url}/v1/entries") as response:
            assert response.status == 502
            assert (await response.json())["name"] == "profile"


async def test_headers_longer_than_any_token_are_refused(
    gateway: Gateway, session: aiohttp.ClientSession
) -> None:
    await gateway.ready()

    for size, status in ((7 * 1024, 200), (64 * 1024, 431)):
        headers = {"Authorization": "x" * size}
        async with session.get(f"{gateway.url}/v1/entries", headers=headers) as response:
            assert response.status == status


async def test_a_big_body_passes(gateway: Gateway, session: aiohttp.ClientSession) -> None:
    await gateway.ready()

    async with session.post(f"{gateway.url}/v1/batches", data=BytesIO(bytes(2**23))) as response:
        assert (await response.json())["size"] == 2**23


async def test_several_backends_take_turns_and_change_while_running(
    gateway: Gateway, entries: Backend, session: aiohttp.ClientSession
) -> None:
    await gateway.ready()

    async def answered() -> Counter[str]:
        async def ask() -> str:
            async with session.get(f"{gateway.url}/v1/entries") as response:
                return str((await response.json())["name"])

        return Counter(await asyncio.gather(*(ask() for _ in range(20))))

    async with backend("second") as second:
        assert set(await answered()) == {"entries"}
        await gateway.route({"entries": [entries.url, second.url]})
        assert await answered() == {"entries": 10, "second": 10}
        await gateway.route({"entries": [second.url]})
        assert set(await answered()) == {"second"}


async def test_a_dead_backend_is_reported_at_once_without_retries(
    gateway: Gateway, entries: Backend, session: aiohttp.ClientSession
) -> None:
    async with backend("gone") as gone:
        pass
    await gateway.route({"entries": [entries.url, gone.url]})

    statuses = []
    for _ in range(4):
        async with session.post(f"{gateway.url}/v1/entries") as response:
            statuses.append(response.status)
    assert sorted(statuses) == [200, 200, 502, 502]


async def test_a_gateway_that_cannot_listen_says_so(
    tmp_path: Path, gateway: Gateway, entries: Backend
) -> None:
    await gateway.ready()
    second = Gateway(tmp_path / "second", int(gateway.url.rpartition(":")[2]))
    second.start({"entries": [entries.url]}, tmp_path / "second-log")

    try:
        with pytest.raises(GatewayError):
            await second.ready()
    finally:
        second.stop()


async def test_stopping_leaves_no_process(gateway: Gateway) -> None:
    await gateway.ready()
    gateway.stop()

    async with aiohttp.ClientSession() as fresh:
        with pytest.raises(aiohttp.ClientConnectorError):
            await fresh.get(f"{gateway.url}/v1/entries")
