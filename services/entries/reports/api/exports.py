"""GET /v1/reports/entries: a streamed export."""

from __future__ import annotations

from functools import partial

from aiohttp import hdrs, web

from libs.auth import PRINCIPAL, Scope, requires
from libs.postgres.pool import DATABASE
from libs.postgres.shares import Share
from libs.service.access import audit_access
from libs.web.concurrency import ConcurrencyLimit
from libs.web.contract import Contract, endpoint
from libs.web.validation import query_of
from services.entries.reports.api.exporting import (
    TIMEOUTS,
    TYPES,
    Export,
    announce_next,
    approvals_after,
)
from services.entries.reports.api.response_stream import ResponseStream, stream
from services.entries.reports.model import FIRST_DAY, LAST_DAY, Approvals, Filters
from services.entries.reports.schemas import ReportQuery, ReportQuerySchema
from services.entries.reports.store import entries as store
from services.entries.reports.store.queries import read_head


def export_routes(limit: ConcurrencyLimit) -> list[web.RouteDef]:
    """The route; `limit` bounds how many exports run."""

    @requires(Scope.READ_REPORTS)
    @endpoint(
        Contract(
            summary="Export entries of everybody",
            description=(
                "Streamed, in no particular order. `ETag` stays the same while nothing changes: "
                "send it as `If-None-Match` and an unchanged month is 304. With `approved_since` "
                "the entries of all weeks approved since; a week that comes again replaces what "
                "you have of it, and `/v1/reports/weeks` also names those that were reopened or "
                "are empty. Projects have the name and customer of the day. In CSV, cells that a "
                "spreadsheet would evaluate as a formula begin with an apostrophe."
            ),
            query=ReportQuerySchema(),
            answers={200: None, 304: None},
            problems=(422, 429),
            headers=("If-None-Match",),
            produces=tuple(TYPES.values()),
        )
    )
    async def export_entries(request: web.Request) -> web.StreamResponse:
        query = query_of(request, ReportQuery)
        audit_access(request, person=query.person, since=query.since, until=query.until)
        if etag := await _unchanged_etag(request, query):
            return web.Response(status=304, headers={hdrs.ETAG: etag})
        response = _export(query, None).response(query.since, query.until)
        with limit.slot(request[PRINCIPAL].subject):
            return await stream(request, response, partial(_send, request, response, query))

    return [web.get("/v1/reports/entries", export_entries, allow_head=False)]


async def _send(
    request: web.Request, response: web.StreamResponse, query: ReportQuery, body: ResponseStream
) -> None:
    async with (
        request.app[DATABASE].dedicated(TIMEOUTS) as dedicated,
        # One snapshot, so that the headers agree with the rows.
        dedicated.connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        approvals = None
        if query.approved_since is not None:
            head = await read_head(dedicated.connection)
            approvals = Approvals(approvals_after(query.approved_since), head)
            announce_next(request, response, approvals)
        else:
            tag = await store.read_tag(dedicated.connection, _filters(query))
            response.headers[hdrs.ETAG] = f'"{tag}"'
        await _export(query, approvals).send(dedicated, body)


def _export(query: ReportQuery, approvals: Approvals | None) -> Export:
    return Export(
        "Entries",
        store.COLUMNS,
        lambda as_csv: store.entries_query(_filters(query), approvals, as_csv=as_csv),
        query.format,
        query.bom,
    )


async def _unchanged_etag(request: web.Request, query: ReportQuery) -> str | None:
    """The ETag of this report if the client has it. Counts weeks, not entries."""
    known = request.headers.get(hdrs.IF_NONE_MATCH)
    if known is None or query.approved_since is not None:
        return None
    async with request.app[DATABASE].connection(Share.REPORTS) as connection:
        etag = f'"{await store.read_tag(connection, _filters(query))}"'
    return etag if etag in [tag.strip().removeprefix("W/") for tag in known.split(",")] else None


def _filters(query: ReportQuery) -> Filters:
    return Filters(
        since=query.since or FIRST_DAY,
        until=query.until or LAST_DAY,
        state=query.state,
        project=query.project,
        person=query.person,
        customer=query.customer,
    )
