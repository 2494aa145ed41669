"""Print docs/reference/endpoints.md from the routes: `python -m dev.endpoints`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

from aiohttp import web

from libs.auth import scopes_of
from libs.service.settings import ServiceSettings
from libs.web.contract import contract_of
from services.approvals.app import create_app as create_approvals
from services.entries.app import create_app as create_entries
from services.profile.app import create_app as create_profile

SERVICES: tuple[tuple[str, Callable[[ServiceSettings], web.Application]], ...] = (
    ("entries", create_entries),
    ("approvals", create_approvals),
    ("profile", create_profile),
)
SETTINGS = {
    "AUTH_ISSUER": "https://exampleco.eu.auth0.com/",
    "AUTH_AUDIENCE": "https://api.exampleco.com/timesheets",
    "DATABASE_URL": "postgresql://database/timesheets",
}
HEAD = """# Endpoints

Written by `make endpoints` from the code. [API conventions](api.md) apply to all of them; each
service documents parameters, bodies and answers at `/v1/<service>/docs`.
"""


def page() -> str:
    """The whole page as Markdown."""
    return "\n".join([HEAD, *(_table(name, create) for name, create in SERVICES)])


def _table(name: str, create: Callable[[ServiceSettings], web.Application]) -> str:
    rows = sorted(_rows(create(ServiceSettings.read(SETTINGS, name))))
    lines = [f"| {operation} | {scopes} | {summary} |" for _, operation, scopes, summary in rows]
    return "\n".join([f"## {name}\n", "| endpoint | scope | |", "|---|---|---|", *lines, ""])


def _rows(app: web.Application) -> Iterator[tuple[tuple[str, int], str, str, str]]:
    """Path and method to sort by, the operation, its scopes, its summary."""
    methods = ("GET", "POST", "PUT", "PATCH", "DELETE")
    for route in app.router.routes():
        contract = contract_of(route.handler)
        if contract is None or route.resource is None or route.method not in methods:
            continue
        path = route.resource.canonical
        scopes = " or ".join(scopes_of(route.handler) or ()) or "any token"
        key = (path, methods.index(route.method))
        yield key, f"`{route.method} {path}`", scopes, contract.summary


def main() -> None:
    """Print the page."""
    sys.stdout.write(page())


if __name__ == "__main__":
    main()
