"""The delegate of the caller."""

from __future__ import annotations

from aiohttp import web

from libs.auth import Scope, requires
from libs.postgres.pool import DATABASE
from libs.service.access import current_person
from libs.service.preconditions import preconditions_of
from libs.web.app import CLOCK
from libs.web.contract import Contract, endpoint
from libs.web.etags import etag_of_representation, resource_response
from libs.web.validation import body_of
from services.profile.api.access import current_claims
from services.profile.api.serializers import serialize_profile
from services.profile.commands.profile import appoint_delegate, remove_delegate
from services.profile.model import MAX_DELEGATION_DAYS, Delegation
from services.profile.schemas.profile import DelegationSchema, ProfileAnswer

ROUTES = web.RouteTableDef()

DELEGATE = "/v1/profile/delegate"


@ROUTES.put(DELEGATE)
@requires(Scope.APPROVE_TIMESHEETS)
@endpoint(
    Contract(
        summary="Appoint a delegate from one day to another",
        description=(
            "Both days are included. Replaces the delegate before; repeating it changes nothing. "
            "The delegate decides the weeks of your team only, not of those for whom you are the "
            "delegate. They have to be active, and the scopes of their last token must include "
            f"approve:timesheets. At most {MAX_DELEGATION_DAYS} days."
        ),
        body=DelegationSchema(),
        answers={200: ProfileAnswer()},
        problems=(412,),
        headers=("If-Match",),
    )
)
async def put_delegate(request: web.Request) -> web.Response:
    """PUT the caller's delegate: who decides in their place, and when."""
    now = request.app[CLOCK].now()
    profile = await appoint_delegate(
        request.app[DATABASE],
        current_person(request),
        current_claims(request),
        body_of(request, Delegation),
        now,
        preconditions_of(request),
    )
    answer = serialize_profile(profile, now)
    return resource_response(request, answer, etag_of_representation(answer))


@ROUTES.delete(DELEGATE)
@requires(Scope.APPROVE_TIMESHEETS)
@endpoint(
    Contract(
        summary="Remove your delegate",
        answers={204: None},
        problems=(404, 412),
        headers=("If-Match",),
    )
)
async def delete_delegate(request: web.Request) -> web.Response:
    """DELETE the caller's delegate."""
    await remove_delegate(
        request.app[DATABASE],
        current_person(request),
        request.app[CLOCK].now(),
        preconditions_of(request),
    )
    return web.Response(status=204)
