"""Approvals: the list, one submission, decisions, and weeks that are overdue."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import Any

from aiohttp import web

from portal.access import shown_to
from portal.badges import BADGES
from portal.context import api_of, profile_of
from portal.failures import FormErrors
from portal.forms import Form, form_of
from portal.i18n import _, ngettext
from portal.lists import Listing, filters_of, query_of, read_list
from portal.people import names_of, person_of, read_people
from portal.rendering import SESSION, address, redirect, render

ROUTES = web.RouteTableDef()
APPROVAL = "/approvals/{id:[0-9a-fA-F-]{36}}"
FILTERS = ("state", "person", "week", "flags", "why")
FLAGS = (
    *("over_10_hours", "weekend", "holiday", "off_target", "new_project", "uploaded"),
    *("resubmitted", "submitted_for", "billable_differs", "not_yet_worked"),
)

Json = dict[str, Any]


@ROUTES.get("/approvals")
@shown_to("approve:timesheets")
async def list_approvals(request: web.Request) -> web.StreamResponse:
    """Show the weeks that the person may decide, oldest submission first."""
    return await _show_list(request, Form())


@ROUTES.post("/approvals")
async def decide_many(request: web.Request) -> web.StreamResponse:
    """Decide all that are ticked, each independently."""
    form = form_of(request)
    ids, decision = form.all("id"), form["decision"]
    if not ids:
        form.error = _("Select at least one week.")
    elif decision == "reject" and not form.text("reason"):
        form.refuse("reason", _("A rejection needs a reason."))
    if form.is_wrong:
        return await _show_list(request, form, status=422)
    body = {"ids": ids, "decision": decision, "reason": form.optional("reason")}
    with FormErrors(form):
        reply = await api_of(request).post("/v1/approvals/decisions", body)
        request.app[BADGES].forget(profile_of(request).person)
        notice = _summary(decision, reply.json["items"])
        return redirect(request, str(request.rel_url), notice)
    return await _show_list(request, form, status=422)


@ROUTES.get(APPROVAL)
@shown_to("approve:timesheets")
async def show_approval(request: web.Request) -> web.StreamResponse:
    """Show a submitted week with its entries, flags and history."""
    return await _show(request, Form())


@ROUTES.post(f"{APPROVAL}/decision")
async def decide(request: web.Request) -> web.StreamResponse:
    """Approve or reject a week, then go on to the list that the address has the filters of. A
    refusal of the API is shown with the week."""
    form, approval_id = form_of(request), request.match_info["id"]
    body = {"decision": form["decision"], "reason": form.optional("reason")}
    if form["decision"] == "reject" and not form.text("reason"):
        form.refuse("reason", _("A rejection needs a reason."))
    else:
        with FormErrors(form):
            await api_of(request).put(f"/v1/approvals/{approval_id}/decision", body)
            request.app[BADGES].forget(profile_of(request).person)
    if form.is_wrong:
        return await _show(request, form, status=422)
    done = _("Week approved.") if form["decision"] == "approve" else _("Week rejected.")
    return redirect(request, address("/approvals", request.query), done)


@ROUTES.get("/approvals/overdue")
@shown_to("approve:timesheets")
async def list_overdue(request: web.Request) -> web.StreamResponse:
    """Show open past weeks of the team, each with a link that writes a reminder."""
    filters, api = filters_of(request, ("week",)), api_of(request)
    listing = await read_list(api, "/v1/approvals/overdue", query_of(filters, request))
    people = await read_people(request, [item["person"] for item in listing.items])
    emails = {person: entry["email"] for person, entry in people.items() if entry["email"]}
    return render(request, "overdue.html", listing=listing, filters=filters, emails=emails)


async def _show_list(request: web.Request, form: Form, *, status: int = 200) -> web.StreamResponse:
    filters, api = filters_of(request, FILTERS, state="pending"), api_of(request)
    query = {name: value for name, value in query_of(filters, request).items() if value != "all"}
    if filters["person"] and request[SESSION].may("read:people"):
        query["person"] = await person_of(api, filters, "person")
    listing = Listing() if filters.is_wrong else await read_list(api, "/v1/approvals", query)
    return render(
        request,
        "approvals.html",
        status=status,
        listing=listing,
        filters=filters,
        form=form,
        flags=FLAGS,
        clean=[item for item in listing.items if _is_clean(item)],
        chosen=form.all("id"),
    )


def _is_clean(item: Json) -> bool:
    return item["state"] == "pending" and not item["flags"]


async def _show(request: web.Request, form: Form, *, status: int = 200) -> web.StreamResponse:
    api, approval_id = api_of(request), request.match_info["id"]
    approval, projects = await asyncio.gather(
        api.get(f"/v1/approvals/{approval_id}"), api.get_all("/v1/projects")
    )
    by_day: dict[str, list[Json]] = defaultdict(list)
    for entry in approval["entries"]:
        by_day[entry["date"]].append(entry)
    actors = [approval["decided_by"], approval["submitted_by"], approval["acting_for"]]
    actors += [name for step in approval["history"] for name in (step["actor"], step["acting_for"])]
    return render(
        request,
        "approval.html",
        status=status,
        approval=approval,
        names={project["code"]: project["name"] for project in projects},
        people={approval["person"]: approval["person_name"] or approval["person"]}
        | await names_of(request, actors),
        entries_by_day=dict(sorted(by_day.items())),
        busiest=max([*approval["by_day"].values(), 1]),
        form=form,
    )


def _summary(decision: str, results: list[Json]) -> str:
    done = sum(1 for result in results if result["status"] == 200)
    if decision == "approve":
        text = ngettext("Approved %(number)s week.", "Approved %(number)s weeks.", done)
    else:
        text = ngettext("Rejected %(number)s week.", "Rejected %(number)s weeks.", done)
    text %= {"number": done}
    refused = [result["problem"]["detail"] for result in results if result["status"] != 200]
    if refused:
        reasons = " ".join(dict.fromkeys(refused))
        text += " " + _("Not decided: %(number)s. %(reasons)s") % {
            "number": len(refused),
            "reasons": reasons,
        }
    return text
