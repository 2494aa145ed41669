"""GET /v1/reports/missing."""

from __future__ import annotations

import msgspec
from aiohttp import web

from libs.auth import PRINCIPAL, Scope, requires
from libs.postgres.pool import DATABASE
from libs.postgres.shares import Share
from libs.rules.calendar import latest_today
from libs.web.app import CLOCK
from libs.web.contract import Contract, endpoint
from libs.web.paging import decode_cursor, page_response
from libs.web.validation import query_of
from services.entries.reports.schemas import (
    MissingPage,
    MissingWeekQuery,
    MissingWeekQuerySchema,
)
from services.entries.reports.store import missing as store
from services.entries.reports.store.missing import MissingQuery

ROUTES = web.RouteTableDef()


class MissingPersonKey(msgspec.Struct, array_like=True):
    """The last person of a page."""

    name: str
    person: str


@ROUTES.get("/v1/reports/missing", allow_head=False)
@requires(Scope.READ_REPORTS, Scope.APPROVE_TIMESHEETS)
@endpoint(
    Contract(
        summary="List who has not submitted a week, by name",
        description=(
            "Everybody with read:reports; otherwise the people whose weeks the caller decides. "
            "Nobody before they join and after they leave, unless an open week has hours; nobody "
            "whom holidays and absences leave nothing to work, unless the week has hours; nobody "
            "in weeks that have not begun."
        ),
        query=MissingWeekQuerySchema(),
        answers={200: MissingPage()},
    )
)
async def list_missing(request: web.Request) -> web.Response:
    """List the people who have not submitted a week: everybody's, or the caller's team's."""
    query, caller = query_of(request, MissingWeekQuery), request[PRINCIPAL]
    key = decode_cursor(query.cursor, MissingPersonKey) or MissingPersonKey("", "")
    missing = MissingQuery(query.week, key.name, key.person, query.limit + 1)
    now = request.app[CLOCK].now()
    if query.week.monday > latest_today(now):
        return page_response(request, [], None, week=str(query.week))
    async with request.app[DATABASE].connection(Share.REPORTS) as connection:
        if Scope.READ_REPORTS in caller.scopes:
            people = await store.list_missing(connection, missing)
        else:
            people = await store.list_missing_in_teams(connection, missing, caller.subject, now)
    page = people[: query.limit]
    next_key = (
        MissingPersonKey(page[-1].name, page[-1].person) if len(people) > query.limit else None
    )
    return page_response(request, page, next_key, week=str(query.week))
