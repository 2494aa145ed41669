"""Submitting, withdrawing and reopening a week."""

from __future__ import annotations

from datetime import date
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from libs.rules.calendar import Week
from portal.access import shown_to
from portal.api_client import ApiProblem
from portal.context import api_of
from portal.days import week_of
from portal.formats import day, duration
from portal.forms import Form, form_of
from portal.i18n import _
from portal.people import names_of
from portal.rendering import redirect, render

ROUTES = web.RouteTableDef()
LONG_DAY_MINUTES = 10 * 60

Json = dict[str, Any]


@ROUTES.get("/weeks/{week}/submit")
@shown_to("create:timesheets", "approve:timesheets", "manage:timesheets")
async def confirm_submission(request: web.Request) -> web.StreamResponse:
    """The unusual things about the week, before it is submitted."""
    week, person = week_of(request), request.query.get("person", "")
    sheet = await api_of(request).get(f"/v1/timesheets/{week}", person=person)
    names = await names_of(request, [person])
    return render(
        request,
        "submit.html",
        week=week,
        sheet=sheet,
        remarks=remarks_on(sheet),
        person=person,
        person_name=names.get(person, person),
    )


@ROUTES.post("/weeks/{week}/submit")
async def submit(request: web.Request) -> web.StreamResponse:
    """Submit a week, one's own or that of the person in the form."""
    week, person = week_of(request), form_of(request).optional("person")
    path = f"/v1/timesheets/{week}/submit"
    await api_of(request).request("POST", path, body={"person": person} if person else None)
    return redirect(request, _week_address(week, person), _("Week submitted."))


@ROUTES.post("/weeks/{week}/withdraw")
async def withdraw(request: web.Request) -> web.StreamResponse:
    """Withdraw the person's own submitted week."""
    week = week_of(request)
    await api_of(request).request("POST", f"/v1/timesheets/{week}/withdraw")
    return redirect(request, f"/weeks/{week}", _("Week withdrawn. You can edit it again."))


@ROUTES.get("/weeks/{week}/reopen")
@shown_to("approve:timesheets", "manage:timesheets")
async def ask_for_reason(request: web.Request) -> web.StreamResponse:
    """Show the form that reopens a week, which needs a reason."""
    form = Form.of(person=request.query.get("person", ""))
    return render(request, "reopen.html", week=week_of(request), form=form)


@ROUTES.post("/weeks/{week}/reopen")
async def reopen(request: web.Request) -> web.StreamResponse:
    """Reopen somebody's approved week. A refusal of the API is shown in the form."""
    week, form = week_of(request), form_of(request)
    body = {"person": form.text("person"), "reason": form.text("reason")}
    try:
        await api_of(request).post(f"/v1/timesheets/{week}/reopen", body)
    except ApiProblem as problem:
        if problem.status not in (409, 422):
            raise
        form.errors, form.error = problem.fields, problem.message
        return render(request, "reopen.html", status=problem.status, week=week, form=form)
    return redirect(request, _week_address(week, form.text("person")), _("Week reopened."))


def remarks_on(sheet: Json) -> list[str]:
    """Warnings about oversights; none of them prevents submitting."""
    remarks = []
    target, total = sheet.get("target_minutes"), sheet["total_minutes"]
    if target and total < target:
        remarks.append(_("%(minutes)s short of target.") % {"minutes": duration(target - total)})
    if target and total > target:
        remarks.append(_("%(minutes)s above target.") % {"minutes": duration(total - target)})
    for row in sheet["days"]:
        remarks += _remarks_on_day(row)
    return remarks


def _remarks_on_day(row: Json) -> list[str]:
    parsed, minutes = date.fromisoformat(row["date"]), row["minutes"]
    name = day(parsed)
    target = row.get("target_minutes", 1 if parsed.weekday() < 5 else 0)
    is_off = bool(row.get("holiday") or row.get("absence"))
    if not minutes and target and not is_off:
        return [_("No hours on %(day)s.") % {"day": name}]
    if minutes > LONG_DAY_MINUTES:
        return [_("More than 10 hours on %(day)s.") % {"day": name}]
    if minutes and parsed.weekday() >= 5:
        return [_("Hours on the weekend: %(day)s.") % {"day": name}]
    if minutes and is_off:
        return [_("Hours on a day off: %(day)s.") % {"day": name}]
    return []


def _week_address(week: Week, person: str | None) -> str:
    return f"/weeks/{week}?{urlencode({'person': person})}" if person else f"/weeks/{week}"
