"""Entries: the hours that people log."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import UUID

import asyncpg
import msgspec
from aiohttp import web

from libs.auth import Scope, requires
from libs.postgres.idempotency import HEADER
from libs.postgres.pool import DATABASE
from libs.web.app import CLOCK
from libs.web.contract import Contract, endpoint
from libs.web.paging import decode_cursor, page_response
from libs.web.resources import answer_schema, page_schema
from libs.web.responses import json_response
from libs.web.schemas import FIRST_DAY, LAST_DAY
from libs.web.validation import body_of, query_of
from services.entries.api.access import author_of, user_or_admin
from services.entries.api.responses import save_once, saved_response
from services.entries.api.serializers import serialize_copy, serialize_record
from services.entries.commands import entries as commands
from services.entries.commands.entries import Author, Saved
from services.entries.metrics import SERVICE_METRICS
from services.entries.schemas.entries import (
    Copy,
    CopyAnswer,
    CopySchema,
    EntryAnswer,
    EntryQuery,
    EntryQuerySchema,
    NewEntry,
    NewEntrySchema,
)
from services.entries.store import entries as store
from services.entries.store.entries import EntryFilter

ROUTES = web.RouteTableDef()


class EntryKey(msgspec.Struct, array_like=True):
    """The end of a page of entries."""

    day: date
    id: UUID


_NO_ID = UUID(int=0)


@ROUTES.get("/v1/entries", allow_head=False)
@requires(Scope.READ_TIMESHEETS)
@endpoint(
    Contract(
        summary="List entries, newest day first",
        query=EntryQuerySchema(),
        answers={200: page_schema(EntryAnswer)()},
    )
)
async def list_entries(request: web.Request) -> web.Response:
    """GET entries of a range of days, newest first."""
    query = query_of(request, EntryQuery)
    until = query.until or LAST_DAY
    key = decode_cursor(query.cursor, EntryKey) or EntryKey(until + timedelta(days=1), _NO_ID)
    filters = EntryFilter(
        person=user_or_admin(request, query.person),
        since=query.since or FIRST_DAY,
        until=until,
        day=key.day,
        id=key.id,
        project=query.project,
        limit=query.limit + 1,
    )
    async with request.app[DATABASE].connection() as connection:
        records = await store.list_entries(connection, filters)
    items = [serialize_record(record) for record in records[: query.limit]]
    last = items[-1] if len(records) > query.limit else None
    return page_response(request, items, EntryKey(last.date, last.id) if last else None)


@ROUTES.post("/v1/entries")
@requires(Scope.CREATE_TIMESHEETS)
@endpoint(
    Contract(
        summary="Log an entry",
        description="The same id twice, or the same Idempotency-Key, is the same entry.",
        body=NewEntrySchema(),
        answers={201: answer_schema(EntryAnswer)()},
        problems=(409,),
        headers=("Idempotency-Key",),
    )
)
async def create_entry(request: web.Request) -> web.Response:
    """POST an entry; the same Idempotency-Key again gets the same response."""
    new, author = body_of(request, NewEntry), author_of(request)
    now = request.app[CLOCK].now()
    if HEADER in request.headers:
        return await _create_once(request, author, new)
    saved = await commands.create_entry(request.app[DATABASE], author, new.id, new.draft, now)
    return saved_response(request, author, saved, status=201)


@ROUTES.post("/v1/entries/copy")
@requires(Scope.CREATE_TIMESHEETS)
@endpoint(
    Contract(
        summary="Copy a week's entries into another week",
        description=(
            "Copying again adds only what is missing and changes nothing else. `skipped` lists "
            "the entries that cannot be copied, with the reason."
        ),
        body=CopySchema(),
        answers={201: answer_schema(CopyAnswer)()},
        problems=(409,),
    )
)
async def copy_week(request: web.Request) -> web.Response:
    """POST a copy of a week's entries into another week."""
    copy, author = body_of(request, Copy), author_of(request)
    copied = await commands.copy_week(
        request.app[DATABASE], author, copy.from_week, copy.to_week, request.app[CLOCK].now()
    )
    request.app[SERVICE_METRICS].count_entries(author.source, copied.created)
    return json_response(serialize_copy(copied), status=201)


async def _create_once(request: web.Request, author: Author, new: NewEntry) -> web.Response:
    now = request.app[CLOCK].now()

    async def create(connection: asyncpg.Connection) -> Saved:
        return await commands.create_entry_in(connection, author, new.id, new.draft, now)

    return await save_once(request, author, create, status=201)
