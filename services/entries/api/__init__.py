"""Thin handlers, each with its scope beside its path."""

from __future__ import annotations

from aiohttp import web

from services.entries.api import batches, entries, exports, period, projects, reports, timesheets


def all_routes() -> list[web.RouteDef]:
    """Every route of the service, but for those of the feed and the API page."""
    tables = (period, entries, timesheets, projects, reports)
    routes = [route for table in tables for route in table.ROUTES]
    return [*routes, *batches.batch_routes(), *exports.export_routes()]
