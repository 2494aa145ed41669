"""Absences: days that a person is off."""

from __future__ import annotations

from datetime import date
from uuid import UUID

import asyncpg
import msgspec
from aiohttp import web

from libs.auth import Scope, requires
from libs.postgres.idempotency import HEADER, StoredResponse, idempotent_response
from libs.postgres.pool import DATABASE
from libs.rules.calendar import Week
from libs.service.access import current_person
from libs.service.preconditions import preconditions_of
from libs.web.app import CLOCK
from libs.web.contract import Contract, endpoint
from libs.web.etags import etag_of, resource_response
from libs.web.paging import decode_cursor, page_response
from libs.web.problems import NotFound
from libs.web.resources import answer_schema, page_schema
from libs.web.schemas import FIRST_DAY, LAST_DAY
from libs.web.validation import body_of, query_of
from services.entries.api.access import user_or_report
from services.entries.api.serializers import serialize_absence, serialize_absences
from services.entries.calendar import AbsenceDraft
from services.entries.commands import absences as commands
from services.entries.commands.absences import SavedAbsence
from services.entries.schemas.calendar import (
    AbsenceQuery,
    AbsenceQuerySchema,
    AbsenceResource,
    AbsenceSchema,
)
from services.entries.schemas.timesheets import PersonQuery, PersonQuerySchema
from services.entries.store import absences as store
from services.entries.store.absences import AbsenceFilter
from services.entries.store.period import read_closed_through
from services.entries.store.timesheets import list_timesheets

ROUTES = web.RouteTableDef()

ABSENCE = "/v1/absences/{id:[0-9a-fA-F-]{36}}"


class AbsenceKey(msgspec.Struct, array_like=True):
    """The end of a page of absences."""

    day: date
    id: UUID


@ROUTES.get("/v1/absences", allow_head=False)
@requires(Scope.READ_TIMESHEETS)
@endpoint(
    Contract(
        summary="List absences, earliest first",
        description="Those that touch the days from `from` to `to`.",
        query=AbsenceQuerySchema(),
        problems=(404,),
        answers={200: page_schema(AbsenceResource)()},
    )
)
async def list_absences(request: web.Request) -> web.Response:
    """List the absences of the caller, or of a report, in a range of days."""
    query = query_of(request, AbsenceQuery)
    person = await user_or_report(request, query.person)
    key = decode_cursor(query.cursor, AbsenceKey) or AbsenceKey(FIRST_DAY, UUID(int=0))
    chosen = AbsenceFilter(
        person=person,
        since=query.since or FIRST_DAY,
        until=query.until or LAST_DAY,
        day=key.day,
        id=key.id,
        limit=query.limit + 1,
    )
    async with request.app[DATABASE].connection() as connection:
        found = await store.list_absences(connection, chosen)
        page = found[: query.limit]
        closed_through = await read_closed_through(connection)
        first = Week.of(min((each.draft.first for each in page), default=FIRST_DAY))
        last = Week.of(max((each.draft.last for each in page), default=FIRST_DAY))
        sheets = await list_timesheets(connection, person, first, last)
    more = page[-1] if len(found) > query.limit else None
    items = serialize_absences(page, sheets, closed_through)
    return page_response(request, items, AbsenceKey(more.draft.first, more.id) if more else None)


@ROUTES.put(ABSENCE)
@requires(Scope.CREATE_TIMESHEETS)
@endpoint(
    Contract(
        summary="Create an absence with your own id, or replace it",
        description=(
            "Repeating it changes nothing; with an Idempotency-Key this holds even after the "
            "absence was deleted. Days in submitted or approved weeks and in the closed period "
            "cannot change. `person` is for administrators and managers."
        ),
        query=PersonQuerySchema(),
        body=AbsenceSchema(),
        answers={200: answer_schema(AbsenceResource)(), 201: answer_schema(AbsenceResource)()},
        problems=(404, 409, 412),
        headers=("If-Match", "If-None-Match", "Idempotency-Key"),
    )
)
async def put_absence(request: web.Request) -> web.Response:
    """Create or replace an absence; with an Idempotency-Key a repetition gets the first answer."""
    actor = current_person(request)
    arguments = (
        await user_or_report(request, query_of(request, PersonQuery).person),
        _id(request),
        body_of(request, AbsenceDraft),
        actor,
        request.app[CLOCK].now(),
        preconditions_of(request),
    )
    if HEADER not in request.headers:
        return _saved(request, await commands.put_absence(request.app[DATABASE], *arguments))

    async def put(connection: asyncpg.Connection) -> StoredResponse:
        saved = await commands.put_absence_in(connection, *arguments)
        return StoredResponse.of(_saved(request, saved))

    return await idempotent_response(request, actor.subject, put)


def _saved(request: web.Request, saved: SavedAbsence) -> web.Response:
    absence = serialize_absence(saved.absence, None)
    headers = {"Location": f"/v1/absences/{absence.id}"} if saved.created else {}
    status = 201 if saved.created else 200
    return resource_response(request, absence, etag_of(absence.version), status=status, **headers)


@ROUTES.delete(ABSENCE)
@requires(Scope.DELETE_TIMESHEETS)
@endpoint(
    Contract(
        summary="Delete an absence",
        query=PersonQuerySchema(),
        answers={204: None},
        problems=(404, 409, 412),
        headers=("If-Match",),
    )
)
async def delete_absence(request: web.Request) -> web.Response:
    """Delete an absence."""
    actor = current_person(request)
    await commands.delete_absence(
        request.app[DATABASE],
        await user_or_report(request, query_of(request, PersonQuery).person),
        _id(request),
        actor,
        request.app[CLOCK].now(),
        preconditions_of(request),
    )
    return web.Response(status=204)


def _id(request: web.Request) -> UUID:
    try:
        return UUID(request.match_info["id"])
    except ValueError as error:
        raise NotFound("There is no such absence.") from error
