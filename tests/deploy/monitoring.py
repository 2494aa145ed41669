"""The alert rules and the dashboard, as the tests read them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parents[2] / "deploy/monitoring"
RULES = FOLDER / "rules.yaml"
RULE_TESTS = sorted(FOLDER.glob("rules*_test.yaml"))
DASHBOARD = FOLDER / "dashboard.json"

# Example values for Grafana's variables.
NAMESPACE = "timesheets"
VARIABLES = {
    "$namespace": NAMESPACE,
    "$service": "entries|approvals|profile",
    "$route": ".+",
    "$__rate_interval": "5m",
    "$__range": "1d",
}


def rules() -> list[dict[str, Any]]:
    return [
        rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]
    ]


def alerts() -> dict[str, dict[str, Any]]:
    return {rule["alert"]: rule for rule in rules() if "alert" in rule}


def panels() -> list[dict[str, Any]]:
    return [
        panel for panel in json.loads(DASHBOARD.read_text())["panels"] if panel["type"] != "row"
    ]


def queries() -> Iterator[tuple[str, str]]:
    """Each panel's title, and an expression of it as Prometheus gets it."""
    for panel in panels():
        for target in panel["targets"]:
            expression = target["expr"]
            for name, value in VARIABLES.items():
                expression = expression.replace(name, value)
            yield panel["title"], expression
