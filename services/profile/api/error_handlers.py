"""Domain errors as problems."""

from __future__ import annotations

from aiohttp import web

from libs.rules.errors import NotVisible, StaleVersion
from libs.web.app import CLOCK
from libs.web.etags import etag_of, etag_of_representation
from libs.web.problems import NotFound, PreconditionFailed, Problem
from services.profile.api.serializers import serialize_person, serialize_profile
from services.profile.commands.profile import OwnProfile
from services.profile.schemas.people import Person
from services.profile.schemas.profile import Profile
from services.profile.store.people import KnownPerson


def problem_of(request: web.Request, error: Exception) -> Problem | None:
    """A missing resource is 404; a stale version is 412 with the present representation."""
    match error:
        case NotVisible():
            return NotFound(str(error))
        case StaleVersion():
            return _stale(request, error)
        case _:
            return None


def _stale(request: web.Request, error: StaleVersion) -> PreconditionFailed:
    if error.version is None:
        return PreconditionFailed(str(error))
    current = _current(request, error.current)
    etag = etag_of_representation(current) if current else etag_of(error.version)
    headers = {"ETag": etag}
    return PreconditionFailed(str(error), headers=headers, version=error.version, current=current)


def _current(request: web.Request, current: object) -> Person | Profile | None:
    now = request.app[CLOCK].now()
    if isinstance(current, KnownPerson):
        return serialize_person(current, now)
    return serialize_profile(current, now) if isinstance(current, OwnProfile) else None
