"""The parts of a release, and how one that cannot be made is refused."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.deploy.manifests import ROOT
from tests.deploy.tools import tool

LISTS = ("services", "migrate", "portal", "batch", "tracing")
PINNED = re.compile(r"^([A-Za-z0-9._-]+)(?:\[\S+\])?==([^\s;\\]+)", re.M)


@pytest.mark.deploy
def test_each_list_of_packages_has_an_sbom_with_versions_and_hashes(tmp_path: Path) -> None:
    tool("cyclonedx-py", "requirements/deploy.txt")
    options = {"TRACING": "1"}
    subprocess.run([ROOT / "deploy/sbom.sh", tmp_path], env=os.environ | options, check=True)

    assert {path.name for path in tmp_path.iterdir()} == {
        f"timesheets-{name}.cdx.json" for name in LISTS
    }
    for name in LISTS:
        components = json.loads((tmp_path / f"timesheets-{name}.cdx.json").read_text())[
            "components"
        ]
        locked = PINNED.findall((ROOT / f"requirements/{name}.txt").read_text())
        assert sorted((one["name"], one["version"]) for one in components) == sorted(locked), name
        for one in components:
            references = one.get("externalReferences", [])
            assert any(each.get("hashes") for each in references), (name, one["name"])


@pytest.mark.parametrize(
    ("version", "mistake"),
    [
        ("", "VERSION"),
        ("1.2", "VERSION is not like 1.2.0"),
        ("9.9.9", "CHANGELOG.md has no section for 9.9.9."),
    ],
)
def test_a_release_that_cannot_be_made_is_refused_in_a_sentence(
    tmp_path: Path, version: str, mistake: str
) -> None:
    """In a clone, so that the checkout is clean."""
    subprocess.run(
        ["git", "clone", "-q", "--local", "--depth=1", f"file://{ROOT}", tmp_path], check=True
    )
    done = subprocess.run(
        [tmp_path / "deploy/release.sh"],
        env=os.environ | {"VERSION": version},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert mistake in done.stderr
    assert not (tmp_path / ".release").exists()
