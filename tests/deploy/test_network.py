"""Network policies let through the arrows of the picture and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from libs.web.trace_sampling import Sampling
from tests.deploy.manifests import (
    OVERLAYS,
    PROGRAMS,
    SERVICES,
    Manifests,
    Object,
    build_with,
    render,
)
from tests.support.fleet import FOLLOWS

HTTP, ADMIN = "http", "admin"
NODE_LOCAL_DNS = "169.254.20.10/32"


@pytest.fixture(params=OVERLAYS)
def manifests(request: pytest.FixtureRequest) -> Manifests:
    return render(request.param)


def rules(manifests: Manifests, pod: str, direction: str) -> Iterator[Object]:
    """Every rule about traffic of this pod that way."""
    labels = manifests.pods()[pod]["metadata"]["labels"]
    for policy in manifests.of("NetworkPolicy").values():
        if matches(policy["spec"]["podSelector"], labels):
            yield from policy["spec"].get(direction, [])


def matches(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    assert set(selector) <= {"matchLabels", "matchExpressions"}
    expressions = selector.get("matchExpressions", [])
    assert all(one["operator"] == "In" for one in expressions)
    return labels.items() >= selector.get("matchLabels", {}).items() and all(
        labels.get(one["key"]) in one["values"] for one in expressions
    )


def ports(rule: Object) -> set[Any]:
    assert rule["ports"], "a rule without ports opens all of them"
    return {item["port"] for item in rule["ports"]}


def lets(manifests: Manifests, pod: str, other: str, port: str, direction: str, side: str) -> bool:
    labels = manifests.pods()[other]["metadata"]["labels"]
    return any(
        port in ports(rule)
        and any(
            "namespaceSelector" not in peer and matches(peer["podSelector"], labels)
            for peer in rule[side]
            if "podSelector" in peer
        )
        for rule in rules(manifests, pod, direction)
    )


def arrows(manifests: Manifests, port: str) -> set[tuple[str, str]]:
    """Which pod may send to which: both sides have to agree."""
    names = list(manifests.pods())
    return {
        (sender, receiver)
        for sender in names
        for receiver in names
        if lets(manifests, sender, receiver, port, "egress", "to")
        and lets(manifests, receiver, sender, port, "ingress", "from")
    }


def namespaces(rule: Object, side: str) -> Sequence[str]:
    return [
        peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]
        for peer in rule[side]
        if "namespaceSelector" in peer
    ]


def test_services_reach_those_whose_feeds_they_follow(manifests: Manifests) -> None:
    assert arrows(manifests, HTTP) == set(FOLLOWS)
    assert arrows(manifests, ADMIN) == set()


def test_nothing_is_open_that_is_not_opened(manifests: Manifests) -> None:
    denied = manifests.of("NetworkPolicy")["default-deny"]["spec"]
    assert denied == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    for name, policy in manifests.of("NetworkPolicy").items():
        assert policy["spec"]["policyTypes"], name
        for rule in policy["spec"].get("ingress", []):
            assert rule["from"], name
            assert ports(rule), name


@pytest.mark.parametrize("service", SERVICES)
def test_the_gateway_reaches_a_service_and_prometheus_alone_its_admin_port(
    manifests: Manifests, service: str
) -> None:
    outside = [
        (namespace, port)
        for rule in rules(manifests, service, "ingress")
        for namespace in namespaces(rule, "from")
        for port in ports(rule)
    ]
    gateway = "traefik" if manifests.of("PodMonitor") else "kube-system"
    watched = [("monitoring", ADMIN)] if manifests.of("PodMonitor") else []
    assert sorted(outside) == sorted([(gateway, HTTP), *watched])


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_reaches_names_its_database_and_the_identity_provider(
    manifests: Manifests, service: str
) -> None:
    rules_out = list(rules(manifests, service, "egress"))
    out = {port for rule in rules_out for port in ports(rule)}
    follows = {HTTP} if any(follower == service for follower, _ in FOLLOWS) else set()
    assert out == {53, 443, 5432} | follows
    for rule in rules_out:
        blocks = [peer["ipBlock"] for peer in rule["to"] if "ipBlock" in peer]
        if {"cidr": NODE_LOCAL_DNS} in blocks:
            assert ports(rule) == {53}
            continue
        # Not by way of an address into the cluster or to the cloud's metadata.
        assert all(block["except"] for block in blocks)
        assert not blocks or ports(rule) == {443}


def test_the_portal_reaches_no_service_but_by_the_public_address() -> None:
    manifests = render("production")
    out = {port for rule in rules(manifests, "portal", "egress") for port in ports(rule)}
    assert out == {53, 443, "web", "websecure", 5432}
    assert all("portal" not in pair for pair in arrows(manifests, HTTP) | arrows(manifests, ADMIN))


def test_notices_reach_the_database_and_a_mail_server_and_nothing_reaches_them() -> None:
    manifests = render("production")
    out = {port for rule in rules(manifests, "notices", "egress") for port in ports(rule)}
    assert out == {53, 5432, 465, 587}
    assert list(rules(manifests, "notices", "ingress")) == []


def test_traces_reach_the_collector_that_the_settings_name_and_nothing_else_of_it(
    tmp_path: Path,
) -> None:
    manifests = build_with(tmp_path, "tracing")
    for name, pod in manifests.pods().items():
        to_observability = [
            (namespace, port)
            for rule in rules(manifests, name, "egress")
            for namespace in namespaces(rule, "to")
            for port in ports(rule)
            if namespace not in ("kube-system", "traefik")
        ]
        if name not in PROGRAMS:
            assert to_observability == [], name
            continue
        environ = manifests.environment(pod["spec"]["containers"][0])
        collector = urlsplit(environ["OTEL_EXPORTER_OTLP_ENDPOINT"])
        _service, namespace = (collector.hostname or "").split(".")
        assert to_observability == [(namespace, collector.port)], name
        assert Sampling.read(environ).bound * 10 == pytest.approx(2**64)


def test_without_tracing_nothing_leads_to_a_collector() -> None:
    manifests = render("production")
    for name in manifests.pods():
        out = {port for rule in rules(manifests, name, "egress") for port in ports(rule)}
        assert 4318 not in out, name
