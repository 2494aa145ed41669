"""The way in on one machine: Traefik, routing by the Ingress manifest of the cluster."""

import asyncio
import secrets
import subprocess
import sysconfig
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from dev import supervisor
from dev.ports import HOST

INGRESS = Path(__file__).parent.parent / "deploy" / "k8s" / "base" / "ingress.yaml"
PORTAL = "portal"
# Any of the services: what all of them have. See the manifest.
API = "api"
# The gateway's own errors; as in deploy/k8s/components/traefik. Its limits are left out: on one
# machine everybody has the same address.
ERRORS = {"status": ["429", "502", "504"], "query": "/problems/{status}?url={url}"}
# aiohttp closes an idle connection after 75 s. Keep ours shorter, or a request meets a closing one.
BACKEND_IDLE_TIMEOUT = "60s"
# As in deploy/k8s/traefik-values.yaml, where they are explained.
READ_TIMEOUT = "30m"
MAX_HEADER_BYTES = 8192
CHANGE_TIMEOUT = 20.0
STOP_TIMEOUT = 10.0
POLL = 0.02

Backends = Mapping[str, Sequence[str]]


class GatewayError(Exception):
    """The gateway ended unexpectedly; its log says why."""


@dataclass(frozen=True, slots=True)
class Route:
    """A path and the service that answers it."""

    path: str
    service: str
    exact: bool = False

    @property
    def rule(self) -> str:
        """Kubernetes' Prefix goes by whole path elements, Traefik's PathPrefix by letters."""
        path = self.path.rstrip("/")
        if self.exact:
            return f"Path(`{self.path}`)"
        return f"Path(`{path}`) || PathPrefix(`{path}/`)" if path else "PathPrefix(`/`)"


def read_routes(ingress: Path) -> list[Route]:
    """The paths of the manifest, whatever their host: on one machine every Host is right."""
    manifest = yaml.safe_load(ingress.read_text())
    return [
        _route(path, ingress)
        for rule in manifest["spec"]["rules"]
        for path in rule["http"]["paths"]
    ]


def routing(routes: Sequence[Route], backends: Backends, sign: str) -> dict[str, Any]:
    """Traefik's dynamic configuration. It answers at the path `sign` once it is in effect.

    No request is sent twice: there is no retry, nor in the cluster, so a client meets here what
    it will meet there. A service without a backend has no route, as in the cluster: its requests
    take the next shorter one.
    """
    services = [url for name, urls in backends.items() if name != PORTAL for url in urls]
    backends = {API: services, **backends}
    problems = {f"problems-{name}": _others(backends, name) for name in backends if services}
    routers = {
        f"route-{number}": {
            "rule": route.rule,
            "service": route.service,
            "priority": 2 * len(route.path) + route.exact,
            "middlewares": [f"problems-{route.service}"] if problems else [],
        }
        for number, route in enumerate(routes, start=1)
        if backends.get(route.service)
    }
    load_balancers = {
        name: {
            "loadBalancer": {
                "servers": [{"url": url} for url in urls],
                "serversTransport": "backends",
            }
        }
        for name, urls in {**backends, **problems}.items()
        if urls
    }
    in_effect = {"rule": f"Path(`{sign}`)", "service": "ping@internal"}
    return {
        "http": {
            "routers": routers | {"in-effect": in_effect},
            "services": load_balancers,
            "middlewares": {name: {"errors": {**ERRORS, "service": name}} for name in problems},
            "serversTransports": {
                "backends": {
                    "forwardingTimeouts": {
                        "dialTimeout": "2s",
                        "responseHeaderTimeout": "5m",
                        "idleConnTimeout": BACKEND_IDLE_TIMEOUT,
                    },
                    "maxIdleConnsPerHost": 200,
                    "disableHTTP2": True,
                }
            },
        }
    }


def _others(backends: Backends, name: str) -> Sequence[str]:
    """The addresses that render the errors of a service: not its own, which may be the one that is
    down. In the cluster a pod that is down is no end point any more."""
    others = [url for url in backends[API] if url not in backends[name]]
    return others or backends[API]


class Gateway:
    """Traefik over a directory that holds its configuration."""

    def __init__(self, directory: Path, port: int, ingress: Path = INGRESS) -> None:
        self.url = f"http://{HOST}:{port}"
        self._directory = directory
        self._port = port
        self._routes = read_routes(ingress)
        self._sign = ""
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, backends: Backends, log: Path) -> subprocess.Popen[bytes]:
        """Start from the main thread; on Linux it ends with the thread that started it."""
        (self._directory / "routing").mkdir(parents=True, exist_ok=True)
        self._write(backends)
        settings = self._directory / "traefik.yaml"
        settings.write_text(yaml.safe_dump(self._settings()))
        program = Path(sysconfig.get_path("scripts")) / "traefik"
        with log.open("ab") as output:
            self._process = supervisor.start([program, f"--configFile={settings}"], output=output)
        return self._process

    def stop(self) -> None:
        """Stop Traefik, if it runs."""
        process, self._process = self._process, None
        if process is not None:
            supervisor.stop(process, grace_seconds=STOP_TIMEOUT)

    async def route(self, backends: Backends) -> None:
        """Send to these from now on; returns when that is so. Requests under way are not cut."""
        self._write(backends)
        await self.ready()

    async def ready(self) -> None:
        """Wait until the newest routing is in effect; GatewayError or TimeoutError if never."""
        address = self.url + self._sign
        async with aiohttp.ClientSession() as session, asyncio.timeout(CHANGE_TIMEOUT):
            while self._process is not None and self._process.poll() is None:
                if await _answers(session, address):
                    return
                await asyncio.sleep(POLL)
        raise GatewayError("Traefik does not run")

    def _write(self, backends: Backends) -> None:
        # Unique to this gateway: another one may hold the port.
        self._sign = f"/.gateway/{secrets.token_hex(8)}"
        content = yaml.safe_dump(routing(self._routes, backends, self._sign))
        # Traefik looks at files of this folder that end in .yaml, at any moment.
        unfinished = self._directory / "routing" / "services.new"
        unfinished.write_text(content)
        unfinished.rename(unfinished.with_suffix(".yaml"))

    def _settings(self) -> dict[str, Any]:
        return {
            "global": {"checkNewVersion": False, "sendAnonymousUsage": False},
            "log": {"level": "WARN", "noColor": True},
            "entryPoints": {
                "web": {
                    "address": f"{HOST}:{self._port}",
                    "http": {"maxHeaderBytes": MAX_HEADER_BYTES},
                    # X-Forwarded-For of a client is ignored: Traefik's default.
                    "transport": {
                        "respondingTimeouts": {"readTimeout": READ_TIMEOUT},
                        "lifeCycle": {"graceTimeOut": "3s"},
                    },
                }
            },
            "providers": {
                "providersThrottleDuration": "50ms",
                "file": {"directory": str(self._directory / "routing"), "watch": True},
            },
            "ping": {"manualRouting": True},
        }


def _route(path: Mapping[str, Any], ingress: Path) -> Route:
    kind, service = path["pathType"], path["backend"]["service"]
    if kind not in ("Prefix", "Exact"):
        raise ValueError(f"{ingress.name}: pathType {kind} means something else on every cluster")
    return Route(path["path"], service["name"], exact=kind == "Exact")


async def _answers(session: aiohttp.ClientSession, address: str) -> bool:
    try:
        async with session.get(address) as response:
            return response.status == 200
    except aiohttp.ClientError:
        return False
