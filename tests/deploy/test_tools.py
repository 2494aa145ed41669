"""What other people's tools say of the image and the manifests."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

from tests.deploy.manifests import OVERLAYS, ROOT, render
from tests.deploy.tools import tool

pytestmark = [pytest.mark.deploy, pytest.mark.timeout(600)]

PACKAGES = "requirements/deploy.txt"
MINORS = ("1.35", "1.36", "1.37")


def say(*command: str | Path) -> str:
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=ROOT, timeout=500
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    return said


@pytest.fixture(params=OVERLAYS)
def rendered(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / f"{request.param}.yaml"
    path.write_text(yaml.safe_dump_all(render(request.param).objects))
    return path


def test_the_dockerfile_is_as_hadolint_wants_it() -> None:
    assert say(tool("hadolint", PACKAGES), "Dockerfile") == ""


@pytest.mark.parametrize("minor", MINORS)
def test_every_object_is_one_that_this_kubernetes_knows(rendered: Path, minor: str) -> None:
    """Strictly: a field that is not in the schema fails. Custom resources have none here."""
    say(tool("kubernetes-validate", PACKAGES), "--strict", "-k", minor, rendered)


def test_checkov_finds_nothing_that_is_not_listed_with_a_reason(rendered: Path) -> None:
    folder = rendered.parent
    (folder / "Dockerfile").write_text((ROOT / "Dockerfile").read_text())
    options = ("--compact", "--quiet", "--skip-download", "--config-file", "deploy/checkov.yaml")
    say(tool("checkov", PACKAGES), "-d", folder, *options)
