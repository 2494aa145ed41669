"""The HTTP API of reports."""

from __future__ import annotations

from aiohttp import web

from services.entries.reports.api import exports, missing, totals


def report_routes() -> list[web.RouteDef]:
    return [*exports.export_routes(), *totals.totals_routes(), *missing.ROUTES]
