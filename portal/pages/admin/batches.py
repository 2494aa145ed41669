"""Uploads of other companies: what became of them, their errors, and undoing them."""

from __future__ import annotations

import asyncio

from aiohttp import web

from portal.access import shown_to
from portal.context import api_of
from portal.failures import FormErrors
from portal.forms import Form, form_of
from portal.i18n import _
from portal.lists import filters_of, query_of, read_list
from portal.rendering import redirect, render

ROUTES = web.RouteTableDef()
LIST = "/admin/batches"
BATCH = f"{LIST}/{{id:[0-9a-fA-F-]{{36}}}}"


@ROUTES.get(LIST)
@shown_to("manage:timesheets")
async def list_batches(request: web.Request) -> web.StreamResponse:
    """Show uploads, newest first."""
    filters = filters_of(request, ("client",))
    listing = await read_list(api_of(request), "/v1/batches", query_of(filters, request))
    return render(request, "admin/batches.html", listing=listing, filters=filters)


@ROUTES.get(BATCH)
@shown_to("manage:timesheets")
async def show_batch(request: web.Request) -> web.StreamResponse:
    """Show an upload and its errors."""
    return await _show(request, Form())


@ROUTES.post(f"{BATCH}/undo")
async def undo_batch(request: web.Request) -> web.StreamResponse:
    """Undo an upload. If the API refuses, its page says why."""
    form, batch_id = form_of(request), request.match_info["id"]
    with FormErrors(form):
        await api_of(request).delete(f"/v1/batches/{batch_id}")
        return redirect(request, f"{LIST}/{batch_id}", _("Batch undone."))
    return await _show(request, form)


async def _show(request: web.Request, form: Form) -> web.StreamResponse:
    api, path = api_of(request), f"/v1/batches/{request.match_info['id']}"
    cursor = {"cursor": request.query.get("cursor")}
    batch, errors = await asyncio.gather(api.get(path), read_list(api, f"{path}/errors", cursor))
    status = 422 if form.is_wrong else 200
    return render(request, "admin/batch.html", status=status, batch=batch, errors=errors, form=form)
