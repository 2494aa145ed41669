"""Thin handlers, each with its scope beside its path."""

from __future__ import annotations

from aiohttp import web

from libs.changes.routes import change_routes
from services.approvals.api import approvals, decisions, overdue


def all_routes() -> list[web.RouteDef]:
    """Every route of the service, but for those of the feed and the API page."""
    return [
        *approvals.ROUTES,
        *overdue.ROUTES,
        *decisions.ROUTES,
        *change_routes("approvals"),
    ]
