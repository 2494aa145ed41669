"""GET /v1/batches/{id}/errors: what is wrong with the rows of a batch."""

from __future__ import annotations

import msgspec
from aiohttp import hdrs, web

from libs.auth import Scope, requires
from libs.postgres.pool import DATABASE
from libs.postgres.shares import Share
from libs.web.contract import Contract, endpoint
from libs.web.paging import decode_cursor, page_response
from libs.web.resources import page_schema
from libs.web.validation import query_of
from services.entries.batches.api.access import batch_or_404
from services.entries.batches.api.batches import BATCH
from services.entries.batches.model import Batch, RowError
from services.entries.batches.schemas import ErrorsQuery, ErrorsQuerySchema
from services.entries.batches.store import batches as store
from services.entries.csv_cells import csv_line

CSV = "text/csv"
ERRORS_PER_CSV_PAGE = 1000
COLUMNS = ("line", "field", "code", "message", "external_id")

BatchErrorPage = page_schema(RowError)

ROUTES = web.RouteTableDef()


class ErrorKey(msgspec.Struct, array_like=True):
    """The last error of a page."""

    line: int
    field: str
    external_id: str

    @classmethod
    def of(cls, error: RowError) -> ErrorKey:
        """The key of one error."""
        return cls(error.line, error.field, error.external_id)

    @property
    def position(self) -> tuple[int, str, str]:
        """The key as the columns that errors are sorted by."""
        return self.line, self.field, self.external_id


_FIRST = ErrorKey(-1, "", "")


@ROUTES.get(f"{BATCH}/errors", allow_head=False)
@requires(Scope.BATCH_UPLOAD, Scope.MANAGE_TIMESHEETS)
@endpoint(
    Contract(
        summary="List the errors of a batch, by line",
        description=(
            "At most 10,000; kept for 30 days, those of dry runs for one. Line 0 is an entry that "
            "is missing from a complete file and could not be removed."
        ),
        query=ErrorsQuerySchema(),
        answers={200: BatchErrorPage()},
        problems=(404,),
        headers=("Accept",),
        produces=("application/json", CSV),
    )
)
async def list_errors(request: web.Request) -> web.StreamResponse:
    """List the rows that were refused, page by page, or all of them as CSV."""
    query, batch = query_of(request, ErrorsQuery), await batch_or_404(request)
    if query.format == "csv" or (query.format is None and _prefers_csv(request)):
        return await _send_csv(request, batch)
    key = decode_cursor(query.cursor, ErrorKey) or _FIRST
    async with request.app[DATABASE].connection(Share.BATCHES) as connection:
        errors = await store.list_errors(connection, batch.id, key.position, query.limit + 1)
    page = errors[: query.limit]
    next_key = ErrorKey.of(page[-1]) if len(errors) > query.limit else None
    return page_response(request, page, next_key)


def _prefers_csv(request: web.Request) -> bool:
    return CSV in request.headers.get(hdrs.ACCEPT, "")


async def _send_csv(request: web.Request, batch: Batch) -> web.StreamResponse:
    """Send all errors. Reads page by page, so that no connection waits for the client."""
    response = web.StreamResponse(headers={"Content-Type": f"{CSV}; charset=utf-8"})
    await response.prepare(request)
    if request.method == hdrs.METH_HEAD:
        return response
    await response.write(csv_line(COLUMNS))
    key = _FIRST
    while True:
        async with request.app[DATABASE].connection(Share.BATCHES) as connection:
            errors = await store.list_errors(
                connection, batch.id, key.position, ERRORS_PER_CSV_PAGE
            )
        if not errors:
            break
        lines = (csv_line(getattr(error, name) for name in COLUMNS) for error in errors)
        await response.write(b"".join(lines))
        key = ErrorKey.of(errors[-1])
    await response.write_eof()
    return response
