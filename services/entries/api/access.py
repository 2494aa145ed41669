"""Who a request acts for, and what it expects to find."""

from __future__ import annotations

from uuid import UUID

from aiohttp import web

from libs.auth import PRINCIPAL, Scope, require_scope
from libs.changes import Actor
from libs.rules.calendar import Week
from libs.web.etags import creates_only, expected_version
from libs.web.problems import FieldError, NotFound, UnprocessableContent
from services.entries.commands.entries import Author
from services.entries.preconditions import Preconditions


def current_user(request: web.Request) -> str:
    """The caller, as the owner of what is read or written."""
    return request[PRINCIPAL].subject


def actor_of(request: web.Request) -> Actor:
    """The caller, as the change log names it."""
    principal = request[PRINCIPAL]
    return Actor(principal.subject, principal.client_id)


def author_of(request: web.Request) -> Author:
    """The caller, as the owner of the entries that the request writes."""
    return Author(current_user(request))


def user_or_admin(request: web.Request, person: str | None) -> str:
    """`person` if one is named, which requires manage:timesheets; else the caller."""
    if person is None or person == current_user(request):
        return current_user(request)
    require_scope(request, Scope.MANAGE_TIMESHEETS)
    return person


def entry_id_of(request: web.Request) -> UUID:
    """The id in the path."""
    try:
        return UUID(request.match_info["id"])
    except ValueError as error:
        raise NotFound("There is no such entry.") from error


def week_of(request: web.Request) -> Week:
    """The week in the path."""
    try:
        return Week.parse(request.match_info["week"])
    except ValueError as error:
        raise UnprocessableContent([FieldError("/week", str(error), "invalid", "path")]) from error


def preconditions_of(request: web.Request) -> Preconditions:
    """What `If-Match` and `If-None-Match` demand."""
    return Preconditions(
        version=expected_version(request),
        exists="If-Match" in request.headers,
        is_new=creates_only(request),
    )
