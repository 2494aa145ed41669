"""The three services, for tests that hold for each of them."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from aiohttp import web

from libs.auth import Access, access_of
from libs.service.settings import ServiceSettings
from services.approvals.app import create_app as create_approvals
from services.entries.app import create_app as create_entries
from services.profile.app import create_app as create_profile

SERVICES: dict[str, Callable[[ServiceSettings], web.Application]] = {
    "entries": create_entries,
    "approvals": create_approvals,
    "profile": create_profile,
}

VALUES = {
    "id": str(uuid.UUID(int=7)),
    "week": "2026-W48",
    "code": "APOLLO",
    "sub": "auth0%7Cerin",
    "status": "502",
    "from": "2026-01-01",
    "date": "2026-12-24",
}


@dataclass(frozen=True, slots=True)
class Route:
    """A route of a service, and what it requires."""

    method: str
    template: str
    access: Access

    @property
    def path(self) -> str:
        """An address that the route serves."""
        return re.sub(r"\{(\w+)\}", lambda match: VALUES[match[1]], self.template)

    def __str__(self) -> str:
        return f"{self.method} {self.template}"


def routes_of(app: web.Application) -> Iterator[Route]:
    """Every route, found and not listed; HEAD goes with GET (tests/api/test_head.py)."""
    for route in app.router.routes():
        if route.method == "HEAD":
            continue
        access = access_of(route.handler)
        assert access is not None, f"{route} says nothing"
        assert route.resource is not None
        yield Route(route.method, route.resource.canonical, access)
