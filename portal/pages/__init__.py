"""One module per page: parse the request, call the API, render."""

from __future__ import annotations

from aiohttp import web

from portal.pages import entries, profile, submissions, weeks


def all_routes() -> list[web.RouteDef]:
    return [*weeks.ROUTES, *submissions.ROUTES, *entries.ROUTES, *profile.ROUTES]
