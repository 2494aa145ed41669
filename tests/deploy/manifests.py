"""The output of kustomize for deploy/k8s, as Kubernetes would get it."""

from __future__ import annotations

import base64
import functools
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.deploy.tools import tool

ROOT = Path(__file__).parents[2]
KUBERNETES = ROOT / "deploy/k8s"
OVERLAYS = ("local", "production", "staging")
SERVICES = ("entries", "approvals", "profile")
# Programs with a database of their own.
PROGRAMS = (*SERVICES, "portal")

BUILT_IN = re.compile(
    r"(v1|apps/v1|batch/v1|policy/v1|autoscaling/v2|networking\.k8s\.io/v1)"
).fullmatch
PLACEHOLDER = re.compile(r"\{\{.*?\}\}")

Object = Mapping[str, Any]


@dataclass(frozen=True)
class Manifests:
    objects: tuple[Object, ...]

    def of(self, kind: str) -> dict[str, Any]:
        """The objects of that kind by name."""
        return {item["metadata"]["name"]: item for item in self.objects if item["kind"] == kind}

    def pods(self) -> dict[str, Object]:
        """Every pod template, by the name of what makes pods of it."""
        return dict(self._pods())

    def _pods(self) -> Iterator[tuple[str, Object]]:
        for item in self.objects:
            spec = item.get("spec", {})
            spec = spec.get("jobTemplate", {}).get("spec", spec)
            if "containers" in spec.get("template", {}).get("spec", {}):
                yield item["metadata"]["name"], spec["template"]

    def environment(self, container: Object) -> dict[str, str]:
        """The environment of the container; a secret's value is a stand-in for it."""
        found: dict[str, str] = {}
        for source in container.get("envFrom", []):
            found |= self.of("ConfigMap")[source["configMapRef"]["name"]]["data"]
        return found | {item["name"]: self._value(item) for item in container.get("env", [])}

    def _value(self, variable: Object) -> str:
        if "value" in variable:
            return str(variable["value"])
        source = variable["valueFrom"]
        if "configMapKeyRef" in source:
            reference = source["configMapKeyRef"]
            return str(self.of("ConfigMap")[reference["name"]]["data"][reference["key"]])
        return self.secrets()[source["secretKeyRef"]["name"]][source["secretKeyRef"]["key"]]

    def secrets(self) -> dict[str, dict[str, str]]:
        """Each Secret, as it is or as External Secrets would make it; fails where none is made."""
        made = {
            name: {key: base64.b64decode(value).decode() for key, value in item["data"].items()}
            for name, item in self.of("Secret").items()
        }
        for name, item in self.of("ExternalSecret").items():
            template = item["spec"].get("target", {}).get("template", {}).get("data")
            # Without a template the keys are taken as they are.
            given = template or {entry["secretKey"]: "secret" for entry in item["spec"]["data"]}
            made[name] = {key: PLACEHOLDER.sub("secret", value) for key, value in given.items()}
        return made


@functools.cache
def render(overlay: str) -> Manifests:
    return build(KUBERNETES / "overlays" / overlay)


def build(folder: Path) -> Manifests:
    """The test is skipped where there is no kubectl."""
    kubectl = tool("kubectl", "kubernetes.io/docs/tasks/tools")
    done = subprocess.run(
        [kubectl, "kustomize", str(folder)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return Manifests(tuple(yaml.load_all(done.stdout, Loader=yaml.CSafeLoader)))


def build_with(folder: Path, *components: str) -> Manifests:
    """Production with more components, from a kustomization in an empty folder."""

    def there(path: str) -> str:
        # Two resolved paths: kustomize knows no others.
        return os.path.relpath((KUBERNETES / path).resolve(), folder.resolve())

    content = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [there("overlays/production")],
        "components": [there(f"components/{name}") for name in components],
    }
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(content))
    return build(folder)
