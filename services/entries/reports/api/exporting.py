"""Sending the rows of a report as CSV, NDJSON or XLSX while they are read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

import msgspec
from aiohttp import hdrs, web

from libs.postgres.dedicated import DedicatedConnection, Timeouts
from libs.web.paging import decode_cursor, encode_cursor
from libs.web.problems import FieldError, UnprocessableContent
from services.entries.reports.api.response_stream import MAX_SECONDS, ResponseStream
from services.entries.reports.model import Approvals
from services.entries.reports.spreadsheet import SheetColumn, Spreadsheet
from services.entries.reports.store import queries
from services.entries.reports.store.queries import Column, Query

CURSOR_HEADER = "Report-Cursor"
EXPORTS_PER_CALLER, EXPORTS, RESERVED_EXPORTS = 2, 8, 2
TIMEOUTS = Timeouts(statement=MAX_SECONDS, lock=5.0)
ROWS_PER_FETCH = 100
BYTE_ORDER_MARK = b"\xef\xbb\xbf"

TYPES = {
    "csv": "text/csv; charset=utf-8",
    "ndjson": "application/x-ndjson",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


class ApprovalKey(msgspec.Struct, array_like=True):
    """The newest event of the feed that a report includes."""

    sequence: int


@dataclass(frozen=True, slots=True)
class Export:
    """An export: `query` gives the statement, for CSV or for the other formats."""

    title: str
    columns: Sequence[Column]
    query: Callable[[bool], Query]
    format: str
    bom: bool = False

    def response(self, since: date | None, until: date | None) -> web.StreamResponse:
        """The response without a body; the name of its file has the period."""
        period = "_".join(str(day) for day in (since, until) if day is not None)
        name = f"{self.title.lower()}_{period or 'approved'}.{self.format}"
        return web.StreamResponse(
            headers={
                hdrs.CONTENT_TYPE: TYPES[self.format],
                hdrs.CONTENT_DISPOSITION: f'attachment; filename="{name}"',
            }
        )

    async def send(self, dedicated: DedicatedConnection, body: ResponseStream) -> None:
        """Send the rows, in a transaction of the caller."""
        connection, query = dedicated.connection, self.query(self.format == "csv")
        if self.format == "csv":
            if self.bom:
                await body.send(BYTE_ORDER_MARK)
            await queries.copy_csv(connection, query, body.send)
        elif self.format == "ndjson":
            await queries.copy_ndjson(connection, query, body.send)
        else:
            columns = [SheetColumn(each.name, each.width, each.is_sum) for each in self.columns]
            sheet = Spreadsheet(self.title, columns)
            async for records in queries.read_rows(connection, query, ROWS_PER_FETCH):
                if data := sheet.write(records):
                    await body.send(data)
            await body.send(sheet.finish())


def approvals_after(cursor: str) -> int:
    """The event after which a report begins. Raises `UnprocessableContent`."""
    if cursor == "0":
        return 0
    try:
        key = decode_cursor(cursor, ApprovalKey)
    except UnprocessableContent as error:
        message = "Use 0 or the Report-Cursor of a previous report."
        wrong = FieldError("/approved_since", message, "cursor", "query")
        raise UnprocessableContent([wrong]) from error
    return key.sequence if key else 0


def announce_next(request: web.Request, response: web.StreamResponse, approvals: Approvals) -> None:
    """Name the cursor of the next report in the headers."""
    cursor = encode_cursor(ApprovalKey(approvals.through))
    following = request.rel_url.update_query(approved_since=cursor)
    response.headers[CURSOR_HEADER] = cursor
    response.headers[hdrs.LINK] = f'<{following}>; rel="next"'
