"""The HTTP API of reports."""

from __future__ import annotations

from aiohttp import web

from libs.web.concurrency import ConcurrencyLimit
from services.entries.reports.api import exports, missing, totals, weeks
from services.entries.reports.api.exporting import (
    EXPORTS,
    EXPORTS_PER_CALLER,
    RESERVED_EXPORTS,
)


def report_routes() -> list[web.RouteDef]:
    """The routes. All exports together are limited."""
    limit = ConcurrencyLimit(EXPORTS_PER_CALLER, EXPORTS, RESERVED_EXPORTS)
    return [
        *exports.export_routes(limit),
        *weeks.week_routes(limit),
        *totals.totals_routes(),
        *missing.ROUTES,
    ]
