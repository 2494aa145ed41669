"""Listing, reading and undoing batches."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import msgspec
from aiohttp import web

from libs.auth import PRINCIPAL, Scope, requires
from libs.changes import Actor
from libs.postgres.pool import DATABASE
from libs.postgres.shares import Share
from libs.web.app import CLOCK
from libs.web.contract import Contract, endpoint
from libs.web.paging import decode_cursor, page_response
from libs.web.problems import Conflict
from libs.web.resources import answer_schema, page_schema
from libs.web.responses import json_response
from libs.web.validation import query_of
from services.entries.batches.api.access import batch_id_of, batch_or_404, visible_client
from services.entries.batches.api.serializers import BatchView, serialize_batch
from services.entries.batches.commands.undo import undo_batch
from services.entries.batches.model import BatchRow, NotUndoable
from services.entries.batches.schemas import (
    BatchListQuery,
    BatchListQuerySchema,
    RowsQuery,
    RowsQuerySchema,
)
from services.entries.batches.store import batches as store

BATCH = "/v1/batches/{id:[0-9a-fA-F-]{36}}"

BatchAnswer = answer_schema(BatchView)
BatchPage = page_schema(BatchView)
BatchRowPage = page_schema(BatchRow)

ROUTES = web.RouteTableDef()


class BatchKey(msgspec.Struct, array_like=True):
    """The last batch of a page."""

    created_at: datetime
    id: UUID


class RowKey(msgspec.Struct, array_like=True):
    """The last row of a page."""

    person: str
    id: UUID


_NEWEST = BatchKey(datetime(9999, 1, 1, tzinfo=UTC), UUID(int=2**128 - 1))


@ROUTES.get("/v1/batches", allow_head=False)
@requires(Scope.BATCH_UPLOAD, Scope.MANAGE_TIMESHEETS)
@endpoint(
    Contract(
        summary="List batches, newest first",
        description="An application sees its own; manage:timesheets those of all clients.",
        query=BatchListQuerySchema(),
        answers={200: BatchPage()},
    )
)
async def list_batches(request: web.Request) -> web.Response:
    """List batches, newest first: the caller's own, or those of any client to administrators."""
    query = query_of(request, BatchListQuery)
    own = visible_client(request)
    if own is not None and query.client not in (None, own):
        return page_response(request, [], None)
    client = own or query.client
    key = decode_cursor(query.cursor, BatchKey) or _NEWEST
    async with request.app[DATABASE].connection(Share.BATCHES) as connection:
        batches = await store.list_batches(
            connection, client, key.created_at, key.id, query.limit + 1
        )
    page = batches[: query.limit]
    next_key = BatchKey(page[-1].created_at, page[-1].id) if len(batches) > query.limit else None
    return page_response(request, [serialize_batch(batch) for batch in page], next_key)


@ROUTES.get(BATCH, allow_head=False)
@requires(Scope.BATCH_UPLOAD, Scope.MANAGE_TIMESHEETS)
@endpoint(Contract(summary="Read a batch", answers={200: BatchAnswer()}, problems=(404,)))
async def show_batch(request: web.Request) -> web.Response:
    """Show one batch and its counts."""
    return json_response(serialize_batch(await batch_or_404(request)))


@ROUTES.get(f"{BATCH}/rows", allow_head=False)
@requires(Scope.BATCH_UPLOAD, Scope.MANAGE_TIMESHEETS)
@endpoint(
    Contract(
        summary="List what became of the rows of a batch",
        description=(
            "The rows that created, updated or removed an entry, with the entry and the state of "
            "its week as they are now; for a dry run those that would update or remove one. "
            "Unchanged rows are not listed, invalid ones are listed by `errors`."
        ),
        query=RowsQuerySchema(),
        answers={200: BatchRowPage()},
        problems=(404,),
    )
)
async def list_rows(request: web.Request) -> web.Response:
    """List the rows of a batch with the entries that they became."""
    query, batch = query_of(request, RowsQuery), await batch_or_404(request)
    key = decode_cursor(query.cursor, RowKey) or RowKey("", UUID(int=0))
    async with request.app[DATABASE].connection(Share.BATCHES) as connection:
        rows = await store.list_rows(connection, batch.id, (key.person, key.id), query.limit + 1)
    page = rows[: query.limit]
    next_key = RowKey(page[-1].person, page[-1].id) if len(rows) > query.limit else None
    return page_response(request, page, next_key)


@ROUTES.delete(BATCH)
@requires(Scope.BATCH_UPLOAD, Scope.MANAGE_TIMESHEETS, step_up=True)
@endpoint(
    Contract(
        summary="Undo a batch",
        description=(
            "Removes what it created and restores what it updated or removed. Entries that are "
            "locked or were changed since are kept. An application may undo its own batches."
        ),
        answers={200: BatchAnswer()},
        problems=(404, 409),
    )
)
async def delete_batch(request: web.Request) -> web.Response:
    """Undo a batch: its entries become what they were before it."""
    client, principal = visible_client(request), request[PRINCIPAL]
    try:
        batch = await undo_batch(
            request.app[DATABASE],
            batch_id_of(request),
            client,
            Actor(principal.subject, principal.client_id),
            request.app[CLOCK].now(),
        )
    except NotUndoable as error:
        raise Conflict(str(error)) from error
    return json_response(serialize_batch(batch))
