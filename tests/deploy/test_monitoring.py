"""Alerts and panels ask for what the services export, and each alert is explained and tested."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml
from prometheus_client import CollectorRegistry

from libs.auth import FetchOutcome, Outcome
from libs.postgres.metrics import SHED_REASONS
from libs.service.settings import ServiceSettings
from libs.web.metrics import METRICS
from portal.app import create_app as create_portal
from portal.metrics import BUCKETS, Renewal
from portal.settings import PortalSettings
from services.approvals.app import FOLLOWS as APPROVALS_FOLLOWS
from services.entries.app import FOLLOWS as ENTRIES_FOLLOWS
from services.entries.metrics import BATCH_STATES, SOURCES
from tests.conftest import Databases, serving
from tests.deploy.monitoring import RULE_TESTS, RULES, alerts, panels, queries, rules
from tests.support.clock import StandingClock
from tests.support.issuer import Issuer
from tests.support.promql import labels_grouped_by, selectors_of
from tests.support.services import SERVICES, routes_of

RUNBOOK = Path(__file__).parents[2] / "docs/how-to/runbook.md"
RUNBOOK_URL = "https://github.com/exampleco/timesheets/blob/main/docs/how-to/runbook.md#"
FOLLOWS = {"entries": ENTRIES_FOLLOWS, "approvals": APPROVALS_FOLLOWS, "profile": ()}
NOWHERE = "http://127.0.0.1:9"
SETTINGS = {
    "AUTH_ISSUER": "https://exampleco.auth0.com/",
    "AUTH_AUDIENCE": "https://api.exampleco.com/timesheets",
    "DATABASE_URL": "postgresql://db/x",
}

# Labels that Prometheus adds to each series, here by PodMonitor.
TARGET = frozenset({"job", "instance", "namespace", "pod", "container"})
# Metrics of others: Prometheus itself, kube-state-metrics, kubelet, CloudNativePG and its Barman
# plugin, cert-manager, Traefik.
OTHERS = {
    "barman_cloud_cloudnative_pg_io_last_available_backup_timestamp": frozenset[str](),
    "certmanager_certificate_expiration_timestamp_seconds": frozenset({"name"}),
    "cnpg_pg_replication_streaming_replicas": frozenset[str](),
    "cnpg_pg_stat_archiver_last_archived_time": frozenset[str](),
    "cnpg_pg_stat_archiver_last_failed_time": frozenset[str](),
    "traefik_service_requests_total": frozenset({"service", "code"}),
    "up": frozenset[str](),
    "kube_horizontalpodautoscaler_spec_max_replicas": frozenset({"horizontalpodautoscaler"}),
    "kube_horizontalpodautoscaler_status_current_replicas": frozenset({"horizontalpodautoscaler"}),
    "kube_job_status_start_time": frozenset({"job_name"}),
    "kube_pod_container_status_restarts_total": frozenset[str](),
    "kube_pod_container_status_waiting_reason": frozenset({"reason"}),
    "kube_job_failed": frozenset({"job_name", "condition"}),
    "kube_job_owner": frozenset({"job_name", "owner_kind", "owner_name"}),
    "kube_cronjob_next_schedule_time": frozenset({"cronjob"}),
    "kube_cronjob_status_last_schedule_time": frozenset({"cronjob"}),
    "kube_cronjob_status_last_successful_time": frozenset({"cronjob"}),
    "kubelet_volume_stats_available_bytes": frozenset({"persistentvolumeclaim"}),
    "kubelet_volume_stats_capacity_bytes": frozenset({"persistentvolumeclaim"}),
}


def labels_by_metric(registry: CollectorRegistry) -> dict[str, frozenset[str]]:
    """Of every series, also of those that have not begun, which /metrics does not show."""
    labels = {
        sample.name: frozenset(sample.labels)
        for family in registry.collect()
        for sample in family.samples
    }
    for name, collector in registry._names_to_collectors.items():
        own = frozenset(getattr(collector, "_labelnames", ()))
        labels[name] = own | {"le"} if name.endswith("_bucket") else own
    return labels


@pytest.fixture
def shared_urls(databases: Databases) -> dict[str, str]:
    return {name: databases.shared(name) for name in SERVICES}


@pytest.fixture
async def exported(
    shared_urls: dict[str, str],
    issuer: Issuer,
    session: aiohttp.ClientSession,
    clock: StandingClock,
) -> dict[str, frozenset[str]]:
    """The metrics of the portal, and of the three services as they run, following each other."""
    found: dict[str, frozenset[str]] = {}
    async with AsyncExitStack() as stack:
        for name, create in SERVICES.items():
            settings = ServiceSettings.read(
                _variables(issuer, shared_urls[name]), name, FOLLOWS[name]
            )
            app = create(settings)
            await stack.enter_async_context(serving(app, settings, issuer, session, clock))
            found |= labels_by_metric(app[METRICS].registry)
    return found | labels_by_metric(create_portal(_portal_settings())[METRICS].registry)


def _portal_settings() -> PortalSettings:
    return PortalSettings.read(
        {
            **SETTINGS,
            "HOST": "127.0.0.1",
            "PORT": "0",
            "ADMIN_PORT": "0",
            "AUTH_CLIENT_ID": "portal",
            "AUTH_CLIENT_SECRET": "secret",
            "PORTAL_URL": NOWHERE,
            "API_URL": NOWHERE,
            "SESSION_KEYS": base64.urlsafe_b64encode(b"test" * 8).decode(),
        }
    )


def _variables(issuer: Issuer, database: str) -> dict[str, str]:
    return {
        "HOST": "127.0.0.1",
        "PORT": "0",
        "ADMIN_PORT": "0",
        "AUTH_ISSUER": issuer.issuer,
        "AUTH_AUDIENCE": issuer.audience,
        "DATABASE_URL": database,
        "M2M_CLIENT_ID": "follower",
        "FULL_FEED_CLIENTS": "follower",
        "M2M_CLIENT_SECRET": "follower-secret",
        "M2M_TOKEN_URL": issuer.token_url,
        **{f"{name.upper()}_URL": NOWHERE for name in SERVICES},
    }


async def test_every_expression_asks_for_metrics_and_labels_that_exist(
    exported: dict[str, frozenset[str]],
) -> None:
    recorded = {
        rule["record"]: frozenset({"job", "namespace"}) for rule in rules() if "record" in rule
    }
    known = exported | OTHERS | recorded
    expressions = [(rule.get("alert") or rule["record"], rule["expr"]) for rule in rules()]
    wrong = [
        (name, problem)
        for name, expression in [*expressions, *queries()]
        for problem in unknown_in(expression, known)
    ]
    assert wrong == []


def unknown_in(expression: str, known: Mapping[str, frozenset[str]]) -> Iterable[str]:
    carried = set(TARGET)
    for selector in selectors_of(expression):
        if selector.metric not in known:
            yield selector.metric
            continue
        labels = known[selector.metric] | TARGET
        carried |= labels
        for matcher in selector.matchers:
            if matcher.label not in labels:
                yield f"{selector.metric}{{{matcher.label}}}"
    for label in labels_grouped_by(expression) - carried:
        yield f"by {label}"


def test_what_an_expression_picks_out_exists() -> None:
    """A misspelt outcome matches nothing, and an alert on it never fires."""
    routes = {route.template for name in SERVICES for route in _routes(name)}
    values: dict[tuple[str, str], Iterable[str]] = {
        ("timesheets_auth_key_fetches_total", "outcome"): list(FetchOutcome),
        ("timesheets_auth_token_verifications_total", "outcome"): list(Outcome),
        ("timesheets_db_pool_shed_total", "reason"): SHED_REASONS,
        ("timesheets_entries_logged_total", "source"): SOURCES,
        ("timesheets_batches_total", "state"): BATCH_STATES,
        ("timesheets_portal_token_renewals_total", "outcome"): list(Renewal),
        ("timesheets_portal_page_own_seconds_bucket", "le"): {str(most) for most in BUCKETS},
        ("timesheets_http_requests_total", "route"): routes | {"unmatched"},
        ("timesheets_http_request_duration_seconds_bucket", "route"): routes | {"unmatched"},
        ("timesheets_http_request_duration_seconds_bucket", "le"): {"0.5"},
        ("timesheets_http_requests_total", "status"): {"200", "404", "503"},
    }
    expressions = [rule["expr"] for rule in rules()] + [expression for _, expression in queries()]
    wrong = {
        f'{selector.metric}{{{matcher.label}{matcher.operator}"{alternative}"}}'
        for expression in expressions
        for selector in selectors_of(expression)
        for matcher in selector.matchers
        for alternative in matcher.alternatives
        if not _matches(alternative, matcher.label, values.get((selector.metric, matcher.label)))
    }
    assert wrong == set()


def _matches(alternative: str, label: str, values: Iterable[str] | None) -> bool:
    present = [*SERVICES, "portal"] if label == "job" else values
    return present is None or any(re.fullmatch(alternative, value) for value in present)


def _routes(name: str) -> Any:
    return routes_of(SERVICES[name](ServiceSettings.read(SETTINGS, name)))


def test_every_rule_watches_production_alone() -> None:
    """Another team's objects, and staging in the same Prometheus, wake nobody."""
    elsewhere = {"traefik_service_requests_total"}  # counted in the gateway's namespace, by name
    for rule in rules():
        for selector in selectors_of(rule["expr"]):
            if ":" not in selector.metric and selector.metric not in elsewhere:
                matchers = {matcher.label: matcher.alternatives for matcher in selector.matchers}
                assert list(matchers["namespace"]) == ["timesheets"], rule


