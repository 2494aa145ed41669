"""The company's own days off, beside the calendars of the contracts."""

from __future__ import annotations

from datetime import date
from typing import Any
from urllib.parse import quote

from aiohttp import web

from portal.access import shown_to
from portal.context import api_of
from portal.days import today
from portal.failures import FormErrors
from portal.forms import Form, form_of
from portal.i18n import _
from portal.lists import Listing
from portal.rendering import redirect, render

ROUTES = web.RouteTableDef()
HOLIDAYS = "/admin/holidays"

Json = dict[str, Any]


@ROUTES.get(HOLIDAYS)
@shown_to("manage:timesheets")
async def list_holidays(request: web.Request) -> web.StreamResponse:
    """Show the holidays of a year and a form for the company's own days."""
    return await _show(request, Form())


@ROUTES.post(HOLIDAYS)
async def put_holiday(request: web.Request) -> web.StreamResponse:
    """Create or rename a holiday of the company. A refusal of the API is shown in the form."""
    form = form_of(request)
    day = quote(form.text("date"), safe="")
    if not day:
        form.refuse("date", _("Choose a day."))
        return await _show(request, form)
    with FormErrors(form):
        await api_of(request).put(f"/v1/holidays/{day}", {"name": form.text("name")})
        return redirect(request, f"{HOLIDAYS}?year={day[:4]}", _("Holiday saved."))
    return await _show(request, form)


@ROUTES.post(f"{HOLIDAYS}/delete")
async def delete_holiday(request: web.Request) -> web.StreamResponse:
    """Delete a holiday of the company and show its year again."""
    day = quote(form_of(request).text("date"), safe="")
    await api_of(request).delete(f"/v1/holidays/{day}")
    return redirect(request, f"{HOLIDAYS}?year={day[:4]}", _("Holiday deleted."))


async def _show(request: web.Request, form: Form) -> web.StreamResponse:
    year = _year(request)
    query = {"from": date(year, 1, 1), "to": date(year, 12, 31)}
    found = await api_of(request).find("/v1/holidays", **query)
    listing = Listing(found["items"]) if found else Listing(is_available=False)
    status = 422 if form.is_wrong else 200
    return render(
        request, "admin/holidays.html", status=status, listing=listing, form=form, year=year
    )


def _year(request: web.Request) -> int:
    given = request.query.get("year", "")
    return int(given) if given.isdecimal() and 1970 < int(given) < 9999 else today(request).year
