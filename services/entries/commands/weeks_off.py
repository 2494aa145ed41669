"""Publishing the weeks in which people are off.

Changes of working time, absences and company days publish the weeks that they affect. Holidays
need no change: time alone brings new weeks of them, which a job publishes, and a new version of
the library may have other ones, which the job finds by comparing.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
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
from services.entries.store.absences import lock_person
from services.entries.store.calendar import named_holidays, read_calendar, read_calendars
from services.entries.store.holiday_calendars import holidays_of
from services.entries.store.holidays import list_company_days
from services.entries.store.people import read_active_working_times
from services.entries.targets import WorkingTime

# The weeks of somebody new: so many before they were first heard of, and so many after today. Those
# before are published when one of them is submitted, those after as time goes on. A change
# publishes all weeks that it touches of those that were published, however long ago they were.
WEEKS_BACK, WEEKS_AHEAD = 53, 60
# The weeks back of people known to a release that published changes only.
BACKFILL_WEEKS = 156
BACKFILL_PEOPLE = 20  # in one transaction


async def publish_new_weeks(db: Database, now: datetime) -> None:
    """Publish the weeks that have come within `WEEKS_AHEAD` since the last call. Does nothing while
    another replica does so."""
    last = Week.of(now.date()).plus(WEEKS_AHEAD)

    async def publish_next(connection: asyncpg.Connection) -> bool:
        """Publish one week; False if there is none left."""
        if not await store.try_to_lock(connection):
            return False
        horizon = await store.read_horizon(connection)
        week = horizon.plus(1) if horizon else Week.of(now.date())
        if week > last:
            return False
        # Before the people are read: a change of one of them is published after this, or read.
        await hold_feed(connection)
        await store.save_horizon(connection, week)
        await _publish_week(connection, week, now)
        return True

    while await db.transact(publish_next, share=Share.BATCHES):
        pass


async def publish_known_people(db: Database, now: datetime) -> None:
    """Publish the weeks off of people known to an earlier release, of whom nothing is known to be
    published. Does nothing while another replica does so."""

    async def publish_next(connection: asyncpg.Connection) -> bool:
        """Publish a few people; False if there are none left."""
        if not await store.try_to_lock(connection):
            return False
        people = await store.lock_unpublished(connection, BACKFILL_PEOPLE)
        async with deferred_publish(connection):
            for person in people:
                await lock_person(connection, person)
                start = Week.of(now.date()).plus(-BACKFILL_WEEKS)
                first = await store.start(connection, person, start)
                await _publish_person(connection, person, first, now)
        return bool(people)

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
        first = await store.read_first_since(connection) or Week.of(now.date())
        last = (await _weeks_from(connection, first, now))[-1]
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
    """Publish who is off."""
    working_times = await read_active_working_times(connection)
    calendars = await read_calendars(connection, working_times, week)
    known: dict[tuple[str, Week], bool] = {}
    for person, calendar in calendars.items():
        known |= _worth_publishing(person, calendar, [week])
    async with deferred_publish(connection):
        await publish_weeks_off(connection, known, now)


async def _publish_person(
    connection: asyncpg.Connection, person: str, first: Week, now: datetime
) -> None:
    """Publish the person's weeks off from the first on."""
    weeks = await _weeks_from(connection, first, now)
    calendar = await read_calendar(connection, person, first.monday, weeks[-1].sunday)
    await publish_weeks_off(connection, _worth_publishing(person, calendar, weeks), now)


def _worth_publishing(
    person: str, calendar: PersonCalendar, weeks: Sequence[Week]
) -> dict[tuple[str, Week], bool]:
    """Weeks that were never published are not off, so the others are published for absences only:
    such a week may have been published as off, with other working hours."""
    off = calendar.weeks_off(weeks)
    absent = {Week.of(day) for each in calendar.absences for day in each.draft.days}
    return {(person, week): week in off for week in weeks if week in off or week in absent}


async def publish_first_weeks_off(
    connection: asyncpg.Connection, person: str, now: datetime
) -> None:
    """Publish the weeks off of somebody new."""
    await lock_person(connection, person)
    first = await store.start(connection, person, Week.of(now.date()).plus(-WEEKS_BACK))
    await _publish_person(connection, person, first, now)


async def publish_changed_weeks_off(
    connection: asyncpg.Connection, person: str, before: WorkingTime | None, now: datetime
) -> None:
    """Publish the weeks in which the new working time changed whether the person is off; all
    weeks if what was published is out of date or not known (None)."""
    await lock_person(connection, person)
    first = await store.read_since(connection, person)
    if first is None:
        first = await store.start(connection, person, Week.of(now.date()).plus(-BACKFILL_WEEKS))
        before = None
    weeks = await _weeks_from(connection, first, now)
    after = await read_calendar(connection, person, first.monday, weeks[-1].sunday)
    off = after.weeks_off(weeks)
    changed: Collection[Week] = weeks
    if before is not None:
        company_days = await list_company_days(connection, first.monday, weeks[-1].sunday)
        old_holidays = named_holidays(before, company_days, first.monday, weeks[-1].sunday)
        changed = off ^ PersonCalendar(before, old_holidays, after.absences).weeks_off(weeks)
    async with deferred_publish(connection):
        await publish_weeks_off(connection, {(person, week): week in off for week in changed}, now)


async def publish_earlier_weeks_off(
    connection: asyncpg.Connection, person: str, week: Week, now: datetime
) -> None:
    """Publish the weeks off from this one on if it is before all that were published.

    Weeks are expected from the first that was submitted, so this has to be called for each.
    """
    if week > Week.of(now.date()).plus(-WEEKS_BACK):
        return  # Published when the person was first heard of.
    until = await store.move_start(connection, person, week)
    if until is None:
        return
    await lock_person(connection, person)
    weeks = _weeks_between(week, until.plus(-1))
    calendar = await read_calendar(connection, person, week.monday, weeks[-1].sunday)
    known = _worth_publishing(person, calendar, weeks)
    await publish_weeks_off(connection, known, now)


async def _weeks_from(connection: asyncpg.Connection, first: Week, now: datetime) -> Sequence[Week]:
    """The weeks from the first to the last that was or is being published: an event may be older
    than the horizon."""
    last = Week.of(now.date()).plus(WEEKS_AHEAD)
    horizon = await store.read_horizon(connection) or last
    return _weeks_between(first, max(last, horizon.plus(1)))


def _weeks_between(first: Week, last: Week) -> Sequence[Week]:
    count = (last.monday - first.monday).days // 7 + 1
    return [first.plus(number) for number in range(count)]
