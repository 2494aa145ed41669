"""The findings of other people's tools about the image and the manifests."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.deploy.manifests import BUILT_IN, OVERLAYS, ROOT, Object, build_with, render
from tests.deploy.tools import tool

pytestmark = [pytest.mark.deploy, pytest.mark.timeout(600)]

POSTGRES = ("postgresql.cnpg.io/", "barmancloud.cnpg.io/")
SCHEMAS = Path(__file__).parent / "schemas"
PACKAGES = "requirements/deploy.txt"
MINORS = ("1.35", "1.36", "1.37")


def say(*command: str | Path) -> str:
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=ROOT, timeout=500
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    return said


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the objects of each overlay; those of production with the optional traces."""
    folder = tmp_path_factory.mktemp("rendered")
    traced = build_with(tmp_path_factory.mktemp("traced"), "tracing")
    for name in OVERLAYS:
        manifests = traced if name == "production" else render(name)
        (folder / f"{name}.yaml").write_text(
            yaml.dump_all(manifests.objects, Dumper=yaml.CSafeDumper)
        )
    return folder


def test_the_dockerfile_is_as_hadolint_wants_it() -> None:
    assert say(tool("hadolint", PACKAGES), "Dockerfile") == ""


@pytest.mark.parametrize("minor", MINORS)
def test_every_object_is_one_that_this_kubernetes_knows(rendered: Path, minor: str) -> None:
    """Strictly: a field that is not in the schema fails. Custom resources have none here."""
    files = sorted(rendered.glob("*.yaml"))
    assert len(files) == len(OVERLAYS)
    say(tool("kubernetes-validate", PACKAGES), "--strict", "-k", minor, *files)


def test_custom_resources_are_as_their_schemas_want_them(tmp_path: Path) -> None:
    """As far as a package brings them: those of PostgreSQL are in test_database.py."""
    npm, node = tool("npm", "nodejs.org"), tool("node", "nodejs.org")
    checker = SCHEMAS
    if not (SCHEMAS / "node_modules").is_dir():
        checker = tmp_path / "schemas"
        shutil.copytree(SCHEMAS, checker)
        say(npm, "ci", "--silent", "--no-audit", "--no-fund", "--prefix", checker)
    (tmp_path / "gateway").mkdir()
    both = (render("production"), build_with(tmp_path / "gateway", "gateway-api"))
    objects = [item for manifests in both for item in manifests.objects if is_custom(item)]
    assert len(objects) > 20
    found = subprocess.run(
        [node, "check.js"],
        input=json.dumps(objects),
        capture_output=True,
        text=True,
        check=True,
        cwd=checker,
    )
    assert found.stdout == ""


def is_custom(item: Object) -> bool:
    """Neither Kubernetes' own nor PostgreSQL's."""
    return not BUILT_IN(item["apiVersion"]) and not item["apiVersion"].startswith(POSTGRES)


def test_checkov_finds_nothing_that_is_not_listed_with_a_reason(rendered: Path) -> None:
    (rendered / "Dockerfile").write_text((ROOT / "Dockerfile").read_text())
    options = ("--compact", "--quiet", "--skip-download", "--config-file", "deploy/checkov.yaml")
    say(tool("checkov", PACKAGES), "-d", rendered, *options)
