"""Reading a person's calendar with what was worked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import asyncpg

from libs.rules.calendar import Week
from services.entries.calendar import AbsenceKind, PersonCalendar
from services.entries.model import State, Timesheet
from services.entries.store.calendar import read_calendar
from services.entries.store.timesheets import list_timesheets
from services.entries.targets import Targets


@dataclass(frozen=True, slots=True)
class DayInCalendar:
    """A day: its target, holiday, absence and minutes."""

    date: date
    target: int | None
    holiday: str | None
    absence: AbsenceKind | None
    minutes: int


async def list_days(
    connection: asyncpg.Connection, person: str, since: date, until: date
) -> list[DayInCalendar]:
    """The days from `since` to `until`, both included."""
    first, last = Week.of(since), Week.of(until)
    calendar = await read_calendar(connection, person, first.monday, last.sunday)
    sheets = await list_timesheets(connection, person, first, last)
    return [
        day
        for week in _weeks(first, last)
        for day in _days_of(sheets.get(week, Timesheet(person, week)), calendar)
        if since <= day.date <= until
    ]


def targets_of(sheet: Timesheet, calendar: PersonCalendar) -> Targets:
    """Fixed when the week was submitted; as the calendar has it today while the week is open."""
    if sheet.state is State.OPEN:
        return calendar.targets(sheet.week.days)
    return sheet.targets or (None,) * len(sheet.week.days)


def holidays_in(week: Week, calendar: PersonCalendar) -> Mapping[date, str]:
    """The holidays of the week, in order."""
    return {day: calendar.holidays[day] for day in week.days if day in calendar.holidays}


def _days_of(sheet: Timesheet, calendar: PersonCalendar) -> Sequence[DayInCalendar]:
    return [
        DayInCalendar(
            day, target, calendar.holidays.get(day), calendar.absence_on(day), sheet.minutes_on(day)
        )
        for day, target in zip(sheet.week.days, targets_of(sheet, calendar), strict=True)
    ]


def _weeks(first: Week, last: Week) -> list[Week]:
    count = (last.monday - first.monday) // timedelta(weeks=1) + 1
    return [first.plus(number) for number in range(count)]
