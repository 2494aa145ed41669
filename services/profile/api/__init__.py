"""Thin handlers, each with its scope beside its path."""

from __future__ import annotations

from aiohttp import web

from services.profile.api import delegate, people, profile


def all_routes() -> list[web.RouteDef]:
    """Every route of the service, but for those of the feed and the API page."""
    return [*profile.ROUTES, *delegate.ROUTES, *people.ROUTES]
