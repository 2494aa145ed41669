"""The manifests fit the programs that they run."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from batch.journal import Journal
from batch.settings import AUDIENCE, Settings
from libs.postgres.migrate import Package
from libs.postgres.settings import DatabaseSettings
from libs.service.gateway_problems import PATHS
from libs.service.settings import ServiceSettings
from libs.web.server import KEEPALIVE_SECONDS
from libs.web.settings import Environment, WebSettings
from portal.settings import PortalSettings
from services.entries.batches.api import uploads
from services.entries.reports.api import exporting
from tests.deploy.manifests import (
    BUILT_IN,
    KUBERNETES,
    OVERLAYS,
    PROGRAMS,
    ROOT,
    SERVICES,
    Manifests,
    Object,
    build,
    build_with,
    render,
)
from tests.deploy.monitoring import RULES
from tests.support.fleet import FOLLOWS
from tests.support.services import SERVICES as APPLICATIONS
from tests.support.services import routes_of

DEFAULTS = WebSettings.read(Environment({}))


class Recorder(dict[str, str]):
    """An environment that records the variables that are read."""

    def __init__(self, values: Mapping[str, str]) -> None:
        super().__init__(values)
        self.read: set[str] = set()

    def get(self, name: str, default: Any = None) -> Any:
        self.read.add(name)
        return super().get(name, default)


@pytest.fixture(params=OVERLAYS)
def manifests(request: pytest.FixtureRequest) -> Manifests:
    return render(request.param)


def container(manifests: Manifests, service: str) -> Any:
    return manifests.pods()[service]["spec"]["containers"][0]


def ingress_paths() -> dict[str, str]:
    """Which service each path of the Ingress leads to; read as `make run` reads it."""
    ingress = yaml.safe_load((KUBERNETES / "base/ingress.yaml").read_text())
    return {
        path["path"]: path["backend"]["service"]["name"]
        for rule in ingress["spec"]["rules"]
        for path in rule["http"]["paths"]
    }


def service_of(path: str) -> str:
    """The backend of a path in the Ingress: the longest prefix wins."""
    prefixes = [prefix for prefix in ingress_paths() if f"{path}/".startswith(f"{prefix}/")]
    return ingress_paths()[max(prefixes, key=len, default="/")]


def test_the_ingress_leads_every_route_to_its_service() -> None:
    for name, create in APPLICATIONS.items():
        settings = ServiceSettings.read(
            {"AUTH_ISSUER": "https://x/", "AUTH_AUDIENCE": "x", "DATABASE_URL": "postgresql://x/x"},
            name,
        )
        for route in routes_of(create(settings)):
            if not route.template.startswith("/problems/"):  # only the gateway itself asks
                assert service_of(route.template) in (name, "api"), route


def test_each_service_knows_which_paths_are_the_others() -> None:
    paths = {path: name for name, owned in PATHS.items() for path in owned}
    shared = {path: name for path, name in ingress_paths().items() if name in ("api", "portal")}
    assert ingress_paths() == paths | shared


def test_the_gateway_api_leads_where_the_ingress_does(tmp_path: Path) -> None:
    manifests = build_with(tmp_path, "gateway-api")
    routes = {
        match["path"]["value"]: backend["name"]
        for route in manifests.of("HTTPRoute").values()
        for rule in route["spec"]["rules"]
        for match in rule.get("matches", [])
        for backend in rule["backendRefs"]
    }
    assert routes == ingress_paths()
    assert not manifests.of("Ingress")
    for name, route in manifests.of("HTTPRoute").items():
        for rule in route["spec"]["rules"] if name != "to-https" else []:
            [match, *_] = rule["matches"]
            limits = [item["extensionRef"]["name"] for item in rule["filters"]]
            assert limits == ["edge", "limit-by-token"] if "headers" in match else ["edge"], name
            assert set(limits) < set(manifests.of("Middleware"))


def test_every_request_passes_the_limits_by_address_and_those_with_a_token_another() -> None:
    manifests = render("production")
    annotations = manifests.of("Ingress")["timesheets"]["metadata"]["annotations"]
    reference = annotations["traefik.ingress.kubernetes.io/router.middlewares"]
    assert reference == "timesheets-edge@kubernetescrd"
    chain = manifests.of("Middleware")["edge"]["spec"]["chain"]["middlewares"]
    assert [item["name"] for item in chain] == ["problems", "hsts", "limit-by-address"]
    paths: dict[str, str] = {}
    for route in manifests.of("IngressRoute")["tokens"]["spec"]["routes"]:
        assert [item["name"] for item in route["middlewares"]] == ["edge", "limit-by-token"]
        assert f"Host(`{ingress_host(manifests)}`) && HeaderRegexp" in route["match"]
        [service] = route["services"]
        found = re.findall(r"Path\(`(.+?)`\) \|\| PathPrefix\(`\1/`\)", route["match"])
        paths |= dict.fromkeys(found, service["name"])
    assert paths == {path: name for path, name in ingress_paths().items() if path.startswith("/v1")}


def test_a_cluster_without_operators_can_take_the_base() -> None:
    for manifests in (build(KUBERNETES / "base"), render("local")):
        kinds = {f"{item['apiVersion']} {item['kind']}" for item in manifests.objects}
        assert [kind for kind in kinds if not BUILT_IN(kind.split()[0])] == []


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_starts_with_what_the_manifests_set(manifests: Manifests, service: str) -> None:
    environ = Recorder(manifests.environment(container(manifests, service)))
    follows = tuple(source for follower, source in FOLLOWS if follower == service)
    settings = ServiceSettings.read(environ, service, follows)
    # Settings that two of them need and the third does not are in the ConfigMap all the same.
    assert set(environ) - environ.read <= OTHERS
    assert settings.auth.audience == AUDIENCE
    assert settings.auth.issuer.endswith("/")
    if settings.following is not None:
        sources = {source.name: source.url for source in settings.following.sources}
        assert all(url.startswith(f"http://{name}:8080/v1/") for name, url in sources.items())


def test_notices_run_every_quarter_of_an_hour_one_at_a_time() -> None:
    manifests = render("production")
    job = manifests.of("CronJob")["notices"]["spec"]
    assert (job["schedule"], job["concurrencyPolicy"]) == ("*/15 * * * *", "Forbid")
    assert container(manifests, "notices")["args"] == ["notify"]
    environ = manifests.environment(container(manifests, "notices"))
    assert {"SMTP_URL", "MAIL_FROM", "PORTAL_URL", "DATABASE_URL"} <= set(environ)


def test_production_and_staging_share_no_name_in_one_cluster() -> None:
    """Every object has a namespace; what is named beyond it belongs to one environment."""
    production, staging = render("production"), render("staging")
    names = [{identity(item) for item in each.objects} for each in (production, staging)]
    assert names[0] & names[1] == set()
    for kind in ("host", "secrets", "references"):
        assert named_beyond(production)[kind], kind
        assert not named_beyond(production)[kind] & named_beyond(staging)[kind], kind


def identity(item: Object) -> tuple[str, str, str]:
    metadata = item["metadata"]
    place = metadata["name"] if item["kind"] == "Namespace" else metadata["namespace"]
    return item["kind"], place, metadata["name"]


def named_beyond(manifests: Manifests) -> dict[str, set[str]]:
    """Values that two environments could share without an object of the same name."""
    text = yaml.safe_dump_all(manifests.objects)
    return {
        "host": {ingress_host(manifests)},
        "secrets": {
            entry["remoteRef"]["key"]
            for item in manifests.of("ExternalSecret").values()
            for entry in item["spec"]["data"]
        },
        "references": {
            *re.findall(r"\S+@kubernetescrd", text),
            *re.findall(r"s3://\S+", text),
            *re.findall(r"Host\(`(.+?)`\)", text),
        },
    }


def test_the_uploader_starts_with_what_the_manifests_set() -> None:
    manifests = render("production")
    environ = Recorder(manifests.environment(container(manifests, "batch")))
    assert Settings.read(environ).api_url == f"https://{ingress_host(manifests)}"
    mounts = {mount["mountPath"] for mount in container(manifests, "batch")["volumeMounts"]}
    assert str(Journal.from_environment(environ).directory.parent) in mounts
    assert set(environ) <= environ.read


# Settings of the ConfigMap that one of them needs and another does not.
OTHERS = {
    *("M2M_TOKEN_URL", "ENTRIES_URL", "APPROVALS_URL", "PROFILE_URL"),
    *("API_URL", "PORTAL_URL", "MAIL_FROM"),
}
KEY = base64.urlsafe_b64encode(b"k" * 32).decode()


def test_the_portal_starts_with_what_the_manifests_set(manifests: Manifests) -> None:
    given = manifests.environment(container(manifests, "portal"))
    environ = Recorder(given | {"SESSION_KEYS": KEY})
    settings = PortalSettings.read(environ)
    assert set(environ) - environ.read <= OTHERS
    assert settings.auth.audience == AUDIENCE
    rule = manifests.of("Ingress")["timesheets"]["spec"]["rules"][0]
    if "host" in rule:
        assert settings.portal_url == settings.api_url == f"https://{rule['host']}"


def ingress_host(manifests: Manifests) -> str:
    host: str = manifests.of("Ingress")["timesheets"]["spec"]["rules"][0]["host"]
    return host


@pytest.mark.parametrize("service", PROGRAMS)
def test_each_service_is_migrated_by_its_owner_and_serves_as_another_role(
    manifests: Manifests, service: str
) -> None:
    [migrate] = manifests.pods()[service]["spec"]["initContainers"]
    check_migration(manifests, migrate, service)
    serving = manifests.environment(container(manifests, service))["DATABASE_URL"]
    assert DatabaseSettings(serving).described() == f"{service}@postgres-rw:5432/{service}"


def check_migration(manifests: Manifests, migrate: Object, service: str) -> None:
    command, package, *grant = migrate["args"]
    assert (command, grant) == ("migrate", ["--grant", service])
    assert package == ("portal" if service == "portal" else f"services.{service}")
    assert Package.find(package).head
    owner = manifests.environment(migrate)["DATABASE_URL"]
    assert DatabaseSettings(owner).described() == f"{service}_owner@postgres-rw:5432/{service}"


def test_migrations_by_a_job_are_those_of_the_init_containers(tmp_path: Path) -> None:
    manifests = build_with(tmp_path, "migrate-job")
    containers = {item["name"]: item for item in manifests.pods()["migrate"]["spec"]["containers"]}
    assert sorted(containers) == sorted(PROGRAMS)
    for service, migrate in containers.items():
        check_migration(manifests, migrate, service)
        assert "initContainers" not in manifests.pods()[service]["spec"]


def test_ports_are_those_of_the_code_and_the_admin_port_is_no_services(
    manifests: Manifests,
) -> None:
    for service in PROGRAMS:
        ports = {
            item["name"]: item["containerPort"] for item in container(manifests, service)["ports"]
        }
        assert ports == {"http": DEFAULTS.port, "admin": DEFAULTS.admin_port}
        [port] = manifests.of("Service")[service]["spec"]["ports"]
        assert (port["name"], port["targetPort"], port["port"]) == ("http", "http", DEFAULTS.port)
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            assert container(manifests, service)[probe]["httpGet"]["port"] == "admin"
    for path in manifests.of("Ingress")["timesheets"]["spec"]["rules"][0]["http"]["paths"]:
        assert path["backend"]["service"]["port"] == {"name": "http"}


def test_a_pod_has_the_time_that_it_takes_to_end(manifests: Manifests) -> None:
    for service in PROGRAMS:
        pod = manifests.pods()[service]["spec"]
        environ = manifests.environment(container(manifests, service))
        settings = WebSettings.read(Environment(environ))
        pause = container(manifests, service)["lifecycle"]["preStop"]["sleep"]["seconds"]
        takes = pause + settings.shutdown_delay + settings.shutdown_timeout
        assert takes + 5 <= pod["terminationGracePeriodSeconds"]
        rolling = manifests.of("Deployment")[service]["spec"]["strategy"]["rollingUpdate"]
        assert rolling == {"maxSurge": 1, "maxUnavailable": 0}


def test_postgresql_takes_the_connections_of_all_replicas() -> None:
    manifests = render("production")
    connections = 0
    for service in PROGRAMS:
        environ = manifests.environment(container(manifests, service))
        pool = DatabaseSettings.read(Environment(environ)).pool_max
        own = uploads.UPLOADS + exporting.EXPORTS if service == "entries" else 0
        replicas = manifests.of("HorizontalPodAutoscaler")[service]["spec"]["maxReplicas"] + 1
        connections += replicas * (pool + 1 + own)
    cluster = manifests.of("Cluster")["postgres"]["spec"]
    # The operator, the standbys, a backup and somebody who looks want some, too.
    assert connections + 20 <= int(cluster["postgresql"]["parameters"]["max_connections"])


def test_the_proxy_leaves_an_idle_connection_before_the_service_closes_it() -> None:
    transport = render("production").of("ServersTransport")["backends"]["spec"]
    assert float(transport["forwardingTimeouts"]["idleConnTimeout"].rstrip("s")) < KEEPALIVE_SECONDS


def test_the_rules_that_are_shipped_are_those_that_are_tested() -> None:
    shipped = render("production").of("PrometheusRule")["timesheets"]["spec"]
    assert shipped == yaml.safe_load(RULES.read_text()), "make rules"


def test_every_image_is_one_that_is_built(manifests: Manifests) -> None:
    script = (ROOT / "deploy/images.sh").read_text()
    [names] = re.findall(r"^for service in \$\{SERVICES:-(.+)\}; do", script, re.M)
    built = {f"timesheets/{name}" for name in names.split()}
    used = {
        item["image"].rpartition(":")[0].partition("/")[2]
        for pod in manifests.pods().values()
        for item in [*pod["spec"]["containers"], *pod["spec"].get("initContainers", [])]
    } - {"library/postgres", "docker.io/library/postgres"}
    assert used <= built


def test_every_pod_is_restricted_and_has_no_rights(manifests: Manifests) -> None:
    for name, pod in manifests.pods().items():
        spec = pod["spec"]
        assert spec["securityContext"].items() >= RESTRICTED_POD.items(), name
        assert spec["securityContext"]["runAsUser"] > 0, name
        assert spec["automountServiceAccountToken"] is False, name
        account = manifests.of("ServiceAccount")[spec["serviceAccountName"]]
        assert account["automountServiceAccountToken"] is False, name
        for item in [*spec["containers"], *spec.get("initContainers", [])]:
            assert item["securityContext"] == RESTRICTED_CONTAINER, name
            assert set(item["resources"]) == {"requests", "limits"}, name


RESTRICTED_POD = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
RESTRICTED_CONTAINER = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}


def selectors(manifests: Manifests) -> Iterator[tuple[str, Mapping[str, str]]]:
    for item in manifests.objects:
        spec = item.get("spec", {})
        chosen = {
            "Service": lambda spec: spec["selector"],
            "NetworkPolicy": lambda spec: spec["podSelector"].get("matchLabels", {}),
        }.get(item["kind"], lambda spec: spec.get("selector", {}).get("matchLabels", {}))(spec)
        yield f"{item['kind']} {item['metadata']['name']}", chosen


def test_every_selector_finds_a_pod(manifests: Manifests) -> None:
    pods = [pod["metadata"]["labels"] for pod in manifests.pods().values()]
    # Their operators make these.
    pods += [{"cnpg.io/cluster": "postgres"}, {"acme.cert-manager.io/http01-solver": "true"}]
    missing = [
        name
        for name, chosen in selectors(manifests)
        if not any(labels.items() >= chosen.items() for labels in pods)
    ]
    assert missing == []
