"""GET /v1/reports/totals."""

from __future__ import annotations

from typing import Any

import asyncpg
import msgspec
from aiohttp import web

from libs.auth import PRINCIPAL, Scope, requires
from libs.postgres.pool import DATABASE
from libs.postgres.shares import Share
from libs.service.access import audit_access
from libs.web.concurrency import ConcurrencyLimit
from libs.web.contract import Contract, endpoint
from libs.web.paging import decode_cursor, page_response
from libs.web.problems import FieldError, UnprocessableContent
from libs.web.validation import query_of
from services.entries.reports.model import Filters
from services.entries.reports.schemas import TotalPage, TotalsQuery, TotalsQuerySchema
from services.entries.reports.store.totals import GROUPS, TotalsFilter, list_totals

TOTALS_PER_CALLER, TOTALS = 2, 8


class TotalKey(msgspec.Struct, array_like=True):
    """The last groups of a page."""

    groups: list[str]


def totals_routes() -> list[web.RouteDef]:
    """The route of totals, which counts how many of them are computed."""
    limit = ConcurrencyLimit(TOTALS_PER_CALLER, TOTALS)

    @requires(Scope.READ_REPORTS)
    @endpoint(
        Contract(
            summary="Total minutes of everybody, in groups",
            query=TotalsQuerySchema(),
            answers={200: TotalPage()},
            problems=(429,),
        )
    )
    async def show_totals(request: web.Request) -> web.Response:
        with limit.slot(request[PRINCIPAL].subject):
            return await _respond_with_totals(request)

    return [web.get("/v1/reports/totals", show_totals, allow_head=False)]


async def _respond_with_totals(request: web.Request) -> web.Response:
    query = query_of(request, TotalsQuery)
    audit_access(request, person=query.person, since=query.since, until=query.until)
    key = decode_cursor(query.cursor, TotalKey)
    if key is not None and len(key.groups) != len(query.group_by):
        raise UnprocessableContent(
            [FieldError("/cursor", "This is not a cursor of this list.", "cursor", "query")]
        )
    after = key.groups if key else None
    totals = TotalsFilter(_filters(query), query.group_by, after, query.limit + 1)
    async with request.app[DATABASE].connection(Share.REPORTS) as connection:
        records = await list_totals(connection, totals)
    page = records[: query.limit]
    next_key = None
    if len(records) > query.limit:
        next_key = TotalKey([page[-1][name] for name in query.group_by])
    return page_response(request, [_item(record) for record in page], next_key)


def _item(record: asyncpg.Record) -> dict[str, Any]:
    return {
        name: GROUPS[name].value(value) if name in GROUPS else value
        for name, value in record.items()
    }


def _filters(query: TotalsQuery) -> Filters:
    return Filters(
        since=query.since,
        until=query.until,
        state=query.state,
        project=query.project,
        person=query.person,
        customer=query.customer,
    )
