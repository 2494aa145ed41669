"""Every command in the guides is run by a test, or has a reason why it is not."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.stack import ROOT, Running

pytestmark = pytest.mark.slow

PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "docs/tutorial.md",
    *sorted((ROOT / "docs/how-to").glob("*.md")),
]
# Their tests run each block of the page in order.
RUN_BY_THEIR_TESTS = {
    "tutorial.md": "tests/e2e/test_tutorial.py",
    "integrate.md": "tests/e2e/test_partner_guide.py",
    "upload.md": "tests/unit/batch/test_upload_guide.py",
}
# With the role and the settings of the named program, as in its container.
RUN_HERE = {
    "python -m libs.feed dead-letters list services.entries": "entries",
    "python -m libs.feed dead-letters retry services.entries": "entries",
    "python -m libs.feed dead-letters drop services.entries approvals 4711": "entries",
    "python -m libs.postgres check services.entries": "entries",
    "python -m libs.postgres migrate portal": "portal",
    "python -m services.approvals verify": "approvals",
    "python -m services.profile verify": "profile",
    "python -m mobile.tools.stage build/app": "",
    "openssl rand -base64 32 | tr +/ -_": "",
}
EXIT_CODES = {"python -m libs.feed dead-letters drop services.entries approvals 4711": 1}
# The beginnings of the others.
NOT_RUN = {
    "kubectl": "needs a cluster; tests/deploy/test_manifests.py runs kubectl kustomize",
    "adb": "needs a phone",
    "buildozer": "needs the Android SDK",
    "cd build/app": "needs the Android SDK",
    "export P4A": "needs the Android SDK",
    "npm ci": "needs a registry of npm; tests/deploy/test_tenant.py checks the tenant's file",
    "npx a0deploy": "needs a tenant of Auth0; tests/deploy/test_tenant.py checks its file",
    "cd deploy/auth0": "prepares npx a0deploy",
    "export AUTH0": "prepares npx a0deploy",
    "export ENTRA": "prepares npx a0deploy",
    "promtool": "tests/deploy/test_prometheus.py runs it where it is installed",
    "python -m tests.portal.pictures": "takes minutes; docs/images/portal is drawn by it",
    "python -m services.approvals notify": "needs a mail server; tests/api/approvals/notices",
    "python -m libs.postgres downgrade": "for development; tests/unit/postgres/test_migrate.py",
    ".venv/bin/python -m pytest": "runs a test",
}
PROGRAM = re.compile(r"(\.venv/bin/python|python|kubectl|openssl|adb|npx|npm|promtool|make) \S")
BLOCK = re.compile(r"^ *```(?P<language>\w*)[^\n]*\n(?P<text>.*?)^ *```$", re.M | re.S)
INDENTED = re.compile(r"(?<=\n\n)(?: {4}\S[^\n]*\n)+")
INLINE = re.compile(r"`([^`]+)`")


def commands_of(page: Path) -> set[str]:
    """The commands in the blocks and lines of a page, without comments and `kubectl exec`."""
    text = page.read_text("utf-8")
    fenced = [match["text"] for match in BLOCK.finditer(text) if match["language"] == "sh"]
    text = BLOCK.sub("", text)
    lines = "".join([*fenced, *INDENTED.findall(text)]).splitlines()
    lines = [line.split("  #")[0].strip() for line in lines]
    inline = [" ".join(code.split()) for code in INLINE.findall(text)]
    commands = [*lines, *(code for code in inline if PROGRAM.match(code))]
    return {re.sub(r"^kubectl exec deploy/\w+ -- ", "", command) for command in commands if command}


COMMANDS = {
    command
    for page in PAGES
    if page.name not in RUN_BY_THEIR_TESTS
    for command in commands_of(page)
}
TARGETS = sorted(command for command in COMMANDS if command.startswith("make "))


def test_every_command_is_run_or_has_a_reason() -> None:
    reasons = (*RUN_HERE, *NOT_RUN, *TARGETS)

    assert {command for command in COMMANDS if not command.startswith(reasons)} == set()
    assert RUN_HERE.keys() <= COMMANDS
    assert all(any(each.startswith(start) for each in COMMANDS) for start in NOT_RUN)
    assert all((ROOT / test).exists() for test in RUN_BY_THEIR_TESTS.values())


@pytest.mark.parametrize("command", TARGETS)
def test_make_knows_the_target_and_all_that_it_needs(command: str) -> None:
    done = subprocess.run(
        [*command.split(), "--dry-run"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", RUN_HERE)
def test_a_command_does_what_the_guide_says(command: str, stack: Running, tmp_path: Path) -> None:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        cwd=tmp_path,
        env=environment(RUN_HERE[command], stack),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == EXIT_CODES.get(command, 0), (done.stdout, done.stderr)


def environment(program: str, stack: Running) -> Mapping[str, str]:
    databases = stack.addresses.databases
    return {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        **({"DATABASE_URL": databases[program]} if program else {}),
    }
