"""Weeks: what was worked, and where it is on its way to approval."""

from __future__ import annotations

from datetime import date, datetime

import msgspec
from aiohttp import web

from libs.auth import Scope, requires
from libs.postgres.pool import DATABASE
from libs.rules.calendar import Week, latest_today
from libs.service.access import current_person
from libs.service.preconditions import preconditions_of
from libs.web.app import CLOCK
from libs.web.contract import Contract, endpoint
from libs.web.paging import decode_cursor, page_response
from libs.web.problems import FieldError, UnprocessableContent
from libs.web.resources import answer_schema, page_schema
from libs.web.validation import body_of, query_of
from services.entries.api.access import (
    current_user,
    managed_person,
    user_or_report,
    week_of,
)
from services.entries.api.responses import week_response
from services.entries.api.serializers import serialize_summary
from services.entries.commands import timesheets as commands
from services.entries.metrics import SERVICE_METRICS
from services.entries.schemas.timesheets import (
    NothingSchema,
    PersonQuery,
    PersonQuerySchema,
    Reopening,
    ReopeningSchema,
    Submission,
    SubmissionSchema,
    TimesheetAnswer,
    TimesheetQuery,
    TimesheetQuerySchema,
    TimesheetSummary,
)

ROUTES = web.RouteTableDef()

DEFAULT_WEEKS = 12
MAX_WEEKS = 530

TIMESHEET = answer_schema(TimesheetAnswer)


class WeekKey(msgspec.Struct, array_like=True):
    """The end of a page of weeks."""

    monday: date


@ROUTES.get("/v1/timesheets", allow_head=False)
@requires(Scope.READ_TIMESHEETS)
@endpoint(
    Contract(
        summary="List weeks, newest first",
        description=(
            f"`from` and `to` are weeks or days within them; without them, the last "
            f"{DEFAULT_WEEKS} weeks. Weeks without entries are included."
        ),
        query=TimesheetQuerySchema(),
        problems=(404,),
        answers={200: page_schema(TimesheetSummary)()},
    )
)
async def list_timesheets(request: web.Request) -> web.Response:
    """GET a page of weeks, newest first; weeks without entries are in it."""
    query, now = query_of(request, TimesheetQuery), request.app[CLOCK].now()
    person = await user_or_report(request, query.person)
    first, last = _range(query, now)
    key = decode_cursor(query.cursor, WeekKey)
    newest = min(last, Week.of(key.monday).plus(-1)) if key else last
    oldest = max(first, newest.plus(1 - query.limit))
    weeks = [newest.plus(-back) for back in range((newest.monday - oldest.monday).days // 7 + 1)]
    async with request.app[DATABASE].connection() as connection:
        found = await commands.list_weeks(connection, person, weeks, now)
    more = bool(weeks) and oldest > first
    items = [serialize_summary(week) for week in found]
    return page_response(request, items, WeekKey(oldest.monday) if more else None)


@ROUTES.get("/v1/timesheets/{week}", allow_head=False)
@requires(Scope.READ_TIMESHEETS)
@endpoint(
    Contract(
        summary="Read a week with its entries and its history",
        query=PersonQuerySchema(),
        answers={200: TIMESHEET(), 304: None},
    )
)
async def show_timesheet(request: web.Request) -> web.Response:
    """GET one week, of the caller or of a person they may see."""
    person = await user_or_report(request, query_of(request, PersonQuery).person)
    week = week_of(request)
    now = request.app[CLOCK].now()
    async with request.app[DATABASE].connection() as connection:
        whole = await commands.read_week(connection, person, week, now)
    return week_response(request, whole)


@ROUTES.post("/v1/timesheets/{week}/submit")
@requires(Scope.CREATE_TIMESHEETS)
@endpoint(
    Contract(
        summary="Submit a week for approval",
        description=(
            "`person` submits the week of somebody else: requires manage:timesheets, or "
            "approve:timesheets for a direct report."
        ),
        body=SubmissionSchema(),
        optional_body=True,
        answers={200: TIMESHEET()},
        problems=(404, 409, 412),
        headers=("If-Match",),
    )
)
async def submit_timesheet(request: web.Request) -> web.Response:
    """POST the submission of a week, own or of a person that the caller manages."""
    actor = current_person(request)
    person = await user_or_report(request, body_of(request, Submission).person)
    whole = await commands.submit_week(
        request.app[DATABASE],
        person,
        week_of(request),
        actor,
        request.app[CLOCK].now(),
        preconditions_of(request),
    )
    request.app[SERVICE_METRICS].count_week()
    return week_response(request, whole)


@ROUTES.post("/v1/timesheets/{week}/withdraw")
@requires(Scope.CREATE_TIMESHEETS)
@endpoint(
    Contract(
        summary="Withdraw a submitted week",
        body=NothingSchema(),
        optional_body=True,
        answers={200: TIMESHEET()},
        problems=(409, 412),
        headers=("If-Match",),
    )
)
async def withdraw_timesheet(request: web.Request) -> web.Response:
    """POST the withdrawal of the caller's own week."""
    person, now = current_user(request), request.app[CLOCK].now()
    whole = await commands.withdraw_week(
        request.app[DATABASE], person, week_of(request), now, preconditions_of(request)
    )
    return week_response(request, whole)


@ROUTES.post("/v1/timesheets/{week}/reopen")
@requires(Scope.MANAGE_TIMESHEETS, Scope.APPROVE_TIMESHEETS, step_up=True)
@endpoint(
    Contract(
        summary="Reopen an approved week of another person",
        description=(
            "With approve:timesheets a direct report's. Refused with 409 while a day of the week "
            "is in the closed period."
        ),
        body=ReopeningSchema(),
        answers={200: TIMESHEET()},
        problems=(404, 409, 412),
        headers=("If-Match",),
    )
)
async def reopen_timesheet(request: web.Request) -> web.Response:
    """POST the reopening of an approved week, with a reason."""
    reopening, actor = body_of(request, Reopening), current_person(request)
    whole = await commands.reopen_week(
        request.app[DATABASE],
        await managed_person(request, reopening.person),
        week_of(request),
        reopening.reason,
        actor,
        request.app[CLOCK].now(),
        preconditions_of(request),
    )
    return week_response(request, whole)


def _range(query: TimesheetQuery, now: datetime) -> tuple[Week, Week]:
    last = query.until or max(Week.of(latest_today(now)), query.since or Week(date.min))
    first = query.since or last.plus(1 - DEFAULT_WEEKS)
    if (last.monday - first.monday).days > MAX_WEEKS * 7:
        message = f"At most {MAX_WEEKS} weeks at once."
        raise UnprocessableContent([FieldError("/from", message, "too_long", "query")])
    return first, last
