"""Weeks: what was worked, and where it stands on its way to approval."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date, datetime
from uuid import uuid4

import asyncpg
import msgspec
from aiohttp import web

from libs.auth import PRINCIPAL, Scope, requires
from libs.feed.events import deferred_publish
from libs.postgres.pool import DATABASE
from libs.rules.calendar import Week, latest_today
from libs.web.app import CLOCK
from libs.web.contract import Contract, endpoint
from libs.web.etags import etag_of, expected_version, require_version, resource_response
from libs.web.paging import decode_cursor, page_response
from libs.web.problems import FieldError, UnprocessableContent
from libs.web.validation import body_of, query_of
from services.entries import feeds, model
from services.entries.api.access import own, own_or
from services.entries.api.serializers import Json, Terms, serialize_summary, serialize_timesheet
from services.entries.metrics import SERVICE_METRICS
from services.entries.model import (
    Timesheet,
)
from services.entries.schemas.timesheets import (
    PersonQuery,
    PersonQuerySchema,
    Reopening,
    ReopeningSchema,
    TimesheetAnswer,
    TimesheetPage,
    TimesheetQuery,
    TimesheetQuerySchema,
)
from services.entries.store import timesheets as store
from services.entries.store.entries import list_week_entries
from services.entries.store.people import read_target
from services.entries.store.period import read_closed_through

ROUTES = web.RouteTableDef()

DEFAULT_WEEKS = 12
MAX_WEEKS = 530

Change = Callable[[asyncpg.Connection, Timesheet], Awaitable[None]]


class WeekKey(msgspec.Struct, array_like=True):
    """Where a page of weeks ends."""

    monday: date


@ROUTES.get("/v1/timesheets", allow_head=False)
@requires(Scope.READ_TIMESHEETS)
@endpoint(
    Contract(
        summary="List weeks, newest first",
        description=(
            f"`from` and `to` are weeks or days within them; without them, the last "
            f"{DEFAULT_WEEKS} weeks. Weeks without entries are there too."
        ),
        query=TimesheetQuerySchema(),
        answers={200: TimesheetPage()},
    )
)
async def list_timesheets(request: web.Request) -> web.Response:
    query, now = query_of(request, TimesheetQuery), request.app[CLOCK].now()
    person = own_or(request, query.person)
    first, last = _range(query, now)
    key = decode_cursor(query.cursor, WeekKey)
    newest = min(last, Week.of(key.monday).plus(-1)) if key else last
    oldest = max(first, newest.plus(1 - query.limit))
    weeks = [newest.plus(-back) for back in range((newest.monday - oldest.monday).days // 7 + 1)]
    async with request.app[DATABASE].connection() as connection:
        items = await _summaries(connection, person, weeks, now) if weeks else []
    more = bool(weeks) and oldest > first
    return page_response(request, items, WeekKey(oldest.monday) if more else None)


@ROUTES.get("/v1/timesheets/{week}", allow_head=False)
@requires(Scope.READ_TIMESHEETS)
@endpoint(
    Contract(
        summary="Read a week with its entries and its history",
        query=PersonQuerySchema(),
        answers={200: TimesheetAnswer(), 304: None},
    )
)
async def show_timesheet(request: web.Request) -> web.Response:
    person, week = own_or(request, query_of(request, PersonQuery).person), _week(request)
    now = request.app[CLOCK].now()
    async with request.app[DATABASE].connection() as connection:
        shape = await _whole(connection, person, week, now)
    return resource_response(request, shape, _tag(shape))


@ROUTES.post("/v1/timesheets/{week}/submit")
@requires(Scope.CREATE_TIMESHEETS)
@endpoint(
    Contract(
        summary="Submit a week for approval",
        answers={200: TimesheetAnswer()},
        problems=(409, 412),
        headers=("If-Match",),
    )
)
async def submit_timesheet(request: web.Request) -> web.Response:
    person, now = own(request), request.app[CLOCK].now()

    async def submit(connection: asyncpg.Connection, sheet: Timesheet) -> None:
        submitted = model.submit(sheet, uuid4(), now)
        await store.save_timesheet(connection, submitted)
        await store.add_history(connection, submitted, "submitted", person, submitted.submission_id)
        await feeds.publish_submitted(connection, submitted, now)

    response = await _change(request, person, submit)
    request.app[SERVICE_METRICS].count_week()
    return response


@ROUTES.post("/v1/timesheets/{week}/withdraw")
@requires(Scope.CREATE_TIMESHEETS)
@endpoint(
    Contract(
        summary="Take a submitted week back",
        answers={200: TimesheetAnswer()},
        problems=(409, 412),
        headers=("If-Match",),
    )
)
async def withdraw_timesheet(request: web.Request) -> web.Response:
    person, now = own(request), request.app[CLOCK].now()

    async def withdraw(connection: asyncpg.Connection, sheet: Timesheet) -> None:
        withdrawn = model.withdraw(sheet)
        await store.save_timesheet(connection, withdrawn)
        await store.add_history(connection, withdrawn, "withdrawn", person, sheet.submission_id)
        await feeds.publish_withdrawn(connection, sheet, now)

    return await _change(request, person, withdraw)


@ROUTES.post("/v1/timesheets/{week}/reopen")
@requires(Scope.MANAGE_TIMESHEETS)
@endpoint(
    Contract(
        summary="Open somebody's approved week again",
        body=ReopeningSchema(),
        answers={200: TimesheetAnswer()},
        problems=(409, 412),
        headers=("If-Match",),
    )
)
async def reopen_timesheet(request: web.Request) -> web.Response:
    reopening, now = body_of(request, Reopening), request.app[CLOCK].now()
    actor = request[PRINCIPAL].subject

    async def reopen(connection: asyncpg.Connection, sheet: Timesheet) -> None:
        reopened = model.reopen(sheet, reopening.reason)
        await store.save_timesheet(connection, reopened)
        await store.add_history(connection, reopened, "reopened", actor, sheet.submission_id)
        await feeds.publish_reopened(connection, sheet, reopening.reason, actor, now)

    return await _change(request, reopening.person, reopen)


async def _change(request: web.Request, person: str, change: Change) -> web.Response:
    """Lock the week, check `If-Match`, make the change, and answer with the week."""
    week, expected, now = _week(request), expected_version(request), request.app[CLOCK].now()

    async def work(connection: asyncpg.Connection) -> Json:
        sheet = await store.lock_timesheet(connection, person, week)
        if expected is not None and expected != sheet.version:
            current = await _whole(connection, person, week, now)
            require_version(expected, sheet.version, current)
        async with deferred_publish(connection):
            await change(connection, sheet)
            return await _whole(connection, person, week, now)

    shape = await request.app[DATABASE].transact(work)
    return resource_response(request, shape, _tag(shape))


async def _summaries(
    connection: asyncpg.Connection, person: str, weeks: list[Week], now: datetime
) -> list[Json]:
    newest, oldest = weeks[0], weeks[-1]
    sheets = await store.list_timesheets(connection, person, oldest, newest)
    projects = await store.total_by_project(connection, person, oldest.monday, newest.sunday)
    terms = Terms(
        target_minutes=await read_target(connection, person),
        closed_through=await read_closed_through(connection),
        now=now,
    )
    return [
        serialize_summary(sheets.get(week, Timesheet(person, week)), projects.get(week, {}), terms)
        for week in weeks
    ]


async def _whole(connection: asyncpg.Connection, person: str, week: Week, now: datetime) -> Json:
    [summary] = await _summaries(connection, person, [week], now)
    entries = await list_week_entries(connection, person, week)
    history = await store.read_history(connection, person, week)
    return serialize_timesheet(summary, entries, history)


def _tag(shape: Json) -> str:
    """A week looks different too when days of it are closed or the target moves."""
    closed = sum(not day["can_edit"] for day in shape["days"])
    return etag_of(shape["version"], closed, shape["target_minutes"])


def _range(query: TimesheetQuery, now: datetime) -> tuple[Week, Week]:
    last = query.until or max(Week.of(latest_today(now)), query.since or Week(date.min))
    first = query.since or last.plus(1 - DEFAULT_WEEKS)
    if (last.monday - first.monday).days > MAX_WEEKS * 7:
        words = f"At most {MAX_WEEKS} weeks at once."
        raise UnprocessableContent([FieldError("/from", words, "too_long", "query")])
    return first, last


def _week(request: web.Request) -> Week:
    try:
        return Week.parse(request.match_info["week"])
    except ValueError as error:
        raise UnprocessableContent([FieldError("/week", str(error), "invalid", "path")]) from error
