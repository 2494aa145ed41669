"""GET /v1/reports/weeks: a row for each week."""

from __future__ import annotations

from datetime import date
from functools import partial

import asyncpg
import msgspec
from aiohttp import web

from libs.auth import PRINCIPAL, Scope, requires
from libs.postgres.pool import DATABASE
from libs.postgres.shares import Share
from libs.service.access import audit_access
from libs.web.concurrency import ConcurrencyLimit
from libs.web.contract import Contract, endpoint
from libs.web.paging import decode_cursor, encode_cursor, page_response
from libs.web.resources import page_schema
from libs.web.validation import query_of
from services.entries.reports.api.exporting import (
    CURSOR_HEADER,
    TIMEOUTS,
    TYPES,
    ApprovalKey,
    Export,
    announce_next,
    approvals_after,
)
from services.entries.reports.api.response_stream import ResponseStream, stream
from services.entries.reports.api.serializers import WeekRow, serialize_week
from services.entries.reports.model import FIRST_DAY, LAST_DAY, Approvals, Filters
from services.entries.reports.schemas import WeeksQuery, WeeksQuerySchema
from services.entries.reports.store import weeks as store
from services.entries.reports.store.queries import fetch, read_head

WeekRowPage = page_schema(WeekRow)


class WeekKey(msgspec.Struct, array_like=True):
    """The last week of a page, and the newest event that the report includes."""

    person: str
    monday: date
    through: int


def week_routes(limit: ConcurrencyLimit) -> list[web.RouteDef]:
    """The route; `limit` bounds how many exports run."""

    @requires(Scope.READ_REPORTS)
    @endpoint(
        Contract(
            summary="List the weeks of everybody",
            description=(
                "One row per week that has entries or a history: person, state, totals. With "
                "`approved_since` the weeks that were approved or reopened since, with their "
                "state now, also if they are empty; `Report-Cursor` is for the next report. "
                "A list by person and week, or streamed with `format`."
            ),
            query=WeeksQuerySchema(),
            answers={200: WeekRowPage()},
            problems=(422, 429),
            produces=("application/json", *TYPES.values()),
        )
    )
    async def list_weeks(request: web.Request) -> web.StreamResponse:
        query = query_of(request, WeeksQuery)
        audit_access(request, person=query.person, since=query.since, until=query.until)
        if query.format == "json":
            return await _page(request, query)
        response = _export(query, None).response(query.since, query.until)
        with limit.slot(request[PRINCIPAL].subject):
            return await stream(request, response, partial(_send, request, response, query))

    return [web.get("/v1/reports/weeks", list_weeks, allow_head=False)]


async def _page(request: web.Request, query: WeeksQuery) -> web.Response:
    key = decode_cursor(query.cursor, WeekKey)
    async with request.app[DATABASE].connection(Share.REPORTS) as connection:
        approvals = await _approvals(connection, query, key.through if key else None)
        after = (key.person, key.monday) if key else ("", date.min)
        page = store.weeks_page(_filters(query), approvals, after, query.limit + 1)
        records = await fetch(connection, page)
    rows = [serialize_week(record) for record in records[: query.limit]]
    next_key = None
    if len(records) > query.limit:
        last, through = rows[-1], approvals.through if approvals else 0
        next_key = WeekKey(last.person, last.monday, through)
    response = page_response(request, rows, next_key)
    if approvals is not None:
        response.headers[CURSOR_HEADER] = encode_cursor(ApprovalKey(approvals.through))
    return response


async def _send(
    request: web.Request, response: web.StreamResponse, query: WeeksQuery, body: ResponseStream
) -> None:
    async with (
        request.app[DATABASE].dedicated(TIMEOUTS) as dedicated,
        # One snapshot, so that the headers agree with the rows.
        dedicated.connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        approvals = await _approvals(dedicated.connection, query, None)
        if approvals is not None:
            announce_next(request, response, approvals)
        await _export(query, approvals).send(dedicated, body)


async def _approvals(
    connection: asyncpg.Connection, query: WeeksQuery, through: int | None
) -> Approvals | None:
    """All pages of a report end with the event that was the newest for the first page."""
    if query.approved_since is None:
        return None
    if through is None:
        through = await read_head(connection)
    return Approvals(approvals_after(query.approved_since), through)


def _export(query: WeeksQuery, approvals: Approvals | None) -> Export:
    return Export(
        "Weeks",
        store.COLUMNS,
        lambda as_csv: store.weeks_query(_filters(query), approvals, as_csv=as_csv),
        query.format,
        query.bom,
    )


def _filters(query: WeeksQuery) -> Filters:
    return Filters(
        since=query.since or FIRST_DAY,
        until=query.until or LAST_DAY,
        state=query.state,
        person=query.person,
    )
