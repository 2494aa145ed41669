"""The own profile."""

from __future__ import annotations

from aiohttp import web

from libs.auth import authenticated
from libs.postgres.pool import DATABASE
from libs.service.access import current_person
from libs.service.preconditions import preconditions_of
from libs.web.app import CLOCK
from libs.web.contract import Contract, endpoint
from libs.web.etags import etag_of_representation, resource_response
from libs.web.validation import body_of
from services.profile.api.access import current_claims
from services.profile.api.serializers import serialize_profile
from services.profile.commands.profile import OwnProfile, change_profile, load_profile
from services.profile.schemas.profile import ProfileAnswer, ProfilePatch, ProfilePatchSchema

ROUTES = web.RouteTableDef()

PROFILE = "/v1/profile"


@ROUTES.get(PROFILE, allow_head=False)
@authenticated
@endpoint(
    Contract(
        summary="Read your profile",
        description=(
            "The first call creates it from the token's name and e-mail, unless the directory has "
            "the person already. As long as the name or the e-mail equals that of the last token, "
            "it follows newer tokens; a value set by hand stays. A machine has no profile: 403."
        ),
        answers={200: ProfileAnswer(), 304: None},
    )
)
async def show_profile(request: web.Request) -> web.Response:
    """GET the caller's own profile, which their first token creates."""
    profile = await load_profile(
        request.app[DATABASE],
        current_person(request),
        current_claims(request),
        request.app[CLOCK].now(),
    )
    return _respond(request, profile)


@ROUTES.patch(PROFILE)
@authenticated
@endpoint(
    Contract(
        summary="Change some fields of your profile",
        description="An administrator changes the others: PATCH /v1/people/{sub}.",
        body=ProfilePatchSchema(),
        answers={200: ProfileAnswer()},
        problems=(412,),
        headers=("If-Match",),
    )
)
async def patch_profile(request: web.Request) -> web.Response:
    """PATCH the fields of the caller's profile that they may change."""
    profile = await change_profile(
        request.app[DATABASE],
        current_person(request),
        current_claims(request),
        body_of(request, ProfilePatch).changes,
        request.app[CLOCK].now(),
        preconditions_of(request),
    )
    return _respond(request, profile)


def _respond(request: web.Request, profile: OwnProfile) -> web.Response:
    answer = serialize_profile(profile, request.app[CLOCK].now())
    return resource_response(request, answer, etag_of_representation(answer))
