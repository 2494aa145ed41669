"""Projects."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from aiohttp import web

from portal.access import shown_to
from portal.context import api_of
from portal.failures import FormErrors
from portal.forms import Form, form_of
from portal.i18n import _
from portal.lists import filters_of, query_of, read_list
from portal.rendering import redirect, render
from portal.sorting import Key, page_of, sorting_of

ROUTES = web.RouteTableDef()
LIST = "/admin/projects"
SORT_KEYS: dict[str, Key] = {
    "code": lambda project: project["code"],
    "name": lambda project: project["name"].casefold(),
    "customer": lambda project: project["customer"].casefold(),
    "billable": lambda project: not project["billable"],
    "status": lambda project: not project["active"],
}
PROJECT = f"{LIST}/edit/{{code}}"

Json = dict[str, Any]


@ROUTES.get(LIST)
@shown_to("manage:timesheets")
async def list_projects(request: web.Request) -> web.StreamResponse:
    """Show projects, by filters and in the order that the address names."""
    filters = filters_of(request, ("active", "sort"))
    query = query_of(filters, request)
    sorting = sorting_of(request, SORT_KEYS, "code")
    if "sort" in query:
        del query["sort"]
        query.pop("cursor", None)
        projects = await api_of(request).get_all("/v1/projects", **query)
        listing = page_of(request, sorting.apply(projects, SORT_KEYS))
    else:
        listing = await read_list(api_of(request), "/v1/projects", query)
    return render(request, "admin/projects.html", listing=listing, filters=filters, sorting=sorting)


@ROUTES.get(f"{LIST}/new")
@shown_to("manage:timesheets")
async def show_new_project(request: web.Request) -> web.StreamResponse:
    """Show an empty form for a project."""
    return _show(request, Form.of(active=True, billable=True), None)


@ROUTES.post(f"{LIST}/new")
async def create_project(request: web.Request) -> web.StreamResponse:
    """Create a project. A refusal of the API is shown in the form."""
    form = form_of(request)
    if not form.text("code"):
        form.refuse("code", _("A project needs a code."))
        return _show(request, form, None)
    with FormErrors(form):
        code = quote(form.text("code"), safe="")
        await api_of(request).post(f"/v1/projects/{code}", _body(form, is_new=True))
        return redirect(request, LIST, _("Project created."))
    return _show(request, form, None)


@ROUTES.get(PROJECT)
@shown_to("manage:timesheets")
async def show_project(request: web.Request) -> web.StreamResponse:
    """Show a project in a form."""
    project = await api_of(request).get(_path(request))
    form = Form.of(
        name=project["name"],
        customer=project["customer"],
        active=project["active"],
        billable=project["billable"],
        tasks="\n".join(project.get("tasks") or []),
        note_required=project.get("note_required"),
        version=project["version"],
    )
    return _show(request, form, project["code"])


@ROUTES.post(PROJECT)
async def change_project(request: web.Request) -> web.StreamResponse:
    """Save a project, unless somebody else has changed it since. A refusal of the API is shown in
    the form."""
    form = form_of(request)
    with FormErrors(form):
        etag = f'"{form["version"]}"'
        await api_of(request).patch(_path(request), _body(form, is_new=False), etag=etag)
        return redirect(request, LIST, _("Project saved."))
    return _show(request, form, request.match_info["code"])


def _path(request: web.Request) -> str:
    return f"/v1/projects/{quote(request.match_info['code'], safe='')}"


def _body(form: Form, *, is_new: bool) -> Json:
    """Fields that an older API does not know are sent only if they are filled in."""
    tasks = [line.strip() for line in form["tasks"].splitlines() if line.strip()]
    body: Json = {
        "name": form.text("name"),
        "customer": form.text("customer"),
        "active": form.ticked("active"),
        "billable": form.ticked("billable"),
    }
    if tasks or form.ticked("had_tasks"):
        body["tasks"] = tasks
    if form.ticked("note_required") or form.ticked("had_note_required"):
        body["note_required"] = form.ticked("note_required")
    if not is_new and form.text("from"):
        body["from"] = form.text("from")
    return body


def _show(request: web.Request, form: Form, code: str | None) -> web.StreamResponse:
    status = 422 if form.is_wrong else 200
    return render(request, "admin/project.html", status=status, form=form, code=code)
