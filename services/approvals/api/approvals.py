"""Approvals: what the caller may decide, or decided."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec
from aiohttp import web

from libs.auth import Scope, requires
from libs.postgres.pool import DATABASE
from libs.web.contract import Contract, endpoint
from libs.web.etags import etag_of_representation, resource_response
from libs.web.paging import decode_cursor, page_response
from libs.web.responses import json_response
from libs.web.validation import query_of
from services.approvals.api.access import (
    APPROVAL,
    approval_id_of,
    audit_administrator,
    current_caller,
    today_of,
)
from services.approvals.api.serializers import (
    serialize_approval,
    serialize_details,
    serialize_step,
)
from services.approvals.commands import approvals as commands
from services.approvals.model import Caller, Today
from services.approvals.schemas.approvals import (
    ApprovalAnswer,
    ApprovalPageAnswer,
    ApprovalQuery,
    ApprovalQuerySchema,
    History,
    HistoryAnswer,
)
from services.approvals.store.lists import ApprovalFilter, list_approvals
from services.approvals.store.overdue import count_overdue

ROUTES = web.RouteTableDef()


class ApprovalKey(msgspec.Struct, array_like=True):
    """The last approval of a page."""

    submitted_at: datetime
    id: UUID


@ROUTES.get("/v1/approvals", allow_head=False)
@requires(Scope.APPROVE_TIMESHEETS)
@endpoint(
    Contract(
        summary="List what you may decide or decided, oldest submission first",
        description=(
            "With manage:timesheets everybody's weeks; otherwise those of direct reports, of "
            "managers whose delegate you are, and all that you decided; never your own. `why` is "
            "the role in which you decide a week, or in which it was decided: `unassigned` weeks "
            "have no manager, and wait for an administrator."
        ),
        query=ApprovalQuerySchema(),
        answers={200: ApprovalPageAnswer()},
    )
)
async def show_approvals(request: web.Request) -> web.Response:
    """List the approvals that the caller may see, with the number of overdue weeks."""
    query, caller, today = (
        query_of(request, ApprovalQuery),
        current_caller(request),
        today_of(request),
    )
    async with request.app[DATABASE].connection() as connection:
        found = await list_approvals(connection, _filter(query, caller, today))
        overdue = None if query.cursor else await count_overdue(connection, caller, today)
    audit_administrator(request, caller, filter=request.query_string or "everybody")
    page = found[: query.limit]
    items = [serialize_approval(row, commands.authority_over(row, caller, today)) for row in page]
    last = page[-1].approval if len(found) > len(page) else None
    next_key = ApprovalKey(last.submitted_at, last.id) if last else None
    return page_response(request, items, next_key, overdue=overdue)


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
    """Show one approval with its entries, absences and holidays."""
    caller, approval_id = current_caller(request), approval_id_of(request)
    details = await commands.show_details(
        request.app[DATABASE], approval_id, caller, today_of(request)
    )
    audit_administrator(request, caller, person=details.found.approval.person)
    answer = serialize_details(details)
    return resource_response(request, answer, etag_of_representation(answer))


@ROUTES.get(f"{APPROVAL}/history", allow_head=False)
@requires(Scope.APPROVE_TIMESHEETS)
@endpoint(
    Contract(
        summary="Read who did what when, for whom, on what totals",
        description="Each row holds the SHA-256 of the row before, so that a changed past shows.",
        answers={200: HistoryAnswer()},
        problems=(404,),
    )
)
async def show_history(request: web.Request) -> web.Response:
    """Show what happened to one approval, oldest first."""
    caller, approval_id = current_caller(request), approval_id_of(request)
    steps = await commands.show_history(
        request.app[DATABASE], approval_id, caller, today_of(request)
    )
    audit_administrator(request, caller, approval=str(approval_id))
    return json_response(History([serialize_step(step) for step in steps]))


def _filter(query: ApprovalQuery, caller: Caller, today: Today) -> ApprovalFilter:
    key = decode_cursor(query.cursor, ApprovalKey)
    return ApprovalFilter(
        caller=caller,
        today=today,
        after=(key.submitted_at, key.id) if key else None,
        limit=query.limit + 1,
        state=query.state,
        person=query.person,
        week=query.week,
        flags=query.flags,
        why=query.why,
    )
