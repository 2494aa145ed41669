"""Who asks, and what of an approval they see."""

from __future__ import annotations

from uuid import UUID

import asyncpg
from aiohttp import web

from libs.auth import PRINCIPAL, Scope
from libs.web.etags import etag_of_representation
from libs.web.problems import NotFound
from services.approvals.api.serializers import (
    Json,
    serialize_approval,
    serialize_summary,
)
from services.approvals.model import Caller, Standing, Today, standing_of
from services.approvals.store.approvals import Case, read_entries
from services.approvals.store.history import read_history

APPROVAL = "/v1/approvals/{id:[0-9a-fA-F-]{36}}"


def caller_of(request: web.Request) -> Caller:
    """Whoever calls; with manage:timesheets as an administrator too."""
    principal = request[PRINCIPAL]
    return Caller(principal.subject, Scope.MANAGE_TIMESHEETS in principal.scopes)


def approval_id_of(request: web.Request) -> UUID:
    try:
        return UUID(request.match_info["id"])
    except ValueError as error:
        raise NotFound("There is no such approval.") from error


def found(case: Case | None) -> Case:
    if case is None:
        raise NotFound("There is no such approval.")
    return case


def standing_in(case: Case, caller: Caller, today: Today) -> Standing | None:
    return standing_of(case.approval.person, case.manager, caller, today)


async def serialize_details(
    connection: asyncpg.Connection, case: Case, standing: Standing | None
) -> Json:
    summary = serialize_summary(case, standing)
    entries = await read_entries(connection, case.approval.id)
    history = await read_history(connection, case.approval.id)
    return serialize_approval(summary, entries, history)


def tag_of(shape: Json) -> str:
    return etag_of_representation(shape)
