"""Thin handlers, each with its scope beside its path."""

from __future__ import annotations

from aiohttp import web

from services.entries.api import entries, period, projects, timesheets


def all_routes() -> list[web.RouteDef]:
    """Every route of the service, but for those of the feed and the API page."""
    return [*period.ROUTES, *entries.ROUTES, *timesheets.ROUTES, *projects.ROUTES]
