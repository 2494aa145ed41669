"""Entries and totals of everybody, for payroll, billing and partners."""

from __future__ import annotations

from functools import partial

import msgspec
from aiohttp import hdrs, web

from libs.auth import PRINCIPAL, Scope, requires
from libs.postgres.pool import DATABASE
from libs.web.contract import Contract, endpoint
from libs.web.paging import decode_cursor, encode_cursor, page_response
from libs.web.problems import FieldError, UnprocessableContent
from libs.web.validation import query_of
from services.entries.api.entries import FIRST_DAY, LAST_DAY
from services.entries.api.streams import Outlet, stream
from services.entries.batches.slots import Slots
from services.entries.schemas.reports import (
    ReportQuery,
    ReportQuerySchema,
    TotalPage,
    TotalsQuery,
    TotalsQuerySchema,
)
from services.entries.spreadsheet import Spreadsheet
from services.entries.store import reports as store
from services.entries.store.reports import Approvals, Filters
from services.entries.store.sessions import Patience, Session, open_session

CURSOR_HEADER = "Report-Cursor"
EACH_CALLER, EVERYBODY = 2, 8
PATIENCE = Patience(statement=None, lock=5.0)
ROWS_OF_A_SHEET_AT_A_TIME = 100

TYPES = {
    "csv": "text/csv; charset=utf-8",
    "ndjson": "application/x-ndjson",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


class ApprovalKey(msgspec.Struct, array_like=True):
    """The newest event of the feed that a report has taken in."""

    sequence: int


class TotalKey(msgspec.Struct, array_like=True):
    """Where a page of totals ends."""

    groups: list[str]


def export_routes() -> list[web.RouteDef]:
    """The routes, which together count how many exports run."""
    slots = Slots(EACH_CALLER, EVERYBODY)

    @requires(Scope.READ_REPORTS)
    @endpoint(
        Contract(
            summary="Export entries of everybody",
            description=(
                "Streamed, in no particular order. `ETag` stays while nothing changed: ask with "
                "`If-None-Match` and an unchanged month is 304. With `approved_since` the entries "
                "of all weeks approved since; a week that comes again replaces what you have of "
                "that person's week. Cells of CSV that a spreadsheet would take for a formula "
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
        if tag := await _unchanged(request, query):
            return web.Response(status=304, headers={hdrs.ETAG: tag})
        response = web.StreamResponse(
            headers={
                hdrs.CONTENT_TYPE: TYPES[query.format],
                hdrs.CONTENT_DISPOSITION: f'attachment; filename="entries.{query.format}"',
            }
        )
        with slots.one(request[PRINCIPAL].subject):
            return await stream(request, response, partial(_export, request, response, query))

    return [
        web.get("/v1/reports/entries", export_entries, allow_head=False),
        web.get("/v1/reports/totals", show_totals, allow_head=False),
    ]


@requires(Scope.READ_REPORTS)
@endpoint(
    Contract(
        summary="Total minutes of everybody, in groups",
        query=TotalsQuerySchema(),
        answers={200: TotalPage()},
    )
)
async def show_totals(request: web.Request) -> web.Response:
    query = query_of(request, TotalsQuery)
    key = decode_cursor(query.cursor, TotalKey)
    if key is not None and len(key.groups) != len(query.group_by):
        raise UnprocessableContent(
            [FieldError("/cursor", "This is not a cursor of this list.", "cursor", "query")]
        )
    after = key.groups if key else None
    wanted = store.totals_query(_filters(query), query.group_by, after, query.limit + 1)
    async with request.app[DATABASE].connection() as connection:
        found = await store.fetch(connection, wanted)
    page = [dict(record) for record in found[: query.limit]]
    following = None
    if len(found) > query.limit:
        following = TotalKey([page[-1][name] for name in query.group_by])
    return page_response(request, page, following)


async def _export(
    request: web.Request, response: web.StreamResponse, query: ReportQuery, outlet: Outlet
) -> None:
    async with (
        open_session(request.app[DATABASE], PATIENCE) as session,
        # What the headers say of the rows holds for the rows: both are of one snapshot.
        session.connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        approvals = await _approvals(session, query)
        if approvals is not None:
            cursor = encode_cursor(ApprovalKey(approvals.through))
            following = request.rel_url.update_query(approved_since=cursor)
            response.headers[CURSOR_HEADER] = cursor
            response.headers[hdrs.LINK] = f'<{following}>; rel="next"'
        else:
            mark = await store.read_mark(session.connection, _filters(query))
            response.headers[hdrs.ETAG] = _tag(mark)
        await _send(session, query, approvals, outlet)


async def _send(
    session: Session, query: ReportQuery, approvals: Approvals | None, outlet: Outlet
) -> None:
    connection, defused = session.connection, query.format == "csv"
    wanted = store.entries_query(_filters(query), approvals, defused=defused)
    if query.format == "csv":
        await store.copy_csv(connection, wanted, outlet.send)
    elif query.format == "ndjson":
        await store.copy_ndjson(connection, wanted, outlet.send)
    else:
        sheet = Spreadsheet("Entries", [column.name for column in store.COLUMNS])
        async for rows in store.read_rows(connection, wanted, ROWS_OF_A_SHEET_AT_A_TIME):
            if ready := sheet.write(rows):
                await outlet.send(ready)
        await outlet.send(sheet.finish())


async def _approvals(session: Session, query: ReportQuery) -> Approvals | None:
    if query.approved_since is None:
        return None
    after = 0
    if query.approved_since != "0":
        try:
            key = decode_cursor(query.approved_since, ApprovalKey)
        except UnprocessableContent as error:
            words = "0 is expected, or what the report before said."
            told = FieldError("/approved_since", words, "cursor", "query")
            raise UnprocessableContent([told]) from error
        after = key.sequence if key else 0
    return Approvals(after, await store.read_head(session.connection))


async def _unchanged(request: web.Request, query: ReportQuery) -> str | None:
    """The tag of this report where the client has it already. Counts weeks, not entries."""
    known = request.headers.get(hdrs.IF_NONE_MATCH)
    if known is None or query.approved_since is not None:
        return None
    async with request.app[DATABASE].connection() as connection:
        tag = _tag(await store.read_mark(connection, _filters(query)))
    return tag if tag in [told.strip().removeprefix("W/") for told in known.split(",")] else None


def _tag(mark: str) -> str:
    return f'"{mark}"'


def _filters(query: ReportQuery | TotalsQuery) -> Filters:
    return Filters(
        since=query.since or FIRST_DAY,
        until=query.until or LAST_DAY,
        state=query.state,
        project=query.project,
        person=query.person,
        customer=query.customer,
    )
