"""Publishing the weeks in which people are off.

Changes of working time, absences and company days publish the weeks that they affect. Holidays
need no change: time alone brings new weeks of them, which a job publishes, and a new version of
the library may have other ones, which the job finds by comparing.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime

import asyncpg

from libs.feed.events import deferred_publish, hold_feed
from libs.postgres.pool import Database
from libs.postgres.shares import Share
from libs.rules.calendar import Week
from services.entries.calendar import PersonCalendar
from services.entries.events import publish_weeks_off
from services.entries.store import known_holidays
from services.entries.store import weeks_off as store
from services.entries.store.calendar import named_holidays, read_calendar, read_calendars
from services.entries.store.holiday_calendars import holidays_of
from services.entries.store.holidays import list_company_days
from services.entries.store.people import read_active_working_times
from services.entries.targets import WorkingTime

# The weeks that are looked at when somebody's working time changes. Those ahead are published for
# everybody, week by week.
WEEKS_BACK, WEEKS_AHEAD = 53, 60
# A database of a release that published changes only is read from so many weeks ago.
BACKFILL_WEEKS = 156


async def publish_new_weeks(db: Database, now: datetime) -> None:
    """Publish the weeks that have come within `WEEKS_AHEAD` since the last call, and the first
    time those of the past as well. Does nothing while another replica does so."""
    last = Week.of(now.date()).plus(WEEKS_AHEAD)

    async def publish_next(connection: asyncpg.Connection) -> bool:
        """Publish one week; False if there is none left."""
        if not await store.try_to_lock(connection):
            return False
        horizon = await store.read_horizon(connection)
        week = horizon.plus(1) if horizon else Week.of(now.date()).plus(-BACKFILL_WEEKS)
        if week > last:
            return False
        # Before the people are read: a change of one of them is published after this, or read.
        await hold_feed(connection)
        await store.save_horizon(connection, week)
        await _publish_week(connection, week, now)
        return True

    while await db.transact(publish_next, share=Share.BATCHES):
        pass


async def publish_changed_holidays(db: Database, now: datetime) -> None:
    """Publish the weeks of holidays that a new version of the library added or took away.

    Weeks that are submitted keep their targets. Does nothing while another replica does so.
    """

    async def publish_next(connection: asyncpg.Connection) -> bool:
        """Publish one calendar and year; False if no other changed."""
        if not await store.try_to_lock(connection):
            return False
        first, last = await _weeks_around(connection, now)
        known = await known_holidays.read_known(connection)
        for calendar in await known_holidays.list_calendars(connection):
            for year in range(first.monday.year, last.sunday.year + 1):
                days = frozenset(holidays_of(calendar, year))
                before = known.get((calendar, year))
                if before == days:
                    continue
                await known_holidays.save_known(connection, calendar, year, days)
                if before is not None:
                    changed = [day for day in before ^ days if first.monday <= day <= last.sunday]
                    await _publish_holidays(connection, calendar, changed, now)
                    return True
        return False

    while await db.transact(publish_next, share=Share.BATCHES):
        pass


async def _publish_holidays(
    connection: asyncpg.Connection, calendar: str, days: Collection[date], now: datetime
) -> None:
    """Publish the weeks of these days for everybody whose contract has the calendar then."""
    await hold_feed(connection)  # before the people are read, as in `publish_new_weeks`
    working_times = await read_active_working_times(connection)
    for week in sorted({Week.of(day) for day in days}, key=lambda week: week.monday):
        affected = {
            person: working_time
            for person, working_time in working_times.items()
            for day in days
            if day in week.days
            and (contract := working_time.contract_on(day)) is not None
            and contract.calendar == calendar
        }
        calendars = await read_calendars(connection, affected, week)
        off = {(person, week): each.is_off(week) for person, each in calendars.items()}
        async with deferred_publish(connection):
            await publish_weeks_off(connection, off, now)


async def _publish_week(connection: asyncpg.Connection, week: Week, now: datetime) -> None:
    """Publish who is off. Weeks that were never published are not off, so the others are published
    for absences only: such a week may have been published as off, with other working hours."""
    working_times = await read_active_working_times(connection)
    calendars = await read_calendars(connection, working_times, week)
    off = {(person, week): calendar.is_off(week) for person, calendar in calendars.items()}
    known = {key: is_off for key, is_off in off.items() if is_off or calendars[key[0]].absences}
    async with deferred_publish(connection):
        await publish_weeks_off(connection, known, now)


async def publish_changed_weeks_off(
    connection: asyncpg.Connection, person: str, before: WorkingTime | None, now: datetime
) -> None:
    """Publish the weeks in which the new working time changed whether the person is off; all
    weeks if nothing was published of the person before (None)."""
    first, last = await _weeks_around(connection, now)
    after = await read_calendar(connection, person, first.monday, last.sunday)
    company_days = await list_company_days(connection, first.monday, last.sunday)
    old_time = before or WorkingTime()
    old = PersonCalendar(
        old_time,
        named_holidays(old_time, company_days, first.monday, last.sunday),
        after.absences,
    )
    count = (last.monday - first.monday).days // 7 + 1
    weeks = [first.plus(number) for number in range(count)]
    changed = {
        (person, week): after.is_off(week)
        for week in weeks
        if before is None or after.is_off(week) != old.is_off(week)
    }
    async with deferred_publish(connection):
        await publish_weeks_off(connection, changed, now)


async def _weeks_around(connection: asyncpg.Connection, now: datetime) -> tuple[Week, Week]:
    """The weeks that were or are being published: an event may be older than the horizon."""
    week = Week.of(now.date())
    last = week.plus(WEEKS_AHEAD)
    horizon = await store.read_horizon(connection) or last
    return week.plus(-WEEKS_BACK), max(last, horizon.plus(1))
