"""Reading a person's calendar: working time, holidays and absences of a range of days."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

import asyncpg

from libs.rules.calendar import Week
from services.entries.calendar import PersonCalendar
from services.entries.store.absences import list_absences_of_several, list_all_absences
from services.entries.store.holiday_calendars import holidays_of
from services.entries.store.holidays import list_company_days
from services.entries.store.people import read_working_time
from services.entries.targets import WorkingTime


async def read_calendar(
    connection: asyncpg.Connection, person: str, since: date, until: date
) -> PersonCalendar:
    """The person's calendar from `since` to `until`, both included."""
    working_time = await read_working_time(connection, person)
    company_days = await list_company_days(connection, since, until)
    return PersonCalendar(
        working_time,
        named_holidays(working_time, company_days, since, until),
        await list_all_absences(connection, person, since, until),
    )


async def read_calendars(
    connection: asyncpg.Connection, working_times: Mapping[str, WorkingTime], week: Week
) -> dict[str, PersonCalendar]:
    """The calendars of several people, by person, for one week."""
    company_days = await list_company_days(connection, week.monday, week.sunday)
    people = list(working_times)
    absences = await list_absences_of_several(connection, people, week.monday, week.sunday)
    return {
        person: PersonCalendar(
            working_time,
            named_holidays(working_time, company_days, week.monday, week.sunday),
            absences[person],
        )
        for person, working_time in working_times.items()
    }


def named_holidays(
    working_time: WorkingTime, company_days: Mapping[date, str], since: date, until: date
) -> dict[date, str]:
    """The holidays of the calendar of the contract in force on each day, and the company days."""
    names: dict[date, str] = {}
    for number in range((until - since).days + 1):
        day = since + timedelta(number)
        contract = working_time.contract_on(day)
        if contract is not None and contract.calendar is not None:
            name = holidays_of(contract.calendar, day.year).get(day)
            if name is not None:
                names[day] = name
    return names | dict(company_days)
