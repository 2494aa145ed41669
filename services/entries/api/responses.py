"""Resources as responses, with their ETag."""

from __future__ import annotations

from typing import Any

import asyncpg
from aiohttp import web

from libs.postgres.idempotency import REPLAYED, StoredResponse, idempotent_response
from libs.postgres.transactions import Work
from libs.web.etags import etag_of, etag_of_representation, resource_response
from services.entries.api.serializers import serialize_entry, serialize_timesheet
from services.entries.commands.entries import Author, Saved
from services.entries.commands.timesheets import WholeWeek
from services.entries.metrics import SERVICE_METRICS
from services.entries.model import lock_of
from services.entries.resources import Project
from services.entries.store.entries import EntryInContext


def entry_response(
    request: web.Request, entry: EntryInContext, *, status: int = 200
) -> web.Response:
    """The entry; 201 names its address as well."""
    headers: dict[str, Any] = {}
    if status == 201:
        headers["Location"] = f"/v1/entries/{entry.entry.id}"
    return resource_response(
        request, serialize_entry(entry), _etag_of_entry(entry), status=status, **headers
    )


def saved_response(
    request: web.Request, author: Author, saved: Saved, *, status: int | None = None
) -> web.Response:
    """The entry after a command, counted if it is new; 201 or 200 unless `status` is given."""
    if saved.created:
        request.app[SERVICE_METRICS].count_entries(author.source)
    return entry_response(request, saved.entry, status=status or (201 if saved.created else 200))


async def save_once(
    request: web.Request, author: Author, save: Work[Saved], *, status: int | None = None
) -> web.Response:
    """As `saved_response`; the response is stored under the Idempotency-Key in one transaction."""
    created = False

    async def work(connection: asyncpg.Connection) -> StoredResponse:
        nonlocal created
        saved = await save(connection)
        created = saved.created
        answered = status or (201 if created else 200)
        return StoredResponse.of(entry_response(request, saved.entry, status=answered))

    response = await idempotent_response(request, author.person, work)
    if created and REPLAYED not in response.headers:
        request.app[SERVICE_METRICS].count_entries(author.source)
    return response


def week_response(request: web.Request, whole: WholeWeek) -> web.Response:
    """A week looks different too when a day is closed, its target moves or it begins."""
    shape = serialize_timesheet(whole)
    return resource_response(request, shape, etag_of_representation(shape))


def project_response(
    request: web.Request, project: Project, *, status: int = 200, **headers: str
) -> web.Response:
    """A project looks different too on the day that a new name or customer begins."""
    etag = etag_of_representation(project)
    return resource_response(request, project, etag, status=status, **headers)


def _etag_of_entry(entry: EntryInContext) -> str:
    """An entry looks different once it is locked, and is still the same version."""
    lock = lock_of(entry.entry.date, entry.state, entry.closed_through)
    return etag_of(entry.entry.version, lock.reason if lock else None)
