"""Reading batches and their errors."""

from __future__ import annotations

from uuid import UUID

import msgspec
from aiohttp import hdrs, web

from libs.auth import Scope, requires
from libs.postgres.pool import DATABASE
from libs.web.contract import Contract, endpoint
from libs.web.paging import decode_cursor, page_response
from libs.web.problems import NotFound
from libs.web.responses import json_response
from libs.web.validation import query_of
from services.entries.batches.api.serializers import serialize_batch
from services.entries.batches.api.uploads import CSV, client_of
from services.entries.batches.model import Batch
from services.entries.batches.schemas import (
    BatchAnswer,
    BatchErrorPage,
    ErrorsQuery,
    ErrorsQuerySchema,
)
from services.entries.batches.store import batches as store
from services.entries.csv_cells import csv_line

BATCH = "/v1/batches/{id:[0-9a-fA-F-]{36}}"
ERRORS_PER_CSV_PAGE = 1000

ROUTES = web.RouteTableDef()


class ErrorKey(msgspec.Struct, array_like=True):
    """The last error of a page."""

    line: int
    field: str


@ROUTES.get(BATCH, allow_head=False)
@requires(Scope.BATCH_UPLOAD)
@endpoint(Contract(summary="Read a batch", answers={200: BatchAnswer()}, problems=(404,)))
async def show_batch(request: web.Request) -> web.Response:
    return json_response(serialize_batch(await _batch_or_404(request)))


@ROUTES.get(f"{BATCH}/errors", allow_head=False)
@requires(Scope.BATCH_UPLOAD)
@endpoint(
    Contract(
        summary="List the errors of a batch, by line",
        query=ErrorsQuerySchema(),
        answers={200: BatchErrorPage()},
        problems=(404,),
        headers=("Accept",),
        produces=("application/json", CSV),
    )
)
async def list_errors(request: web.Request) -> web.StreamResponse:
    query, batch = query_of(request, ErrorsQuery), await _batch_or_404(request)
    if query.format == "csv" or (query.format is None and _prefers_csv(request)):
        return await _send_csv(request, batch)
    key = decode_cursor(query.cursor, ErrorKey) or ErrorKey(0, "")
    async with request.app[DATABASE].connection() as connection:
        errors = await store.list_errors(connection, batch.id, key.line, key.field, query.limit + 1)
    page = errors[: query.limit]
    next_key = ErrorKey(page[-1].line, page[-1].field) if len(errors) > query.limit else None
    return page_response(request, page, next_key)


async def _batch_or_404(request: web.Request) -> Batch:
    try:
        batch_id = UUID(request.match_info["id"])
    except ValueError as error:
        raise NotFound("There is no such batch.") from error
    async with request.app[DATABASE].connection() as connection:
        batch = await store.read_batch(connection, client_of(request), batch_id)
    if batch is None:
        raise NotFound("There is no such batch.")
    return batch


def _prefers_csv(request: web.Request) -> bool:
    return CSV in request.headers.get(hdrs.ACCEPT, "")


async def _send_csv(request: web.Request, batch: Batch) -> web.StreamResponse:
    """Send all errors. Reads page by page, so that no connection waits for the client."""
    response = web.StreamResponse(headers={"Content-Type": f"{CSV}; charset=utf-8"})
    await response.prepare(request)
    await response.write(csv_line(("line", "field", "code", "message")))
    key = ErrorKey(0, "")
    while True:
        async with request.app[DATABASE].connection() as connection:
            errors = await store.list_errors(
                connection, batch.id, key.line, key.field, ERRORS_PER_CSV_PAGE
            )
        if not errors:
            break
        lines = (csv_line(msgspec.structs.astuple(error)) for error in errors)
        await response.write(b"".join(lines))
        key = ErrorKey(errors[-1].line, errors[-1].field)
    await response.write_eof()
    return response
