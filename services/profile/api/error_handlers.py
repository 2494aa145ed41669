"""Errors of the model as problems."""

from __future__ import annotations

from aiohttp import web
from aiohttp.typedefs import Handler

from libs.web.app import CLOCK
from libs.web.etags import etag_of, etag_of_representation
from libs.web.problems import NotFound, PreconditionFailed
from services.profile.api.serializers import serialize_person, serialize_profile
from services.profile.commands.profile import OwnProfile
from services.profile.model import (
    AlreadyExists,
    NoDelegate,
    StaleVersion,
    UnknownContract,
    UnknownPerson,
)
from services.profile.schemas.people import Person
from services.profile.schemas.profile import Profile
from services.profile.store.people import KnownPerson


@web.middleware
async def map_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A missing resource is 404; a stale version is 412 with the present representation."""
    try:
        return await handler(request)
    except UnknownPerson as error:
        raise NotFound("There is no such person.") from error
    except UnknownContract as error:
        raise NotFound("There is no contract from this day.") from error
    except NoDelegate as error:
        raise NotFound("You have no delegate.") from error
    except AlreadyExists as error:
        raise PreconditionFailed(str(error), current=_current(request, error.current)) from error
    except StaleVersion as error:
        current = _current(request, error.current)
        etag = etag_of_representation(current) if current else etag_of(error.version)
        headers = {"ETag": etag}
        raise PreconditionFailed(
            str(error), headers=headers, version=error.version, current=current
        ) from error


def _current(request: web.Request, current: object) -> Person | Profile | None:
    now = request.app[CLOCK].now()
    if isinstance(current, KnownPerson):
        return serialize_person(current, now)
    return serialize_profile(current, now) if isinstance(current, OwnProfile) else None
