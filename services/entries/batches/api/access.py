"""Which batches a caller may see."""

from __future__ import annotations

from uuid import UUID

from aiohttp import web

from libs.auth import PRINCIPAL, Scope, require_scope
from libs.postgres.pool import DATABASE
from libs.postgres.shares import Share
from libs.web.problems import Forbidden, NotFound
from services.entries.batches.model import Batch
from services.entries.batches.store import batches as store


def uploading_client(request: web.Request) -> str:
    """The client id of the machine that calls. Raises `Forbidden` for a person."""
    principal = request[PRINCIPAL]
    if not principal.is_machine or principal.client_id is None:
        raise Forbidden("Only an application can upload, not a person.")
    return principal.client_id


def visible_client(request: web.Request) -> str | None:
    """The client whose batches the caller may see: a machine its own, or None for those of all,
    which needs manage:timesheets."""
    if request[PRINCIPAL].is_machine:
        return uploading_client(request)
    require_scope(request, Scope.MANAGE_TIMESHEETS)
    return None


def batch_id_of(request: web.Request) -> UUID:
    """The id in the path. Raises `NotFound`."""
    try:
        return UUID(request.match_info["id"])
    except ValueError as error:
        raise NotFound("There is no such batch.") from error


async def batch_or_404(request: web.Request) -> Batch:
    """The batch in the path, if the caller may see it. Raises `NotFound`."""
    client = visible_client(request)
    async with request.app[DATABASE].connection(Share.BATCHES) as connection:
        batch = await store.read_batch(connection, batch_id_of(request))
    if batch is None or client not in (None, batch.client.id):
        raise NotFound("There is no such batch.")
    return batch
