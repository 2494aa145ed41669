"""The closed period."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from aiohttp import web

from portal.access import shown_to
from portal.context import api_of
from portal.days import today
from portal.failures import FormErrors
from portal.forms import Form, form_of
from portal.i18n import _
from portal.people import names_of
from portal.rendering import redirect, render

ROUTES = web.RouteTableDef()
PERIOD = "/admin/period"

Json = dict[str, Any]


@ROUTES.get(PERIOD)
@shown_to("manage:timesheets")
async def show_period(request: web.Request) -> web.StreamResponse:
    """Show the closed period and its history; the form proposes the last month's end."""
    last_of_month = today(request).replace(day=1) - timedelta(days=1)
    return await _show(request, Form.of(closed_through=last_of_month.isoformat()))


@ROUTES.post(PERIOD)
async def close_period(request: web.Request) -> web.StreamResponse:
    """Close the period through a day, or open it. A refusal of the API is shown in the form."""
    form = form_of(request)
    closed_through = None if form["open"] == "1" else form.optional("closed_through")
    body: Json = {"closed_through": closed_through}
    if form.optional("reason"):
        body["reason"] = form.text("reason")
    with FormErrors(form):
        await api_of(request).put("/v1/period", body)
        return redirect(request, PERIOD, _("Period saved."))
    return await _show(request, form)


async def _show(request: web.Request, form: Form) -> web.StreamResponse:
    """The rules hold the date too, for an API that does not show the period itself."""
    api = api_of(request)
    period = await api.find("/v1/period")
    if period is None:
        period = {"closed_through": (await api.get("/v1/entries/rules"))["closed_through"]}
    status = 422 if form.is_wrong else 200
    people = await names_of(request, [step["actor"] for step in period.get("history", ())])
    return render(
        request, "admin/period.html", status=status, period=period, form=form, people=people
    )
