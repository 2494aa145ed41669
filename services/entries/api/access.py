"""The caller of a request, and the person it is about."""

from __future__ import annotations

from uuid import UUID

from aiohttp import hdrs, web

from libs.auth import PRINCIPAL, Scope, require_scope
from libs.postgres.pool import DATABASE
from libs.rules.calendar import Week
from libs.service.access import audit_access, current_person
from libs.web.problems import FieldError, NotFound, UnprocessableContent
from services.entries.commands.entries import Author
from services.entries.store.people import is_managed_by

# The product in the User-Agent of the portal (RFC 9110 section 10.1.5).
PORTAL_AGENT = "timesheets-portal"


def current_user(request: web.Request) -> str:
    """The caller, as the owner of what is read or written. Raises `Forbidden` for a machine."""
    return current_person(request).subject


def author_of(request: web.Request) -> Author:
    """The caller, as the owner of the entries that the request writes, and through which client."""
    agent = request.headers.get(hdrs.USER_AGENT, "")
    source = "portal" if agent.startswith(PORTAL_AGENT) else "app"
    return Author(current_user(request), source)


def user_or_admin(request: web.Request, person: str | None) -> str:
    """`person` if one is named, which requires manage:timesheets; else the caller."""
    if person is None or person == request[PRINCIPAL].subject:
        return current_user(request)
    require_scope(request, Scope.MANAGE_TIMESHEETS)
    audit_access(request, person=person)
    return person


async def user_or_report(request: web.Request, person: str | None) -> str:
    """`person` if one is named, which requires manage:timesheets, or approve:timesheets for a
    direct report; else the caller. Raises `NotFound` for other people's reports."""
    if person is None or person == request[PRINCIPAL].subject:
        return current_user(request)
    return await managed_person(request, person)


async def managed_person(request: web.Request, person: str) -> str:
    """The person, on whose behalf an administrator or the manager acts."""
    require_scope(request, Scope.MANAGE_TIMESHEETS, Scope.APPROVE_TIMESHEETS)
    principal = request[PRINCIPAL]
    if Scope.MANAGE_TIMESHEETS not in principal.scopes:
        async with request.app[DATABASE].connection() as connection:
            if not await is_managed_by(connection, person, principal.subject):
                raise NotFound("There is no such person in your team.")
    audit_access(request, person=person)
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
