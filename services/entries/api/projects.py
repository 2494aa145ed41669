"""Projects: what hours are logged on."""

from __future__ import annotations

from dataclasses import asdict

import asyncpg
import msgspec
from aiohttp import web

from libs.auth import Scope, requires
from libs.postgres.pool import DATABASE
from libs.web.contract import Contract, endpoint
from libs.web.etags import etag_of, expected_version, require_version, resource_response
from libs.web.paging import decode_cursor, page_response
from libs.web.problems import Conflict, FieldError, NotFound, UnprocessableContent
from libs.web.validation import body_of, query_of
from services.entries.schemas.common import PROJECT_CODE
from services.entries.schemas.projects import (
    ProjectAnswer,
    ProjectDraft,
    ProjectPage,
    ProjectPatch,
    ProjectPatchSchema,
    ProjectQuery,
    ProjectQuerySchema,
    ProjectSchema,
)
from services.entries.store import projects as store
from services.entries.store.projects import Project

ROUTES = web.RouteTableDef()

PROJECT = "/v1/projects/{code}"


class ProjectKey(msgspec.Struct, array_like=True):
    """Where a page of projects ends."""

    code: str


@ROUTES.get("/v1/projects", allow_head=False)
@requires(Scope.READ_TIMESHEETS)
@endpoint(
    Contract(
        summary="List projects by code", query=ProjectQuerySchema(), answers={200: ProjectPage()}
    )
)
async def list_projects(request: web.Request) -> web.Response:
    query = query_of(request, ProjectQuery)
    key = decode_cursor(query.cursor, ProjectKey) or ProjectKey("")
    async with request.app[DATABASE].connection() as connection:
        found = await store.list_projects(connection, key.code, query.active, query.limit + 1)
    page = found[: query.limit]
    following = ProjectKey(page[-1].code) if len(found) > query.limit else None
    return page_response(request, page, following)


@ROUTES.get(PROJECT, allow_head=False)
@requires(Scope.READ_TIMESHEETS)
@endpoint(
    Contract(summary="Read a project", answers={200: ProjectAnswer(), 304: None}, problems=(404,))
)
async def show_project(request: web.Request) -> web.Response:
    async with request.app[DATABASE].connection() as connection:
        project = await store.read_project(connection, request.match_info["code"])
    return _respond(request, _found(project))


@ROUTES.post(PROJECT)
@requires(Scope.MANAGE_TIMESHEETS)
@endpoint(
    Contract(
        summary="Add a project",
        body=ProjectSchema(),
        answers={201: ProjectAnswer()},
        problems=(409,),
    )
)
async def create_project(request: web.Request) -> web.Response:
    draft, code = body_of(request, ProjectDraft), _new_code(request)

    async def create(connection: asyncpg.Connection) -> Project:
        project = await store.insert_project(connection, code, **asdict(draft))
        if project is None:
            raise Conflict(f"There is a project {code} already.")
        return project

    project = await request.app[DATABASE].transact(create)
    return _respond(request, project, status=201, Location=f"/v1/projects/{code}")


@ROUTES.patch(PROJECT)
@requires(Scope.MANAGE_TIMESHEETS)
@endpoint(
    Contract(
        summary="Change a project, or make it inactive",
        body=ProjectPatchSchema(),
        answers={200: ProjectAnswer()},
        problems=(404, 412),
        headers=("If-Match",),
    )
)
async def patch_project(request: web.Request) -> web.Response:
    patch, expected = body_of(request, ProjectPatch), expected_version(request)

    async def change(connection: asyncpg.Connection) -> Project:
        present = _found(await store.lock_project(connection, request.match_info["code"]))
        require_version(expected, present.version, present)
        draft = ProjectDraft(
            **{
                "name": present.name,
                "customer": present.customer,
                "active": present.active,
                "billable": present.billable,
                **patch.changes,
            }
        )
        return await store.update_project(connection, present.code, **asdict(draft))

    return _respond(request, await request.app[DATABASE].transact(change))


def _respond(
    request: web.Request, project: Project, *, status: int = 200, **headers: str
) -> web.Response:
    return resource_response(request, project, etag_of(project.version), status=status, **headers)


def _found(project: Project | None) -> Project:
    if project is None:
        raise NotFound("There is no such project.")
    return project


def _new_code(request: web.Request) -> str:
    code = request.match_info["code"]
    if PROJECT_CODE.fullmatch(code) is None:
        words = "Letters, digits, dot, dash and underscore, at most 32."
        raise UnprocessableContent([FieldError("/code", words, "invalid", "path")])
    return code
