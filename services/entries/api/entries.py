"""Entries: the hours that people log."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from uuid import UUID, uuid4

import asyncpg
import msgspec
from aiohttp import web

from libs.auth import Scope, requires
from libs.postgres.idempotency import HEADER, REPLAYED, StoredResponse, idempotent_response
from libs.postgres.pool import DATABASE
from libs.rules.violations import RuleBroken
from libs.web.app import CLOCK
from libs.web.contract import Contract, endpoint
from libs.web.etags import (
    creates_only,
    etag_of,
    expected_version,
    require_version,
    resource_response,
)
from libs.web.paging import decode_cursor, page_response
from libs.web.problems import Conflict, NotFound, PreconditionFailed
from libs.web.responses import json_response
from libs.web.validation import body_of, query_of
from services.entries.api.access import own, own_or
from services.entries.api.serializers import EntryShape, Json, serialize_entry
from services.entries.metrics import SERVICE_METRICS
from services.entries.model import (
    Draft,
    Entry,
    check_change,
    check_draft,
    copied_draft,
    copied_id,
    latest_day,
    lock_of,
)
from services.entries.schemas.entries import (
    Copy,
    CopyAnswer,
    CopySchema,
    EntryAnswer,
    EntryPage,
    EntryPatch,
    EntryPatchSchema,
    EntryQuery,
    EntryQuerySchema,
    EntrySchema,
    NewEntry,
    NewEntrySchema,
)
from services.entries.store import entries as store
from services.entries.store.entries import EntryFilter, EntryInContext, Place
from services.entries.store.period import read_closed_through
from services.entries.store.timesheets import read_timesheet

ROUTES = web.RouteTableDef()
"""A table is filled where it is declared and never changed after import."""

SOURCE = "app"
ENTRY = "/v1/entries/{id:[0-9a-fA-F-]{36}}"
FIRST_DAY, LAST_DAY = date(1970, 1, 1), date(9998, 12, 31)


class EntryKey(msgspec.Struct, array_like=True):
    """Where a page of entries ends."""

    day: date
    id: UUID


@ROUTES.get("/v1/entries", allow_head=False)
@requires(Scope.READ_TIMESHEETS)
@endpoint(
    Contract(
        summary="List entries, newest day first",
        query=EntryQuerySchema(),
        answers={200: EntryPage()},
    )
)
async def list_entries(request: web.Request) -> web.Response:
    query = query_of(request, EntryQuery)
    until = query.until or LAST_DAY
    key = decode_cursor(query.cursor, EntryKey) or EntryKey(until + timedelta(days=1), UUID(int=0))
    wanted = EntryFilter(
        person=own_or(request, query.person),
        since=query.since or FIRST_DAY,
        until=until,
        day=key.day,
        id=key.id,
        project=query.project,
        limit=query.limit + 1,
    )
    async with request.app[DATABASE].connection() as connection:
        entry_in_context = await store.list_entries(connection, wanted)
    page = entry_in_context[: query.limit]
    last = page[-1].entry if len(entry_in_context) > query.limit else None
    items = [serialize_entry(row) for row in page]
    return page_response(request, items, EntryKey(last.date, last.id) if last else None)


@ROUTES.post("/v1/entries")
@requires(Scope.CREATE_TIMESHEETS)
@endpoint(
    Contract(
        summary="Log an entry",
        description="The same id twice, or the same Idempotency-Key, is the same entry.",
        body=NewEntrySchema(),
        answers={201: EntryAnswer()},
        problems=(409,),
        headers=("Idempotency-Key",),
    )
)
async def create_entry(request: web.Request) -> web.Response:
    new = body_of(request, NewEntry)
    person, now = own(request), request.app[CLOCK].now()
    added = await _add(request, person, new.id or uuid4(), new.draft, now)
    if added is not None:
        return added
    made = False

    async def create(connection: asyncpg.Connection) -> StoredResponse:
        nonlocal made
        place = await store.look_around(connection, person, new.draft)
        entry_in_context = await _find_same(connection, person, new) if new.id else None
        made = entry_in_context is None
        if entry_in_context is None:
            entry_id = new.id or uuid4()
            entry_in_context = await _insert(connection, person, entry_id, new.draft, place, now)
        location = _address(entry_in_context.entry)
        return StoredResponse.of(_respond(request, entry_in_context, status=201, Location=location))

    response = await idempotent_response(request, person, create)
    if made and REPLAYED not in response.headers:
        request.app[SERVICE_METRICS].count_entries(SOURCE)
    return response


@ROUTES.get(ENTRY, allow_head=False)
@requires(Scope.READ_TIMESHEETS)
@endpoint(
    Contract(summary="Read an entry", answers={200: EntryAnswer(), 304: None}, problems=(404,))
)
async def show_entry(request: web.Request) -> web.Response:
    async with request.app[DATABASE].connection() as connection:
        entry_in_context = await store.read_entry(connection, own(request), _id(request))
    return _respond(request, _found(entry_in_context))


@ROUTES.put(ENTRY)
@requires(Scope.CREATE_TIMESHEETS)
@endpoint(
    Contract(
        summary="Create an entry with an id of yours, or replace it",
        description="Repeating it changes nothing.",
        body=EntrySchema(),
        answers={200: EntryAnswer(), 201: EntryAnswer()},
        problems=(409, 412),
        headers=("If-Match", "If-None-Match"),
    )
)
async def put_entry(request: web.Request) -> web.Response:
    draft, entry_id = body_of(request, Draft), _id(request)
    person, now, expected = own(request), request.app[CLOCK].now(), expected_version(request)
    added = await _add(request, person, entry_id, draft, now)
    if added is not None:
        return added

    async def put(connection: asyncpg.Connection) -> tuple[EntryInContext, bool]:
        # In this order an entry that is put twice at once is never counted against itself.
        place = await store.look_around(connection, person, draft)
        present = await store.lock_entry(connection, person, entry_id)
        if present is None:
            if "If-Match" in request.headers:
                raise PreconditionFailed("There is no such entry any more.")
            return await _insert(connection, person, entry_id, draft, place, now), True
        if creates_only(request) and not present.entry.says(draft):
            raise PreconditionFailed("The entry exists.", current=serialize_entry(present))
        return await _replace(connection, present, draft, place, expected, now), False

    entry_in_context, created = await request.app[DATABASE].transact(put)
    if created:
        request.app[SERVICE_METRICS].count_entries(SOURCE)
        return _respond(
            request, entry_in_context, status=201, Location=_address(entry_in_context.entry)
        )
    return _respond(request, entry_in_context)


@ROUTES.patch(ENTRY)
@requires(Scope.CREATE_TIMESHEETS)
@endpoint(
    Contract(
        summary="Change some fields of an entry",
        body=EntryPatchSchema(),
        answers={200: EntryAnswer()},
        problems=(404, 409, 412),
        headers=("If-Match",),
    )
)
async def patch_entry(request: web.Request) -> web.Response:
    patch, entry_id = body_of(request, EntryPatch), _id(request)
    person, now, expected = own(request), request.app[CLOCK].now(), expected_version(request)

    async def change(connection: asyncpg.Connection) -> EntryInContext:
        present = _found(await store.lock_entry(connection, person, entry_id))
        draft = replace(_draft_of(present.entry), **patch.changes)
        place = await store.look_around(connection, person, draft)
        return await _replace(connection, present, draft, place, expected, now)

    return _respond(request, await request.app[DATABASE].transact(change))


@ROUTES.delete(ENTRY)
@requires(Scope.DELETE_TIMESHEETS)
@endpoint(
    Contract(
        summary="Delete an entry",
        answers={204: None},
        problems=(404, 409, 412),
        headers=("If-Match",),
    )
)
async def delete_entry(request: web.Request) -> web.Response:
    person, entry_id, expected = own(request), _id(request), expected_version(request)

    async def delete(connection: asyncpg.Connection) -> None:
        present = _found(await store.lock_entry(connection, person, entry_id))
        require_version(expected, present.entry.version, serialize_entry(present))
        check_change(present.entry.date, present.state, present.closed_through)
        await store.delete_entry(connection, person, entry_id)

    await request.app[DATABASE].transact(delete)
    return web.Response(status=204)


@ROUTES.post("/v1/entries/copy")
@requires(Scope.CREATE_TIMESHEETS)
@endpoint(
    Contract(
        summary="Copy a week's entries into another week",
        description=(
            "Each copy's id follows from the entry and the week: to copy again adds what is "
            "missing and leaves the others as they are. What cannot be copied is told."
        ),
        body=CopySchema(),
        answers={201: CopyAnswer()},
        problems=(409,),
    )
)
async def copy_week(request: web.Request) -> web.Response:
    copy = body_of(request, Copy)
    person, now = own(request), request.app[CLOCK].now()

    async def make_copies(connection: asyncpg.Connection) -> tuple[Json, int]:
        sheet = await read_timesheet(connection, person, copy.to_week)
        closed_through = await read_closed_through(connection)
        check_change(copy.to_week.sunday, sheet.state, closed_through)
        items: list[EntryShape] = []
        skipped: list[Json] = []
        made = 0
        for source in await store.list_week_entries(connection, person, copy.from_week):
            entry = source.entry
            draft = copied_draft(entry, copy.from_week, copy.to_week)
            new_id = copied_id(entry.id, copy.to_week)
            try:
                entry_in_context, is_new = await _copy(connection, person, new_id, draft, now)
            except RuleBroken as refusal:
                broken = refusal.violations[0]
                skipped.append({"id": entry.id, "code": broken.code, "message": broken.message})
            else:
                items.append(serialize_entry(entry_in_context))
                made += is_new
        return {"items": items, "skipped": skipped}, made

    shape, number = await request.app[DATABASE].transact(make_copies)
    request.app[SERVICE_METRICS].count_entries(SOURCE, number)
    return json_response(shape, status=201)


async def _add(
    request: web.Request, person: str, entry_id: UUID, draft: Draft, now: datetime
) -> web.Response | None:
    """The answer to a new entry, added by one statement where nothing stands in its way.

    None where something does, the database having refused it or there being one with this id, and
    where more than an entry is written or asked for. Who gets None looks around in a transaction.
    """
    more = HEADER in request.headers or "If-Match" in request.headers
    if more or draft.date > latest_day(now):
        return None

    async def add(connection: asyncpg.Connection) -> EntryInContext | None:
        return await store.add_entry(connection, person, entry_id, draft, SOURCE)

    if (entry_in_context := await request.app[DATABASE].execute_once(add)) is None:
        return None
    request.app[SERVICE_METRICS].count_entries(SOURCE)
    return _respond(
        request, entry_in_context, status=201, Location=_address(entry_in_context.entry)
    )


async def _find_same(
    connection: asyncpg.Connection, person: str, new: NewEntry
) -> EntryInContext | None:
    """The entry that has the id already; raises `Conflict` where it says something else."""
    present = await store.lock_entry(connection, person, new.id) if new.id else None
    if present is not None and not present.entry.says(new.draft):
        raise Conflict("There is another entry with this id.", current=serialize_entry(present))
    return present


async def _copy(
    connection: asyncpg.Connection, person: str, new_id: UUID, draft: Draft, now: datetime
) -> tuple[EntryInContext, bool]:
    """The copy, and whether it was made just now."""
    place = await store.look_around(connection, person, draft)
    present = await store.read_entry(connection, person, new_id)
    if present is not None:
        return present, False
    return await _insert(connection, person, new_id, draft, place, now), True


async def _insert(
    connection: asyncpg.Connection,
    person: str,
    entry_id: UUID,
    draft: Draft,
    place: Place,
    now: datetime,
) -> EntryInContext:
    check_draft(draft, place.surroundings, now)
    full = _with_billable(draft, place)
    entry = await store.insert_entry(connection, person, entry_id, full, SOURCE)
    return EntryInContext(entry, place.surroundings.state, place.surroundings.closed_through)


async def _replace(
    connection: asyncpg.Connection,
    present: EntryInContext,
    draft: Draft,
    place: Place,
    expected: int | None,
    now: datetime,
) -> EntryInContext:
    """The entry as the draft has it; the same draft again changes nothing, whatever `expected`."""
    entry = present.entry
    if entry.says(draft):
        return present
    require_version(expected, entry.version, serialize_entry(present))
    check_change(entry.date, present.state, present.closed_through)
    check_draft(draft, place.surroundings, now, entry)
    full = _with_billable(draft, place)
    changed = await store.update_entry(connection, entry.person, entry.id, full)
    return EntryInContext(changed, place.surroundings.state, place.surroundings.closed_through)


def _with_billable(draft: Draft, place: Place) -> Draft:
    if draft.billable is not None:
        return draft
    return replace(draft, billable=place.project_billable)


def _draft_of(entry: Entry) -> Draft:
    return Draft(
        date=entry.date,
        project=entry.project,
        minutes=entry.minutes,
        task=entry.task,
        note=entry.note,
        billable=entry.billable,
    )


def _found(entry_in_context: EntryInContext | None) -> EntryInContext:
    if entry_in_context is None:
        raise NotFound("There is no such entry.")
    return entry_in_context


def _respond(
    request: web.Request, entry_in_context: EntryInContext, *, status: int = 200, **headers: str
) -> web.Response:
    return resource_response(
        request, serialize_entry(entry_in_context), _tag(entry_in_context), status=status, **headers
    )


def _tag(entry_in_context: EntryInContext) -> str:
    lock = lock_of(
        entry_in_context.entry.date, entry_in_context.state, entry_in_context.closed_through
    )
    return etag_of(entry_in_context.entry.version, lock.reason if lock else None)


def _address(entry: Entry) -> str:
    return f"/v1/entries/{entry.id}"


def _id(request: web.Request) -> UUID:
    try:
        return UUID(request.match_info["id"])
    except ValueError as error:
        raise NotFound("There is no such entry.") from error
