"""The README tells the truth: its endpoints, its links, its targets."""

from __future__ import annotations

import re
from pathlib import Path

from libs.service.settings import ServiceSettings
from tests.support.services import SERVICES, routes_of

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\| `([A-Z]+ /v1/\S+)` \| ([^|]+) \|", re.MULTILINE)
LINK = re.compile(r"\]\(([^)#]+)\)")
COMMAND = re.compile(r"`make ([a-z-]+)|^make ([a-z-]+)|\(make -s ([a-z-]+)", re.MULTILINE)
SETTINGS = {
    "AUTH_ISSUER": "https://exampleco.auth0.com/",
    "AUTH_AUDIENCE": "https://api.exampleco.com/timesheets",
    "DATABASE_URL": "postgresql://db/x",
}


def readme() -> str:
    return (ROOT / "README.md").read_text()


def test_the_table_of_endpoints_is_that_of_the_code() -> None:
    served = {}
    for name, create in SERVICES.items():
        for route in routes_of(create(ServiceSettings.read(SETTINGS, name))):
            if not route.access.public:
                served[str(route)] = " or ".join(route.access.scopes) or "any token"
    assert dict(ROW.findall(readme())) == served


def test_every_link_leads_to_a_file() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    missing = [
        f"{page.name}: {link}"
        for page in pages
        for link in LINK.findall(page.read_text())
        if not link.startswith("http") and not (page.parent / link).exists()
    ]
    assert missing == []


def test_every_make_target_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {name for match in COMMAND.findall(readme()) for name in match if name}
    assert {"run", "test", "token"} <= named <= targets
