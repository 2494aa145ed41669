"""Weeks that are over and not submitted, of those whose weeks the caller decides."""

from __future__ import annotations

from datetime import date

import msgspec
from aiohttp import web

from libs.auth import Scope, requires
from libs.postgres.pool import DATABASE
from libs.rules.calendar import Week
from libs.web.app import CLOCK
from libs.web.contract import Contract, endpoint
from libs.web.paging import decode_cursor, page_response
from libs.web.validation import query_of
from services.approvals.api.access import caller_of
from services.approvals.api.serializers import serialize_missing
from services.approvals.model import (
    OVERDUE_WEEKS,
    Today,
    standing_of,
)
from services.approvals.schemas.overdue import OverduePage, OverdueQuery, OverdueQuerySchema
from services.approvals.store import overdue as store
from services.approvals.store.overdue import MissingFilter

ROUTES = web.RouteTableDef()


class MissingKey(msgspec.Struct, array_like=True):
    """Where a page of missing weeks ends."""

    monday: date
    person: str


@ROUTES.get("/v1/approvals/overdue", allow_head=False)
@requires(Scope.APPROVE_TIMESHEETS)
@endpoint(
    Contract(
        summary="List weeks that are over and not submitted, oldest first",
        description=(
            f"Of active people whose weeks the caller may decide, in the last {OVERDUE_WEEKS} "
            "weeks or in the one named. What was withdrawn, rejected or reopened counts as not "
            "submitted; weeks before the first that is known of a person do not count."
        ),
        query=OverdueQuerySchema(),
        answers={200: OverduePage()},
    )
)
async def list_overdue(request: web.Request) -> web.Response:
    query, caller = query_of(request, OverdueQuery), caller_of(request)
    today = Today.at(request.app[CLOCK].now())
    key = decode_cursor(query.cursor, MissingKey) or MissingKey(date.min, "")
    wanted = MissingFilter(
        caller=caller,
        today=today,
        weeks=_weeks(query.week, today),
        monday=key.monday,
        person=key.person,
        limit=query.limit + 1,
    )
    async with request.app[DATABASE].connection() as connection:
        found = await store.list_missing(connection, wanted)
    page = found[: query.limit]
    items = [
        serialize_missing(row, standing_of(row.person, row.manager, caller, today), today)
        for row in page
    ]
    following = (
        MissingKey(page[-1].week.monday, page[-1].person) if len(found) > len(page) else None
    )
    return page_response(request, items, following)


def _weeks(week: Week | None, today: Today) -> tuple[Week, ...]:
    if week is None:
        return today.overdue_weeks
    return (week,) if week.sunday < today.first else ()
