"""GET /v1/reports/entries: a streamed export."""

from __future__ import annotations

from functools import partial

import msgspec
from aiohttp import hdrs, web

from libs.auth import PRINCIPAL, Scope, requires
from libs.postgres.dedicated import DedicatedConnection, Timeouts
from libs.postgres.pool import DATABASE
from libs.postgres.shares import Share
from libs.web.concurrency import ConcurrencyLimit
from libs.web.contract import Contract, endpoint
from libs.web.paging import decode_cursor, encode_cursor
from libs.web.problems import FieldError, UnprocessableContent
from libs.web.validation import query_of
from services.entries.reports.api.response_stream import MAX_SECONDS, ResponseStream, stream
from services.entries.reports.model import FIRST_DAY, LAST_DAY, Approvals, Filters
from services.entries.reports.schemas import ReportQuery, ReportQuerySchema
from services.entries.reports.spreadsheet import Spreadsheet
from services.entries.reports.store import entries as store

CURSOR_HEADER = "Report-Cursor"
EXPORTS_PER_CALLER, EXPORTS = 2, 8
TIMEOUTS = Timeouts(statement=MAX_SECONDS, lock=5.0)
ROWS_PER_FETCH = 100

TYPES = {
    "csv": "text/csv; charset=utf-8",
    "ndjson": "application/x-ndjson",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


class ApprovalKey(msgspec.Struct, array_like=True):
    """The newest event of the feed that a report includes."""

    sequence: int


def export_routes() -> list[web.RouteDef]:
    """The route of exports, which counts how many of them run."""
    limit = ConcurrencyLimit(EXPORTS_PER_CALLER, EXPORTS)

    @requires(Scope.READ_REPORTS)
    @endpoint(
        Contract(
            summary="Export entries of everybody",
            description=(
                "Streamed, in no particular order. `ETag` stays the same while nothing changes: "
                "send it as `If-None-Match` and an unchanged month is 304. With `approved_since` "
                "the entries of all weeks approved since; a week that comes again replaces what "
                "you have of it. In CSV, cells that a spreadsheet would evaluate as a formula "
                "begin with an apostrophe."
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
        if etag := await _unchanged_etag(request, query):
            return web.Response(status=304, headers={hdrs.ETAG: etag})
        response = web.StreamResponse(
            headers={
                hdrs.CONTENT_TYPE: TYPES[query.format],
                hdrs.CONTENT_DISPOSITION: f'attachment; filename="entries.{query.format}"',
            }
        )
        with limit.slot(request[PRINCIPAL].subject):
            return await stream(request, response, partial(_export, request, response, query))

    return [web.get("/v1/reports/entries", export_entries, allow_head=False)]


async def _export(
    request: web.Request, response: web.StreamResponse, query: ReportQuery, body: ResponseStream
) -> None:
    async with (
        request.app[DATABASE].dedicated(TIMEOUTS) as session,
        # One snapshot, so that the headers agree with the rows.
        session.connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        approvals = await _approvals(session, query)
        if approvals is not None:
            cursor = encode_cursor(ApprovalKey(approvals.through))
            following = request.rel_url.update_query(approved_since=cursor)
            response.headers[CURSOR_HEADER] = cursor
            response.headers[hdrs.LINK] = f'<{following}>; rel="next"'
        else:
            tag = await store.read_tag(session.connection, _filters(query))
            response.headers[hdrs.ETAG] = f'"{tag}"'
        await _send(session, query, approvals, body)


async def _send(
    session: DedicatedConnection,
    query: ReportQuery,
    approvals: Approvals | None,
    body: ResponseStream,
) -> None:
    connection, guarded = session.connection, query.format == "csv"
    rows = store.entries_query(_filters(query), approvals, guarded=guarded)
    if query.format == "csv":
        await store.copy_csv(connection, rows, body.send)
    elif query.format == "ndjson":
        await store.copy_ndjson(connection, rows, body.send)
    else:
        sheet = Spreadsheet("Entries", [column.name for column in store.COLUMNS])
        async for records in store.read_rows(connection, rows, ROWS_PER_FETCH):
            if data := sheet.write(records):
                await body.send(data)
        await body.send(sheet.finish())


async def _approvals(session: DedicatedConnection, query: ReportQuery) -> Approvals | None:
    if query.approved_since is None:
        return None
    after = 0
    if query.approved_since != "0":
        try:
            key = decode_cursor(query.approved_since, ApprovalKey)
        except UnprocessableContent as error:
            message = "Use 0 or the Report-Cursor of a previous report."
            wrong = FieldError("/approved_since", message, "cursor", "query")
            raise UnprocessableContent([wrong]) from error
        after = key.sequence if key else 0
    return Approvals(after, await store.read_head(session.connection))


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
