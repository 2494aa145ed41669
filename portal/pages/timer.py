"""The timer: starts now, and becomes an entry when it is stopped."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from libs.postgres.pool import DATABASE
from libs.rules.calendar import Week
from portal.access import shown_to
from portal.context import api_of, profile_of
from portal.days import today
from portal.entry_form import read_entry
from portal.failures import FormErrors
from portal.formats import duration
from portal.forms import Form, form_of
from portal.i18n import _
from portal.projects import find_project, project_choices, project_label
from portal.rendering import RUNNING_TIMER, redirect, render
from portal.timers import Timer, delete_timer, read_timer, start_timer

ROUTES = web.RouteTableDef()
TIMER = "/timer"

Json = dict[str, Any]


@ROUTES.get(TIMER)
@shown_to("create:timesheets")
async def show_timer(request: web.Request) -> web.StreamResponse:
    """Show the running timer, or a form that starts one."""
    return await _show(request, None)


@ROUTES.post(f"{TIMER}/start")
async def start(request: web.Request) -> web.StreamResponse:
    """Start a timer, unless one runs already."""
    form, projects = form_of(request), await api_of(request).get_all("/v1/projects", active="true")
    project = find_project(form["project"], projects)
    if project is None:
        form.refuse("project", _("No matching project."))
        return await _show(request, form)
    timer = Timer(
        entry_id=uuid.uuid4(),
        started_at=datetime.now(UTC),
        project=project["code"],
        task=form.text("task"),
        note=form.text("note"),
    )
    await start_timer(request.app[DATABASE], profile_of(request).person, timer)
    return redirect(request, TIMER, _("Timer started."))


@ROUTES.post(f"{TIMER}/stop")
async def stop(request: web.Request) -> web.StreamResponse:
    """Save the entry, then forget the timer: a refusal leaves it running."""
    form, person = form_of(request), profile_of(request).person
    timer = await read_timer(request.app[DATABASE], person)
    if timer is None:
        return redirect(request, TIMER)
    projects = await api_of(request).get_all("/v1/projects")
    body = read_entry(form, projects)
    if not form.is_wrong:
        with FormErrors(form, {"minutes": "duration"}):
            await api_of(request).put(f"/v1/entries/{timer.entry_id}", body)
            await delete_timer(request.app[DATABASE], person, timer.entry_id)
            return redirect(request, f"/weeks/{Week.of(body['date'])}", _("Entry saved."))
    return await _show(request, form)


@ROUTES.post(f"{TIMER}/discard")
async def discard(request: web.Request) -> web.StreamResponse:
    """Delete the running timer without an entry."""
    person = profile_of(request).person
    timer = await read_timer(request.app[DATABASE], person)
    if timer is not None:
        await delete_timer(request.app[DATABASE], person, timer.entry_id)
    return redirect(request, TIMER, _("Timer discarded."))


async def _show(request: web.Request, form: Form | None) -> web.StreamResponse:
    projects = await api_of(request).get_all("/v1/projects", active="true")
    timer = request.get(RUNNING_TIMER)
    status = 422 if form is not None and form.is_wrong else 200
    return render(
        request,
        "timer.html",
        status=status,
        timer=timer,
        form=form or _form_of(timer, projects, request),
        projects=project_choices(projects),
        long_hours=bool(timer and timer.minutes(datetime.now(UTC)) > 600),
    )


def _form_of(timer: Timer | None, projects: list[Json], request: web.Request) -> Form:
    if timer is None:
        query = request.query
        return Form.of(project=query.get("project"), task=query.get("task"))
    project = next((one for one in projects if one["code"] == timer.project), None)
    return Form.of(
        project=project_label(project) if project else timer.project,
        task=timer.task,
        note=timer.note,
        date=today(request).isoformat(),
        duration=duration(timer.minutes(datetime.now(UTC))),
    )
