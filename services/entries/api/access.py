"""Whose rows a request is about."""

from __future__ import annotations

from aiohttp import web

from libs.auth import PRINCIPAL, Scope, require_scope


def own(request: web.Request) -> str:
    """The caller, as the owner of what is read or written."""
    return request[PRINCIPAL].subject


def own_or(request: web.Request, person: str | None) -> str:
    """`person` where one is named, which takes manage:timesheets, else the caller."""
    if person is None or person == own(request):
        return own(request)
    require_scope(request, Scope.MANAGE_TIMESHEETS)
    return person
