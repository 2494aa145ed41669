"""The own profile."""

from __future__ import annotations

from dataclasses import replace

import asyncpg
from aiohttp import web

from libs.auth import authenticated
from libs.postgres.pool import DATABASE
from libs.rules.calendar import earliest_today
from libs.web.app import CLOCK
from libs.web.contract import Contract, endpoint
from libs.web.etags import expected_version, require_version, resource_response
from libs.web.validation import body_of
from services.profile import model
from services.profile.api.access import claims_of, own
from services.profile.api.changes import meet, record
from services.profile.api.serializers import Json, serialize_profile, tag_of
from services.profile.schemas.profile import ProfileAnswer, ProfilePatch, ProfilePatchSchema
from services.profile.store import people as store
from services.profile.store.directory import list_delegators

ROUTES = web.RouteTableDef()

PROFILE = "/v1/profile"


@ROUTES.get(PROFILE, allow_head=False)
@authenticated
@endpoint(
    Contract(
        summary="Read the own profile",
        description=(
            "The first call makes it of the token's name and e-mail, unless the directory has "
            "the person already. As long as the name or the e-mail says what the token said last, "
            "it follows the token; what was written by hand stays. A machine has no profile: 403."
        ),
        answers={200: ProfileAnswer(), 304: None},
    )
)
async def show_profile(request: web.Request) -> web.Response:
    sub, claims, now = own(request), claims_of(request), request.app[CLOCK].now()
    today = earliest_today(now)
    async with request.app[DATABASE].connection() as connection:
        known = await store.read_person(connection, sub)
        delegators = await list_delegators(connection, sub, today)

    async def sign_in(connection: asyncpg.Connection) -> store.Known:
        present, person = await meet(connection, sub, claims)
        return await record(connection, present.person if present else None, person, now)

    if known is None or model.follow(known.person, claims) != known.person:
        known = await request.app[DATABASE].transact(sign_in)
    shape = serialize_profile(known, delegators, now)
    return resource_response(request, shape, tag_of(shape))


@ROUTES.patch(PROFILE)
@authenticated
@endpoint(
    Contract(
        summary="Change some fields of the own profile",
        description="All else is for an administrator to change: PUT /v1/people/{sub}.",
        body=ProfilePatchSchema(),
        answers={200: ProfileAnswer()},
        problems=(412,),
        headers=("If-Match",),
    )
)
async def patch_profile(request: web.Request) -> web.Response:
    patch, expected = body_of(request, ProfilePatch), expected_version(request)
    sub, claims, now = own(request), claims_of(request), request.app[CLOCK].now()

    async def change(connection: asyncpg.Connection) -> Json:
        known, present = await meet(connection, sub, claims)
        delegators = await list_delegators(connection, sub, earliest_today(now))
        changed = replace(present, **patch.changes)
        if changed != present:
            current = serialize_profile(known, delegators, now) if known else None
            require_version(expected, present.version, current)
        before = known.person if known else None
        return serialize_profile(await record(connection, before, changed, now), delegators, now)

    shape = await request.app[DATABASE].transact(change)
    return resource_response(request, shape, tag_of(shape))
