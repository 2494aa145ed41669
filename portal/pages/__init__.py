"""One module per page: parse the request, call the API, render."""

from __future__ import annotations

from aiohttp import web

from portal.pages import (
    absences,
    approvals,
    entries,
    keyboard,
    months,
    people,
    profile,
    reports,
    submissions,
    team,
    timer,
    weeks,
)
from portal.pages.admin import admin_routes


def all_routes() -> list[web.RouteDef]:
    """The routes of every page."""
    modules = (
        *(weeks, submissions, entries, timer, months, absences, profile),
        *(approvals, team, reports, people, keyboard),
    )
    return [*(route for module in modules for route in module.ROUTES), *admin_routes()]
