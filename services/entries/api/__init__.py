"""Thin handlers, each with its scope beside its path."""

from __future__ import annotations

from aiohttp import web

from services.entries.api import entries, period, projects, timesheets
from services.entries.batches.api import batch_routes
from services.entries.reports.api import report_routes


def all_routes() -> list[web.RouteDef]:
    """Every route of the service, but for those of the feed and the API page."""
    tables = (period, entries, timesheets, projects)
    routes = [route for table in tables for route in table.ROUTES]
    return [*routes, *batch_routes(), *report_routes()]
