"""Thin handlers, each with its scope beside its path."""

from __future__ import annotations

from aiohttp import web

from libs.changes.routes import change_routes
from services.profile.api import contracts, delegate, people, profile


def all_routes() -> list[web.RouteDef]:
    """Every route of the service, but for those of the feed and the API page."""
    return [
        *profile.ROUTES,
        *delegate.ROUTES,
        *people.ROUTES,
        *contracts.ROUTES,
        *change_routes("profile"),
    ]
