"""The caller, and the approval that the address names."""

from __future__ import annotations

from uuid import UUID

from aiohttp import web

from libs.auth import PRINCIPAL, Scope
from libs.service.access import audit_access, current_person
from libs.web.app import CLOCK
from libs.web.problems import NotFound
from services.approvals.model import Caller, Today

APPROVAL = "/v1/approvals/{id:[0-9a-fA-F-]{36}}"


def current_caller(request: web.Request) -> Caller:
    """The calling person, an administrator with manage:timesheets. Raises `Forbidden` for a
    machine."""
    actor = current_person(request)
    return Caller(actor.subject, Scope.MANAGE_TIMESHEETS in request[PRINCIPAL].scopes)


def today_of(request: web.Request) -> Today:
    """The days that are "today" somewhere on Earth at the moment of the request."""
    return Today.at(request.app[CLOCK].now())


def approval_id_of(request: web.Request) -> UUID:
    """The id in the path. Raises `NotFound` if it is not a UUID."""
    try:
        return UUID(request.match_info["id"])
    except ValueError as error:
        raise NotFound("There is no such approval.") from error


def audit_administrator(request: web.Request, caller: Caller, **data: object) -> None:
    """One audit line if the caller can read everybody's weeks."""
    if caller.administers:
        audit_access(request, **data)
