"""The caller in the terms of the commands, and the audit line for reading others' data."""

from __future__ import annotations

import structlog
from aiohttp import web

from libs.auth import PRINCIPAL, Principal
from libs.changes import Actor
from libs.web.metrics import route_of
from libs.web.problems import Forbidden

log = structlog.get_logger(__name__)


def current_actor(request: web.Request) -> Actor:
    """The caller, a person or a machine."""
    principal = request[PRINCIPAL]
    return Actor(principal.subject, principal.client_id)


def current_person(request: web.Request) -> Actor:
    """The caller, who has to be a person. Raises `Forbidden` for a machine."""
    if request[PRINCIPAL].is_machine:
        raise Forbidden(
            "This is for people. A machine has no profile and no timesheets, and decides nothing."
        )
    return current_actor(request)


def token_fields(principal: Principal) -> dict[str, str]:
    """The claims of the token for a log: its client `azp`, its id `jti`, and in `act` who acts for
    the subject (RFC 8693 4.1). Claims that the token lacks are left out."""
    fields = {}
    if principal.client_id is not None:
        fields["azp"] = principal.client_id
    if principal.token_id is not None:
        fields["jti"] = principal.token_id
    if principal.actor is not None:
        fields["act"] = principal.actor
    return fields


def audit_access(request: web.Request, **data: object) -> None:
    """Log that the caller reads other people's data: one line, saying whose or by which filter.

    The access log has no query, so it does not show `?person=`.
    """
    principal = request[PRINCIPAL]
    given = {name: value for name, value in data.items() if value is not None}
    log.info(
        "personal data accessed",
        actor=principal.subject,
        **token_fields(principal),
        route=f"{request.method} {route_of(request)}",
        **given,
    )
