"""Weeks that are over and not submitted, of the people whose weeks the caller decides."""

from __future__ import annotations

from datetime import date

import msgspec
from aiohttp import web

from libs.auth import Scope, requires
from libs.postgres.pool import DATABASE
from libs.web.contract import Contract, endpoint
from libs.web.paging import decode_cursor, page_response
from libs.web.validation import query_of
from services.approvals.api.access import audit_administrator, current_caller, today_of
from services.approvals.api.serializers import serialize_overdue
from services.approvals.model import Caller, Today
from services.approvals.schemas.overdue import OverduePage, OverdueQuery, OverdueQuerySchema
from services.approvals.store.overdue import FIRST_WEEK, OverdueFilter, list_overdue

ROUTES = web.RouteTableDef()


class OverdueKey(msgspec.Struct, array_like=True):
    """The last week of a page."""

    monday: date
    person: str


@ROUTES.get("/v1/approvals/overdue", allow_head=False)
@requires(Scope.APPROVE_TIMESHEETS)
@endpoint(
    Contract(
        summary="List weeks that are over and not submitted, oldest first",
        description=(
            "All of them, however old, of the people whose weeks you may decide. Withdrawn, "
            "rejected and reopened weeks are not submitted. Weeks before the first that is known "
            "of a person, before they joined or after they left do not count, nor do weeks without "
            "hours in which they were off. Of an inactive "
            "person only the weeks that contain hours are listed."
        ),
        query=OverdueQuerySchema(),
        answers={200: OverduePage()},
    )
)
async def show_overdue(request: web.Request) -> web.Response:
    """List the weeks that ended and were not submitted, of those the caller approves for."""
    query, caller, today = (
        query_of(request, OverdueQuery),
        current_caller(request),
        today_of(request),
    )
    async with request.app[DATABASE].connection() as connection:
        found = await list_overdue(connection, _filter(query, caller, today))
    audit_administrator(request, caller, filter=request.query_string or "everybody")
    page = found[: query.limit]
    items = [serialize_overdue(row, caller, today) for row in page]
    last = page[-1] if len(found) > len(page) else None
    return page_response(
        request, items, OverdueKey(last.week.monday, last.person) if last else None
    )


def _filter(query: OverdueQuery, caller: Caller, today: Today) -> OverdueFilter:
    key = decode_cursor(query.cursor, OverdueKey) or OverdueKey(date.min, "")
    last = today.last_week
    return OverdueFilter(
        caller=caller,
        today=today,
        first=query.week or FIRST_WEEK,
        last=min(query.week, last) if query.week else last,
        monday=key.monday,
        person=key.person,
        limit=query.limit + 1,
    )
