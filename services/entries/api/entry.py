"""One entry: read, put, changed, deleted."""

from __future__ import annotations

import asyncpg
from aiohttp import web

from libs.auth import Scope, requires
from libs.postgres.idempotency import HEADER
from libs.postgres.pool import DATABASE
from libs.service.access import current_person
from libs.service.preconditions import preconditions_of
from libs.web.app import CLOCK
from libs.web.contract import Contract, endpoint
from libs.web.problems import NotFound
from libs.web.resources import answer_schema
from libs.web.validation import body_of, query_of
from services.entries.api.access import (
    author_of,
    current_user,
    entry_id_of,
    user_or_admin,
)
from services.entries.api.responses import entry_response, save_once, saved_response
from services.entries.commands import entries as commands
from services.entries.commands.entries import Saved
from services.entries.model import Draft
from services.entries.schemas.entries import (
    DeletionQuery,
    DeletionQuerySchema,
    EntryAnswer,
    EntryPatch,
    EntryPatchSchema,
    EntrySchema,
)
from services.entries.store import entries as store

ROUTES = web.RouteTableDef()
ENTRY_SCHEMA = answer_schema(EntryAnswer)
ENTRY = "/v1/entries/{id:[0-9a-fA-F-]{36}}"


@ROUTES.get(ENTRY, allow_head=False)
@requires(Scope.READ_TIMESHEETS)
@endpoint(
    Contract(summary="Read an entry", answers={200: ENTRY_SCHEMA(), 304: None}, problems=(404,))
)
async def show_entry(request: web.Request) -> web.Response:
    """GET one of the caller's entries."""
    async with request.app[DATABASE].connection() as connection:
        entry = await store.read_entry(connection, current_user(request), entry_id_of(request))
    if entry is None:
        raise NotFound("There is no such entry.")
    return entry_response(request, entry)


@ROUTES.put(ENTRY)
@requires(Scope.CREATE_TIMESHEETS)
@endpoint(
    Contract(
        summary="Create an entry with your own id, or replace it",
        description=(
            "Repeating it changes nothing. With an Idempotency-Key this holds even after the "
            "entry was deleted: a request that arrives late does not bring it back."
        ),
        body=EntrySchema(),
        answers={200: ENTRY_SCHEMA(), 201: ENTRY_SCHEMA()},
        problems=(409, 412),
        headers=("If-Match", "If-None-Match", "Idempotency-Key"),
    )
)
async def put_entry(request: web.Request) -> web.Response:
    """PUT an entry: create it under its id, or replace it."""
    author, entry_id, draft = author_of(request), entry_id_of(request), body_of(request, Draft)
    now, expected = request.app[CLOCK].now(), preconditions_of(request)
    if HEADER not in request.headers:
        saved = await commands.put_entry(
            request.app[DATABASE], author, entry_id, draft, now, expected
        )
        return saved_response(request, author, saved)

    async def put(connection: asyncpg.Connection) -> Saved:
        return await commands.put_entry_in(connection, author, entry_id, draft, now, expected)

    return await save_once(request, author, put)


@ROUTES.patch(ENTRY)
@requires(Scope.CREATE_TIMESHEETS)
@endpoint(
    Contract(
        summary="Change some fields of an entry",
        description=(
            "A new project brings its own billable default, unless the change names `billable`; "
            "null is the project's default."
        ),
        body=EntryPatchSchema(),
        answers={200: ENTRY_SCHEMA()},
        problems=(404, 409, 412),
        headers=("If-Match",),
    )
)
async def patch_entry(request: web.Request) -> web.Response:
    """PATCH the named fields of an entry."""
    entry = await commands.patch_entry(
        request.app[DATABASE],
        current_user(request),
        entry_id_of(request),
        body_of(request, EntryPatch).changes,
        request.app[CLOCK].now(),
        preconditions_of(request),
    )
    return entry_response(request, entry)


@ROUTES.delete(ENTRY)
@requires(Scope.DELETE_TIMESHEETS)
@endpoint(
    Contract(
        summary="Delete an entry",
        description=(
            "`person` and `reason` delete an uploaded entry of somebody else: requires "
            "manage:timesheets. The change log keeps the entry."
        ),
        query=DeletionQuerySchema(),
        answers={204: None},
        problems=(404, 409, 412),
        headers=("If-Match",),
    )
)
async def delete_entry(request: web.Request) -> web.Response:
    """DELETE an own entry, or as an administrator an uploaded one of another person."""
    query, db = query_of(request, DeletionQuery), request.app[DATABASE]
    entry_id, expected = entry_id_of(request), preconditions_of(request)
    if query.person is None:
        await commands.delete_entry(db, current_user(request), entry_id, expected)
    else:
        person = user_or_admin(request, query.person)
        await commands.delete_uploaded_entry(
            db,
            person,
            entry_id,
            query.reason,
            current_person(request),
            request.app[CLOCK].now(),
            expected,
        )
    return web.Response(status=204)
