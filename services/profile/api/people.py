"""The directory of people."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

import asyncpg
import msgspec
from aiohttp import web

from libs.auth import Scope, requires
from libs.postgres.pool import DATABASE
from libs.web.app import CLOCK
from libs.web.contract import Contract, endpoint
from libs.web.etags import creates_only, expected_version, require_version, resource_response
from libs.web.paging import decode_cursor, page_response
from libs.web.problems import FieldError, NotFound, PreconditionFailed, UnprocessableContent
from libs.web.validation import body_of, query_of
from services.profile import model
from services.profile.api.changes import record
from services.profile.api.serializers import serialize_person, tag_of
from services.profile.model import Draft, sort_key, wanted_words
from services.profile.schemas.common import SUB, SUB_WORDS
from services.profile.schemas.people import (
    PeoplePage,
    PeopleQuery,
    PeopleQuerySchema,
    PersonAnswer,
    PersonSchema,
)
from services.profile.store import people as store
from services.profile.store.directory import PeopleFilter, list_people, look_around
from services.profile.store.people import Known

ROUTES = web.RouteTableDef()

PERSON = "/v1/people/{sub}"


# PostgreSQL refuses NUL, which nobody's name has: only a made-up cursor can hold it.
Storable = Annotated[str, msgspec.Meta(pattern=r"^[^\x00]*$")]


class PersonKey(msgspec.Struct, array_like=True):
    """Where a page of people ends."""

    sort_name: Storable
    person: Storable


@ROUTES.get("/v1/people", allow_head=False)
@requires(Scope.READ_PEOPLE)
@endpoint(
    Contract(
        summary="List people by name",
        description=(
            "`q` finds those whose name or e-mail has words that begin like each word of it, "
            "whatever their case and accents."
        ),
        query=PeopleQuerySchema(),
        answers={200: PeoplePage()},
    )
)
async def show_people(request: web.Request) -> web.Response:
    query, now = query_of(request, PeopleQuery), request.app[CLOCK].now()
    key = decode_cursor(query.cursor, PersonKey) or PersonKey("", "")
    wanted = PeopleFilter(
        words=wanted_words(query.q),
        manager=query.manager,
        kind=query.kind,
        active=query.active,
        sort_name=key.sort_name,
        person=key.person,
        limit=query.limit + 1,
    )
    async with request.app[DATABASE].connection() as connection:
        found = await list_people(connection, wanted)
    page = found[: query.limit]
    last = page[-1].person if len(found) > query.limit else None
    items = [serialize_person(known, now) for known in page]
    following = PersonKey(sort_key(last.name), last.person) if last else None
    return page_response(request, items, following)


@ROUTES.get(PERSON, allow_head=False)
@requires(Scope.READ_PEOPLE)
@endpoint(
    Contract(
        summary="Read a person",
        description="The address has the person's `sub`, percent-encoded: `auth0%7Cerin`.",
        answers={200: PersonAnswer(), 304: None},
        problems=(404,),
    )
)
async def show_person(request: web.Request) -> web.Response:
    sub = request.match_info["sub"]
    if SUB.fullmatch(sub) is None:
        raise NotFound("There is no such person.")
    async with request.app[DATABASE].connection() as connection:
        known = await store.read_person(connection, sub)
    if known is None:
        raise NotFound("There is no such person.")
    return _respond(request, known)


@ROUTES.put(PERSON)
@requires(Scope.MANAGE_PEOPLE)
@endpoint(
    Contract(
        summary="Put a person into the directory, or replace what it says of them",
        description=(
            "Repeating it changes nothing. What is left out takes its default, but for "
            "`target_minutes`, which then stays. The manager may be somebody who is not in the "
            "directory yet; managers that form a circle are refused."
        ),
        body=PersonSchema(),
        answers={200: PersonAnswer(), 201: PersonAnswer()},
        problems=(412,),
        headers=("If-Match", "If-None-Match"),
    )
)
async def put_person(request: web.Request) -> web.Response:
    draft, sub = body_of(request, Draft), _new_sub(request)
    now, expected = request.app[CLOCK].now(), expected_version(request)

    async def put(connection: asyncpg.Connection) -> tuple[Known, bool]:
        known = await store.lock_person(connection, sub)
        present = known.person if known else None
        person = model.drafted(sub, draft, present)
        if person != present:
            _check_preconditions(request, known, expected)
            model.check_draft(sub, draft, await look_around(connection, sub, draft))
        return await record(connection, present, person, now), known is None

    known, created = await request.app[DATABASE].transact(put)
    if created:
        location = f"/v1/people/{quote(sub, safe='')}"
        return _respond(request, known, status=201, Location=location)
    return _respond(request, known)


def _check_preconditions(request: web.Request, known: Known | None, expected: int | None) -> None:
    if known is None:
        if "If-Match" in request.headers:
            raise PreconditionFailed("There is no such person any more.")
        return
    current = serialize_person(known, request.app[CLOCK].now())
    if creates_only(request):
        raise PreconditionFailed("The person is in the directory.", current=current)
    require_version(expected, known.person.version, current)


def _respond(
    request: web.Request, known: Known, *, status: int = 200, **headers: str
) -> web.Response:
    shape = serialize_person(known, request.app[CLOCK].now())
    return resource_response(request, shape, tag_of(shape), status=status, **headers)


def _new_sub(request: web.Request) -> str:
    sub = request.match_info["sub"]
    if SUB.fullmatch(sub) is None:
        raise UnprocessableContent([FieldError("/sub", SUB_WORDS, "invalid", "path")])
    return sub
