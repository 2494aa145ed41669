"""Who a request acts for, and what it expects to find."""

from __future__ import annotations

from uuid import UUID

import structlog
from aiohttp import hdrs, web

from libs.auth import PRINCIPAL, Scope, require_scope
from libs.changes import Actor
from libs.postgres.pool import DATABASE
from libs.rules.calendar import Week
from libs.web.etags import creates_only, expected_version
from libs.web.problems import FieldError, Forbidden, NotFound, UnprocessableContent
from services.entries.commands.entries import Author
from services.entries.preconditions import Preconditions
from services.entries.store.people import is_managed_by

log = structlog.get_logger(__name__)

# The product in the User-Agent of the portal (RFC 9110 section 10.1.5).
PORTAL_AGENT = "timesheets-portal"


def current_user(request: web.Request) -> str:
    """The caller, as the owner of what is read or written. Raises `Forbidden` for a machine."""
    principal = request[PRINCIPAL]
    if principal.is_machine:
        raise Forbidden("A machine has no entries and no weeks. Use the token of a person.")
    return principal.subject


def actor_of(request: web.Request) -> Actor:
    """The caller, as the change log names it."""
    principal = request[PRINCIPAL]
    return Actor(principal.subject, principal.client_id)


def person_acting(request: web.Request) -> Actor:
    """As `actor_of`; raises `Forbidden` for a machine."""
    current_user(request)
    return actor_of(request)


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
    log_access(request, person)
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
    log_access(request, person)
    return person


def log_access(request: web.Request, person: str) -> None:
    """One line for each access to another person's data."""
    log.info(
        "access to another person's data",
        audit=True,
        actor=request[PRINCIPAL].subject,
        client=request[PRINCIPAL].client_id,
        person=person,
        method=request.method,
        path=request.path,
    )


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
