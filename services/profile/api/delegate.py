"""Who stands in for the caller."""

from __future__ import annotations

from dataclasses import replace

import asyncpg
from aiohttp import web

from libs.auth import Scope, requires
from libs.postgres.pool import DATABASE
from libs.rules.calendar import earliest_today
from libs.web.app import CLOCK
from libs.web.contract import Contract, endpoint
from libs.web.etags import expected_version, require_version, resource_response
from libs.web.problems import NotFound
from libs.web.validation import body_of
from services.profile import model
from services.profile.api.access import claims_of, own
from services.profile.api.changes import meet, record
from services.profile.api.serializers import Json, serialize_profile, tag_of
from services.profile.model import Delegation
from services.profile.schemas.profile import DelegationSchema, ProfileAnswer
from services.profile.store import people as store
from services.profile.store.directory import list_delegators

ROUTES = web.RouteTableDef()

DELEGATE = "/v1/profile/delegate"


@ROUTES.put(DELEGATE)
@requires(Scope.APPROVE_TIMESHEETS)
@endpoint(
    Contract(
        summary="Name who stands in for you, from one day to another",
        description=(
            "Both days are included. It takes the place of whoever stood in before; repeating it "
            "changes nothing. Whoever stands in does so for you alone, not for those for whom you "
            f"stand in, and needs approve:timesheets to decide. At most "
            f"{model.MAX_DELEGATION_DAYS} days."
        ),
        body=DelegationSchema(),
        answers={200: ProfileAnswer()},
        problems=(412,),
        headers=("If-Match",),
    )
)
async def put_delegate(request: web.Request) -> web.Response:
    delegation, expected = body_of(request, Delegation), expected_version(request)
    sub, claims, now = own(request), claims_of(request), request.app[CLOCK].now()

    async def appoint(connection: asyncpg.Connection) -> Json:
        known, present = await meet(connection, sub, claims)
        delegators = await list_delegators(connection, sub, earliest_today(now))
        if present.delegate_at(now) != delegation:
            current = serialize_profile(known, delegators, now) if known else None
            require_version(expected, present.version, current)
            delegate = await store.read_person(connection, delegation.person)
            model.check_delegation(sub, delegation, delegate.person if delegate else None, now)
        before, after = known.person if known else None, replace(present, delegate=delegation)
        return serialize_profile(await record(connection, before, after, now), delegators, now)

    shape = await request.app[DATABASE].transact(appoint)
    return resource_response(request, shape, tag_of(shape))


@ROUTES.delete(DELEGATE)
@requires(Scope.APPROVE_TIMESHEETS)
@endpoint(
    Contract(
        summary="Let nobody stand in for you",
        answers={204: None},
        problems=(404, 412),
        headers=("If-Match",),
    )
)
async def delete_delegate(request: web.Request) -> web.Response:
    sub, now, expected = own(request), request.app[CLOCK].now(), expected_version(request)

    async def dismiss(connection: asyncpg.Connection) -> None:
        known = await store.lock_person(connection, sub)
        if known is None or known.person.delegate_at(now) is None:
            raise NotFound("Nobody stands in for you.")
        delegators = await list_delegators(connection, sub, earliest_today(now))
        require_version(expected, known.person.version, serialize_profile(known, delegators, now))
        await record(connection, known.person, replace(known.person, delegate=None), now)

    await request.app[DATABASE].transact(dismiss)
    return web.Response(status=204)
