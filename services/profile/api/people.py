"""The directory of people."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

import msgspec
from aiohttp import web

from libs.auth import Scope, requires
from libs.postgres.pool import DATABASE
from libs.service.access import audit_access, current_actor
from libs.service.preconditions import preconditions_of
from libs.web.app import CLOCK
from libs.web.contract import Contract, endpoint
from libs.web.etags import etag_of_representation, resource_response
from libs.web.paging import decode_cursor, page_response
from libs.web.validation import body_of, query_of
from services.profile.api.access import PERSON, new_sub_of, read_for_audit, sub_of
from services.profile.api.serializers import serialize_person
from services.profile.commands import people as commands
from services.profile.names import query_prefixes, sort_key
from services.profile.schemas.people import (
    PeoplePage,
    PeopleQuery,
    PeopleQuerySchema,
    PersonAnswer,
    PersonChanges,
    PersonSchema,
)
from services.profile.store.directory import PeopleFilter, list_people
from services.profile.store.people import KnownPerson

ROUTES = web.RouteTableDef()

# PostgreSQL refuses NUL, which no name has.
Storable = Annotated[str, msgspec.Meta(pattern=r"^[^\x00]*$")]


class PersonKey(msgspec.Struct, array_like=True):
    """The last person of a page."""

    sort_name: Storable
    person: Storable


@ROUTES.get("/v1/people", allow_head=False)
@requires(Scope.READ_PEOPLE)
@endpoint(
    Contract(
        summary="List people by name",
        description=(
            "`q` finds those whose name or e-mail has words that begin like each word of it, "
            "ignoring case and accents."
        ),
        query=PeopleQuerySchema(),
        answers={200: PeoplePage()},
    )
)
async def show_people(request: web.Request) -> web.Response:
    """GET a page of people, by name."""
    query, now = query_of(request, PeopleQuery), request.app[CLOCK].now()
    key = decode_cursor(query.cursor, PersonKey) or PersonKey("", "")
    async with request.app[DATABASE].connection() as connection:
        found = await list_people(connection, _filter(query, key))
    audit_access(request, filter=request.query_string or "everybody")
    page = found[: query.limit]
    last = page[-1].person if len(found) > query.limit else None
    items = [serialize_person(known, now) for known in page]
    next_key = PersonKey(sort_key(last.name), last.person) if last else None
    return page_response(request, items, next_key)


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
    """GET one person."""
    return _respond(request, await read_for_audit(request))


@ROUTES.put(PERSON)
@requires(Scope.MANAGE_PEOPLE, step_up=True)
@endpoint(
    Contract(
        summary="Add a person to the directory, or replace them",
        description=(
            "Repeating it changes nothing. What is left out takes its default, except "
            "`target_minutes` and `revoked_before`, which then stay: use PATCH to change some "
            "fields. The manager has to be in the directory; cycles of managers are rejected. "
            "`feed` is reserved and no `sub`."
        ),
        body=PersonSchema(),
        answers={200: PersonAnswer(), 201: PersonAnswer()},
        problems=(412,),
        headers=("If-Match", "If-None-Match"),
    )
)
async def put_person(request: web.Request) -> web.Response:
    """PUT a person: create, or replace every field."""
    known, created = await commands.put_person(
        request.app[DATABASE],
        new_sub_of(request),
        body_of(request, PersonChanges).values,
        current_actor(request),
        request.app[CLOCK].now(),
        preconditions_of(request),
    )
    if created:
        location = f"/v1/people/{quote(known.person.person, safe='')}"
        return _respond(request, known, status=201, Location=location)
    return _respond(request, known)


@ROUTES.patch(PERSON)
@requires(Scope.MANAGE_PEOPLE, step_up=True)
@endpoint(
    Contract(
        summary="Change some fields of a person",
        description=(
            "Changes the fields named and nothing else. Lists and `external_ids` are replaced as "
            "a whole."
        ),
        body=PersonSchema(partial=True),
        answers={200: PersonAnswer()},
        problems=(404, 412),
        headers=("If-Match",),
    )
)
async def patch_person(request: web.Request) -> web.Response:
    """PATCH the named fields of a person."""
    known = await commands.patch_person(
        request.app[DATABASE],
        sub_of(request),
        body_of(request, PersonChanges).values,
        current_actor(request),
        request.app[CLOCK].now(),
        preconditions_of(request),
    )
    return _respond(request, known)


def _filter(query: PeopleQuery, key: PersonKey) -> PeopleFilter:
    return PeopleFilter(
        sort_name=key.sort_name,
        person=key.person,
        limit=query.limit + 1,
        prefixes=query_prefixes(query.q),
        manager=query.manager,
        kind=query.kind,
        active=query.active,
        email=query.email,
        external_id=query.external_id,
        duplicates=query.duplicates,
    )


def _respond(
    request: web.Request, known: KnownPerson, *, status: int = 200, **headers: str
) -> web.Response:
    answer = serialize_person(known, request.app[CLOCK].now())
    etag = etag_of_representation(answer)
    return resource_response(request, answer, etag, status=status, **headers)
