"""Absences: one's own, and the team's for those who approve."""

from __future__ import annotations

import uuid
from datetime import date
from typing import Any

from aiohttp import web

from portal.access import shown_to
from portal.context import api_of
from portal.days import today
from portal.failures import FormErrors
from portal.forms import Form, form_of
from portal.i18n import _
from portal.lists import read_list
from portal.rendering import redirect, render

ROUTES = web.RouteTableDef()
ABSENCE = "/absences/{id:[0-9a-fA-F-]{36}}"
KINDS = ("vacation", "sick", "parental", "unpaid", "training", "other")

Json = dict[str, Any]


@ROUTES.get("/absences")
@shown_to("read:timesheets")
async def list_absences(request: web.Request) -> web.StreamResponse:
    """Show the person's absences and a form for a new one."""
    form = Form.of(id=str(uuid.uuid4()), kind="vacation", portion="1")
    return await _show(request, form)


@ROUTES.post("/absences")
async def put_absence(request: web.Request) -> web.StreamResponse:
    """Create or replace an absence. A refusal of the API is shown in the form."""
    form = form_of(request)
    for name in ("from", "to"):
        if not form.text(name):
            form.refuse(name, _("Choose a day."))
    if not form.is_wrong:
        body: Json = {
            "from": form.text("from"),
            "to": form.text("to"),
            "kind": form["kind"],
            "portion": 0.5 if form["portion"] == "0.5" else 1,
            "note": form.text("note"),
        }
        with FormErrors(form):
            await api_of(request).put(f"/v1/absences/{_id(form['id'])}", body)
            return redirect(request, "/absences", _("Absence saved."))
    return await _show(request, form)


@ROUTES.post(f"{ABSENCE}/delete")
async def delete_absence(request: web.Request) -> web.StreamResponse:
    """Delete an absence and show the list again."""
    await api_of(request).delete(f"/v1/absences/{request.match_info['id']}")
    return redirect(request, "/absences", _("Absence deleted."))


async def _show(request: web.Request, form: Form) -> web.StreamResponse:
    year = _year(request)
    query: Json = {"from": date(year, 1, 1), "to": date(year, 12, 31)}
    if person := request.query.get("person"):
        query["person"] = person
    listing = await read_list(api_of(request), "/v1/absences", query, limit=200)
    return render(
        request,
        "absences.html",
        status=422 if form.is_wrong else 200,
        listing=listing,
        form=form,
        year=year,
        kinds=KINDS,
    )


def _id(text: str) -> str:
    try:
        return str(uuid.UUID(text))
    except ValueError as error:
        raise web.HTTPBadRequest from error


def _year(request: web.Request) -> int:
    given = request.query.get("year", "")
    return int(given) if given.isdecimal() and 1970 < int(given) < 9999 else today(request).year
