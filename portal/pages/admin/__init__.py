"""Administration: projects, people, period, holidays, batches, change log."""

from __future__ import annotations

from aiohttp import web

from portal.pages.admin import (
    batches,
    changes,
    holidays,
    people,
    period,
    projects,
    unassigned,
)


def admin_routes() -> list[web.RouteDef]:
    """The routes of the pages for administrators."""
    return [
        *projects.ROUTES,
        *people.ROUTES,
        *unassigned.ROUTES,
        *period.ROUTES,
        *holidays.ROUTES,
        *batches.ROUTES,
        *changes.ROUTES,
    ]
