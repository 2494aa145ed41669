"""Approvals: what the caller may decide, or decided."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import msgspec
from aiohttp import web

from libs.auth import Scope, requires
from libs.postgres.pool import DATABASE
from libs.web.app import CLOCK
from libs.web.contract import Contract, endpoint
from libs.web.etags import resource_response
from libs.web.paging import decode_cursor, page_response
from libs.web.responses import json_response
from libs.web.validation import query_of
from services.approvals.api.access import (
    APPROVAL,
    approval_id_of,
    caller_of,
    found,
    serialize_details,
    standing_in,
    tag_of,
)
from services.approvals.api.serializers import serialize_step, serialize_summary
from services.approvals.model import Today, check_visible
from services.approvals.schemas.approvals import (
    ApprovalAnswer,
    ApprovalPage,
    ApprovalQuery,
    ApprovalQuerySchema,
    HistoryAnswer,
)
from services.approvals.store import approvals as store
from services.approvals.store.approvals import ApprovalFilter
from services.approvals.store.history import read_history
from services.approvals.store.overdue import count_missing

ROUTES = web.RouteTableDef()


class ApprovalKey(msgspec.Struct, array_like=True):
    """Where a page of approvals ends."""

    submitted_at: datetime
    id: UUID


FIRST_KEY = ApprovalKey(datetime(1970, 1, 1, tzinfo=UTC), UUID(int=0))


@ROUTES.get("/v1/approvals", allow_head=False)
@requires(Scope.APPROVE_TIMESHEETS)
@endpoint(
    Contract(
        summary="List what the caller may decide or decided, oldest submission first",
        description=(
            "The weeks of those whom the caller manages or stands in for today, with "
            "manage:timesheets everybody's, and what the caller decided; never the caller's own. "
            "`why` says why a week lies with the caller, or why it lay with whoever decided it."
        ),
        query=ApprovalQuerySchema(),
        answers={200: ApprovalPage()},
    )
)
async def list_approvals(request: web.Request) -> web.Response:
    query, caller = query_of(request, ApprovalQuery), caller_of(request)
    today = Today.at(request.app[CLOCK].now())
    key = decode_cursor(query.cursor, ApprovalKey) or FIRST_KEY
    wanted = ApprovalFilter(
        caller=caller,
        today=today,
        submitted_at=key.submitted_at,
        id=key.id,
        limit=query.limit + 1,
        state=query.state,
        person=query.person,
        week=query.week,
        flags=query.flags,
    )
    async with request.app[DATABASE].connection() as connection:
        cases = await store.list_cases(connection, wanted)
        overdue = None if query.cursor else await count_missing(connection, caller, today)
    page = cases[: query.limit]
    items = [serialize_summary(case, standing_in(case, caller, today)) for case in page]
    last = page[-1].approval if len(cases) > len(page) else None
    following = ApprovalKey(last.submitted_at, last.id) if last else None
    return page_response(request, items, following, overdue=overdue)


@ROUTES.get(APPROVAL, allow_head=False)
@requires(Scope.APPROVE_TIMESHEETS)
@endpoint(
    Contract(
        summary="Read an approval with its entries and its history",
        answers={200: ApprovalAnswer(), 304: None},
        problems=(404,),
    )
)
async def show_approval(request: web.Request) -> web.Response:
    caller, today = caller_of(request), Today.at(request.app[CLOCK].now())
    async with request.app[DATABASE].connection() as connection:
        case = found(await store.read_case(connection, approval_id_of(request)))
        standing = standing_in(case, caller, today)
        check_visible(case.approval, standing, caller.person)
        shape = await serialize_details(connection, case, standing)
    return resource_response(request, shape, tag_of(shape))


@ROUTES.get(f"{APPROVAL}/history", allow_head=False)
@requires(Scope.APPROVE_TIMESHEETS)
@endpoint(
    Contract(
        summary="Read who did what when, in whose place, on what totals",
        description="Each row holds the SHA-256 of the row before, so that a changed past shows.",
        answers={200: HistoryAnswer()},
        problems=(404,),
    )
)
async def show_history(request: web.Request) -> web.Response:
    caller, today = caller_of(request), Today.at(request.app[CLOCK].now())
    async with request.app[DATABASE].connection() as connection:
        case = found(await store.read_case(connection, approval_id_of(request)))
        check_visible(case.approval, standing_in(case, caller, today), caller.person)
        steps = await read_history(connection, case.approval.id)
    return json_response({"items": [serialize_step(step) for step in steps], "next": None})
