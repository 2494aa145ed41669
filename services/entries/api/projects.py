"""Projects: what hours are logged on."""

from __future__ import annotations

import msgspec
from aiohttp import web

from libs.auth import Scope, requires
from libs.postgres.pool import DATABASE
from libs.service.access import current_actor
from libs.service.preconditions import preconditions_of
from libs.web.app import CLOCK
from libs.web.contract import Contract, endpoint
from libs.web.paging import decode_cursor, page_response
from libs.web.problems import FieldError, NotFound, UnprocessableContent
from libs.web.resources import answer_schema, page_schema
from libs.web.validation import body_of, query_of
from services.entries.api.responses import project_response
from services.entries.commands import projects as commands
from services.entries.commands.projects import today
from services.entries.resources import Project
from services.entries.schemas.common import PROJECT_CODE
from services.entries.schemas.projects import (
    NewProjectSchema,
    ProjectPatch,
    ProjectPatchSchema,
    ProjectQuery,
    ProjectQuerySchema,
)
from services.entries.store import projects as store
from services.entries.store.projects import ProjectDraft

ROUTES = web.RouteTableDef()

PROJECT = "/v1/projects/{code}"
PROJECT_SCHEMA = answer_schema(Project)


class ProjectKey(msgspec.Struct, array_like=True):
    """The end of a page of projects."""

    code: str


@ROUTES.get("/v1/projects", allow_head=False)
@requires(Scope.READ_TIMESHEETS)
@endpoint(
    Contract(
        summary="List projects by code",
        query=ProjectQuerySchema(),
        answers={200: page_schema(Project)()},
    )
)
async def list_projects(request: web.Request) -> web.Response:
    """GET a page of projects, by code."""
    query, now = query_of(request, ProjectQuery), request.app[CLOCK].now()
    key = decode_cursor(query.cursor, ProjectKey) or ProjectKey("")
    async with request.app[DATABASE].connection() as connection:
        projects = await store.list_projects(
            connection, key.code, query.active, query.limit + 1, today(now)
        )
    page = projects[: query.limit]
    following = ProjectKey(page[-1].code) if len(projects) > query.limit else None
    return page_response(request, page, following)


@ROUTES.get(PROJECT, allow_head=False)
@requires(Scope.READ_TIMESHEETS)
@endpoint(
    Contract(summary="Read a project", answers={200: PROJECT_SCHEMA(), 304: None}, problems=(404,))
)
async def show_project(request: web.Request) -> web.Response:
    """GET one project as it is today."""
    code, now = request.match_info["code"], request.app[CLOCK].now()
    async with request.app[DATABASE].connection() as connection:
        project = await store.read_project(connection, code, today(now))
    if project is None:
        raise NotFound("There is no such project.")
    return project_response(request, project)


@ROUTES.post(PROJECT)
@requires(Scope.MANAGE_TIMESHEETS, step_up=True)
@endpoint(
    Contract(
        summary="Add a project",
        description="Its name, customer and billable default hold on all days. "
        "Codes that differ in case alone are the same code.",
        body=NewProjectSchema(),
        answers={201: PROJECT_SCHEMA()},
        problems=(409,),
    )
)
async def create_project(request: web.Request) -> web.Response:
    """POST a project to its code."""
    code = _new_code(request)
    project = await commands.create_project(
        request.app[DATABASE],
        code,
        body_of(request, ProjectDraft),
        current_actor(request),
        request.app[CLOCK].now(),
    )
    return project_response(request, project, status=201, Location=f"/v1/projects/{code}")


@ROUTES.patch(PROJECT)
@requires(Scope.MANAGE_TIMESHEETS, step_up=True)
@endpoint(
    Contract(
        summary="Change a project, or end it",
        description=(
            "Name, customer and billable default change from the day `from` on; reports show "
            "each day as it was then."
        ),
        body=ProjectPatchSchema(),
        answers={200: PROJECT_SCHEMA()},
        problems=(404, 412),
        headers=("If-Match",),
    )
)
async def patch_project(request: web.Request) -> web.Response:
    """PATCH a project, from a day on where its fields are dated."""
    patch = body_of(request, ProjectPatch)
    project = await commands.patch_project(
        request.app[DATABASE],
        request.match_info["code"],
        patch.changes,
        patch.since,
        current_actor(request),
        request.app[CLOCK].now(),
        preconditions_of(request),
    )
    return project_response(request, project)


def _new_code(request: web.Request) -> str:
    code = request.match_info["code"]
    if PROJECT_CODE.fullmatch(code) is None:
        message = "Letters, digits, dot, dash and underscore, at most 32."
        raise UnprocessableContent([FieldError("/code", message, "invalid", "path")])
    return code
