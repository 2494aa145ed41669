"""One's own weeks, by month."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from aiohttp import web

from libs.rules.calendar import Week
from portal.access import shown_to
from portal.context import api_of
from portal.days import today
from portal.rendering import render

ROUTES = web.RouteTableDef()
WEEKS = 26

Json = dict[str, Any]


@ROUTES.get("/months")
@shown_to("read:timesheets")
async def show_months(request: web.Request) -> web.StreamResponse:
    """Show the person's weeks by month, each with its state and total."""
    last = _last_week(request)
    first = last.plus(1 - WEEKS)
    page = await api_of(request).get("/v1/timesheets", from_=str(first), to=str(last), limit=WEEKS)
    months = [(month, list(sheets)) for month, sheets in groupby(page["items"], key=_month_of)]
    return render(
        request,
        "months.html",
        months=[
            (month, sheets, sum(sheet["total_minutes"] for sheet in sheets))
            for month, sheets in months
        ],
        earlier=str(first.plus(-1)),
        later=str(last.plus(WEEKS)) if last < Week.of(today(request)) else "",
    )


def _month_of(sheet: Json) -> str:
    """A week counts for the month of its Thursday, as it does for its year."""
    monday = Week.parse(sheet["week"])
    return monday.days[3].replace(day=1).isoformat()


def _last_week(request: web.Request) -> Week:
    try:
        return Week.parse(request.query.get("until", ""))
    except ValueError:
        return Week.of(today(request))