async def test_every_metric_of_ours_has_our_prefix(exported: dict[str, frozenset[str]]) -> None:
    standard = ("timesheets_", "process_", "python_")
    assert [name for name in exported if not name.startswith(standard)] == []


def test_a_name_that_nobody_exports_is_found() -> None:
    known = {"a_total": frozenset({"x"})}
    assert list(unknown_in('sum by (x, y) (rate(a_total{z="1"}[5m])) > b', known)) == [
        "a_total{z}",
        "b",
        "by y",
    ]


def test_each_alert_leads_to_its_entry_in_the_runbook_and_each_entry_has_an_alert() -> None:
    chapter = RUNBOOK.read_text().partition("\n## Alerts\n")[2].partition("\n## ")[0]
    entries = re.findall(r"^### (\w+)$", chapter, re.MULTILINE)
    assert entries == list(alerts())
    for name, rule in alerts().items():
        assert rule["annotations"]["runbook_url"] == RUNBOOK_URL + name.lower()
        assert rule["labels"]["severity"] in ("critical", "warning")


def test_each_alert_fires_in_its_test_and_is_quiet_on_good_data() -> None:
    cases = [case for path in RULE_TESTS for case in yaml.safe_load(path.read_text())["tests"]]
    fires: set[tuple[str, str]] = set()
    quiet: set[tuple[str, str]] = set()
    for case in cases:
        for check in case["alert_rule_test"]:
            (fires if check.get("exp_alerts") else quiet).add((check["alertname"], case["name"]))
    assert {name for name, _ in fires} == set(alerts())
    good = {name for name, case in quiet if case == "all is quiet while all is well"}
    assert good == set(alerts())
    for path in RULE_TESTS:
        assert yaml.safe_load(path.read_text())["rule_files"] == [RULES.name]


def test_every_panel_has_a_title_of_its_own_and_lies_beside_the_others() -> None:
    titles = [panel["title"] for panel in panels()]
    assert len(set(titles)) == len(titles)
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in panels())
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < 24
