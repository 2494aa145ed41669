"""Holidays, company days, and the calendar that a person's days are measured by."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from aiohttp import web

from libs.auth import Scope, requires
from libs.postgres.pool import DATABASE
from libs.rules.calendar import Week, latest_today
from libs.service.access import current_actor
from libs.web.app import CLOCK
from libs.web.contract import Contract, endpoint
from libs.web.paging import page_response
from libs.web.problems import FieldError, UnprocessableContent
from libs.web.resources import answer_schema, page_schema
from libs.web.responses import json_response
from libs.web.validation import body_of, query_of
from services.entries.api.access import current_user, user_or_report
from services.entries.commands import holidays as commands
from services.entries.commands.calendar import list_days
from services.entries.schemas.calendar import (
    CalendarDay,
    CompanyDay,
    CompanyDaySchema,
    Holiday,
    HolidayQuery,
    HolidayQuerySchema,
    RangeQuery,
    RangeQuerySchema,
)
from services.entries.store.calendar import read_calendar
from services.entries.store.holidays import list_company_days

ROUTES = web.RouteTableDef()

HOLIDAY = "/v1/holidays/{date}"
MAX_DAYS = 366


@ROUTES.get("/v1/holidays", allow_head=False)
@requires(Scope.READ_TIMESHEETS)
@endpoint(
    Contract(
        summary="List the caller's holidays and the company's own days",
        description=f"At most {MAX_DAYS} days; without `from` and `to`, the current year.",
        query=HolidayQuerySchema(),
        answers={200: page_schema(Holiday)()},
    )
)
async def list_holidays(request: web.Request) -> web.Response:
    """List the holidays of the caller's calendar and the company days in a range of days."""
    query, today = query_of(request, HolidayQuery), latest_today(request.app[CLOCK].now())
    year = date(today.year, 1, 1), date(today.year, 12, 31)
    since, until = _range(query.since, query.until, year)
    person = current_user(request)
    async with request.app[DATABASE].connection() as connection:
        calendar = await read_calendar(connection, person, since, until)
        company_days = await list_company_days(connection, since, until)
    items = [
        Holiday(day, name, day in company_days) for day, name in sorted(calendar.holidays.items())
    ]
    return json_response({"items": items, "next": None})


@ROUTES.put(HOLIDAY)
@requires(Scope.MANAGE_TIMESHEETS)
@endpoint(
    Contract(
        summary="Make a day off for the whole company",
        body=CompanyDaySchema(),
        answers={200: answer_schema(Holiday)(), 201: answer_schema(Holiday)()},
        problems=(409,),
    )
)
async def put_holiday(request: web.Request) -> web.Response:
    """Create or rename a company day."""
    day, name = _day(request), body_of(request, CompanyDay).name
    created = await commands.put_company_day(
        request.app[DATABASE], day, name, current_actor(request), request.app[CLOCK].now()
    )
    return json_response(Holiday(day, name, is_company_day=True), status=201 if created else 200)


@ROUTES.delete(HOLIDAY)
@requires(Scope.MANAGE_TIMESHEETS)
@endpoint(Contract(summary="Delete a company day", answers={204: None}, problems=(404, 409)))
async def delete_holiday(request: web.Request) -> web.Response:
    """Delete a company day."""
    await commands.delete_company_day(
        request.app[DATABASE], _day(request), current_actor(request), request.app[CLOCK].now()
    )
    return web.Response(status=204)


@ROUTES.get("/v1/calendar", allow_head=False)
@requires(Scope.READ_TIMESHEETS)
@endpoint(
    Contract(
        summary="Read the target, holiday, absence and minutes of each day",
        description=f"At most {MAX_DAYS} days; without `from` and `to`, the current week.",
        query=RangeQuerySchema(),
        problems=(404,),
        answers={200: page_schema(CalendarDay)(), 304: None},
    )
)
async def show_calendar(request: web.Request) -> web.Response:
    """Show target, holiday, absence and minutes of each day of a person."""
    query, now = query_of(request, RangeQuery), request.app[CLOCK].now()
    person = await user_or_report(request, query.person)
    since, until = _range(query.since, query.until, _current_week(now))
    async with request.app[DATABASE].connection() as connection:
        days = await list_days(connection, person, since, until)
    items = [
        CalendarDay(day.date, day.target, day.holiday, day.absence, day.minutes) for day in days
    ]
    return page_response(request, items, None)


def _current_week(now: datetime) -> tuple[date, date]:
    week = Week.of(latest_today(now))
    return week.monday, week.sunday


def _range(since: date | None, until: date | None, default: tuple[date, date]) -> tuple[date, date]:
    """The days that a query names. An end that is missing follows from the other one."""
    if since is None and until is None:
        return default
    length = default[1] - default[0]
    first = since or (until or default[1]) - length
    last = until or first + length
    if last - first >= timedelta(MAX_DAYS):
        message = f"At most {MAX_DAYS} days at once."
        raise UnprocessableContent([FieldError("/to", message, "too_long", "query")])
    return first, last


def _day(request: web.Request) -> date:
    try:
        return date.fromisoformat(request.match_info["date"])
    except ValueError as error:
        message = "A day like 2026-11-23 is expected."
        raise UnprocessableContent([FieldError("/date", message, "invalid", "path")]) from error
