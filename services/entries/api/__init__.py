"""Handlers: parse, call one command or query, serialise. The scope stands beside the path."""

from __future__ import annotations

from aiohttp import web

from libs.changes.routes import change_routes
from services.entries.api import absences, calendar, entries, entry, period, projects, timesheets
from services.entries.batches.api import batch_routes
from services.entries.reports.api import report_routes


def all_routes() -> list[web.RouteDef]:
    """Every route of the service, except those of the feed and the API page."""
    # The fixed path /v1/entries/rules comes before /v1/entries/{id}.
    tables = (period, entries, entry, timesheets, absences, calendar, projects)
    routes = [route for table in tables for route in table.ROUTES]
    return [*routes, *change_routes("entries"), *batch_routes(), *report_routes()]
