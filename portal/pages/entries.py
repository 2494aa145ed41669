"""One entry with all its fields."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

from aiohttp import web

from libs.rules.calendar import Week
from portal.access import shown_to
from portal.api_client import ApiProblem
from portal.context import api_of
from portal.days import parse_day, today
from portal.entry_form import read_entry
from portal.formats import duration
from portal.forms import Form, form_of
from portal.i18n import _
from portal.projects import project_choices, project_label
from portal.rendering import redirect, render

ROUTES = web.RouteTableDef()
ENTRY = "/entries/{id:[0-9a-fA-F-]{36}}"
# As the API answers when a field, a state or a version is wrong: shown beside what was typed.
FORM_ERRORS = (409, 412, 422)

Json = dict[str, Any]


@ROUTES.get("/entries/new")
@shown_to("create:timesheets")
async def show_new_entry(request: web.Request) -> web.StreamResponse:
    """Show a form for an entry, filled with what the address names."""
    query = request.query
    form = Form.of(
        id=str(uuid.uuid4()),
        date=query.get("date") or today(request).isoformat(),
        project=query.get("project"),
        task=query.get("task"),
        duration=query.get("duration"),
        note=query.get("note"),
    )
    return await _show(request, form, None)


@ROUTES.post("/entries/new")
async def create_entry(request: web.Request) -> web.StreamResponse:
    """Create the entry under the id that the form holds, so that sending it twice creates one."""
    return await _save(request, form_of(request).text("id"), None)


@ROUTES.get(ENTRY)
@shown_to("read:timesheets")
async def show_entry(request: web.Request) -> web.StreamResponse:
    """Show an entry in a form."""
    entry, projects = await asyncio.gather(
        api_of(request).get(f"/v1/entries/{request.match_info['id']}"),
        api_of(request).get_all("/v1/projects"),
    )
    project = next((one for one in projects if one["code"] == entry["project"]), None)
    form = Form.of(
        date=entry["date"],
        project=project_label(project) if project else entry["project"],
        task=entry["task"],
        duration=duration(entry["minutes"]),
        note=entry["note"],
        billable="yes" if entry["billable"] else "no",
        was_billable="yes" if entry["billable"] else "no",
        version=str(entry["version"]),
    )
    return await _show(request, form, entry)


@ROUTES.post(ENTRY)
async def change_entry(request: web.Request) -> web.StreamResponse:
    """Save an entry, unless it has changed since the form was shown."""
    entry_id = request.match_info["id"]
    return await _save(request, entry_id, f'"{form_of(request)["version"]}"')


@ROUTES.post(f"{ENTRY}/delete")
async def delete_entry(request: web.Request) -> web.StreamResponse:
    """Delete an entry and show its week."""
    form, entry_id = form_of(request), request.match_info["id"]
    day = parse_day(form["date"]) or today(request)
    await api_of(request).delete(f"/v1/entries/{entry_id}", etag=f'"{form["version"]}"')
    return redirect(request, f"/weeks/{Week.of(day)}", _("Entry deleted."))


async def _save(request: web.Request, entry_id: str, etag: str | None) -> web.StreamResponse:
    form, api = form_of(request), api_of(request)
    projects = await api.get_all("/v1/projects")
    body = _read(form, projects)
    if not form.is_wrong:
        try:
            if etag is None:
                await api.put(f"/v1/entries/{uuid.UUID(entry_id)}", body)
            else:
                await api.patch(f"/v1/entries/{entry_id}", body, etag=etag)
        except ApiProblem as problem:
            if problem.status not in FORM_ERRORS:
                raise
            _explain(form, problem)
        except ValueError as error:
            raise web.HTTPBadRequest from error
        else:
            return redirect(request, f"/weeks/{Week.of(body['date'])}", _("Entry saved."))
    entry = {"id": entry_id, "can_edit": True, "unlock": None} if etag else None
    return await _show(request, form, entry, status=422)


def _read(form: Form, projects: list[Json]) -> Json:
    body = read_entry(form, projects)
    # Left out where it was not touched: another project then brings its own default.
    if form["billable"] != form["was_billable"]:
        body["billable"] = {"yes": True, "no": False}.get(form["billable"])
    return body


def _explain(form: Form, problem: ApiProblem) -> None:
    names = {"minutes": "duration"}
    form.errors = {names.get(name, name): text for name, text in problem.fields.items()}
    form.error = problem.message
    current = problem.body.get("current")
    if problem.status == 412 and isinstance(current, dict):
        form.fields["version"] = str(current["version"])
        shown = {"minutes": duration(current["minutes"]), "note": current["note"]}
        form.error = (
            _("Changed elsewhere: now %(minutes)s, “%(note)s”. Save again to keep yours.") % shown
        )


async def _show(
    request: web.Request, form: Form, entry: Json | None, *, status: int = 200
) -> web.StreamResponse:
    projects = await api_of(request).get_all("/v1/projects")
    day = parse_day(form["date"]) or today(request)
    return render(
        request,
        "entry.html",
        status=status,
        form=form,
        entry=entry,
        projects=project_choices(projects),
        back=f"/weeks/{Week.of(day)}",
        action=f"/entries/{entry['id']}" if entry else "/entries/new",
    )
