"""The documentation is true: its endpoints, its links, its make targets."""

from __future__ import annotations

import re
from pathlib import Path

from dev.endpoints import page

ROOT = Path(__file__).parents[2]
LINK = re.compile(r"\]\(([^)#]+)\)")
FILE = re.compile(r"`((?:batch|deploy|dev|docs|libs|mobile|portal|services|tests)/[\w./-]+\.\w+)`")
COMMAND = re.compile(r"`make ([a-z-]+)|^make ([a-z-]+)|\(make -s ([a-z-]+)", re.MULTILINE)


def readme() -> str:
    return (ROOT / "README.md").read_text()


def test_the_list_of_endpoints_is_that_of_the_code() -> None:
    written = (ROOT / "docs/reference/endpoints.md").read_text()
    assert written == page(), "run `make endpoints`"


def test_every_link_leads_to_a_file() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    missing = [
        f"{page.name}: {link}"
        for page in pages
        for link in LINK.findall(page.read_text())
        if not link.startswith("http") and not (page.parent / link).exists()
    ]
    assert missing == []


def test_every_file_that_is_named_exists() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    missing = [
        f"{page.name}: {name}"
        for page in pages
        for name in FILE.findall(page.read_text())
        if not (ROOT / name).exists()
    ]
    assert missing == []


def test_every_make_target_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {name for match in COMMAND.findall(readme()) for name in match if name}
    assert {"run", "test", "app"} <= named <= targets


def test_no_page_sends_a_secret_to_another_tenant() -> None:
    settings = (ROOT / "deploy/k8s/base/settings.env").read_text()
    [issuer] = re.findall(r"^AUTH_ISSUER=(.+)$", settings, re.MULTILINE)
    tenant = re.compile(r"https://[\w.-]*exampleco[\w.-]*auth0\.com/")
    named = {
        host for page in (ROOT / "docs").rglob("*.md") for host in tenant.findall(page.read_text())
    }
    assert named <= {issuer}
